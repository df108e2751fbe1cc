// SPDX-License-Identifier: BSD-2-Clause
/*
 * saved_file.h - a small file or symbolic link as a value: read, kept
 * elsewhere, put back as it was.
 *
 * Errors	-errno; -EFBIG beyond SAVED_FILE_BYTES_MAX
 * Ownership	saved_file_fini() frees the text
 */
#ifndef ERSATZ_ROUTED_SAVED_FILE_H
#define ERSATZ_ROUTED_SAVED_FILE_H

#include "common/compiler.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#define SAVED_FILE_BYTES_MAX (64U * 1024)

enum saved_kind {
	SAVED_NONE, /* there was nothing */
	SAVED_FILE,
	SAVED_LINK,
};

struct saved_file {
	enum saved_kind kind;
	char *text; /* owned; of a link: what it leads to, if anything */
	size_t length;
	mode_t mode; /* of a file */
	uid_t uid;
	gid_t gid;
	struct timespec mtime; /* tv_nsec UTIME_OMIT: not known */
	char target[PATH_MAX]; /* of a link */
};

/* A path where nothing is is SAVED_NONE and no error. */
NODISCARD int saved_file_read(struct saved_file *file, const char *path);
void saved_file_fini(struct saved_file *file);

/*
 * Puts it in the place of whatever `path` is, by rename(2) within the folder;
 * in place where that cannot be (a mount point, a folder that is read-only).
 * An owner other than ourselves needs CAP_CHOWN, and is left out without.
 */
NODISCARD int saved_file_put(const struct saved_file *file, const char *path);

/*
 * Keeps it as FOLDER/NAME, readable for all and our own, and the target of a
 * link as FOLDER/LINK_NAME; nothing at all if it is SAVED_NONE.  So mode and
 * owner do not come back from there.  Loading takes only files of our own
 * user; -ENOENT when there is none.
 */
NODISCARD int saved_file_store(const struct saved_file *file,
			       const char *folder, const char *name,
			       const char *link_name);
NODISCARD int saved_file_load(struct saved_file *file, const char *folder,
			      const char *name, const char *link_name);
void saved_file_forget(const char *folder, const char *name,
		       const char *link_name);

/* "none\n", "file 0644 0 0 1700000000.5\n", "link TARGET\n" */
void saved_file_print_kind(const struct saved_file *file, FILE *out);
NODISCARD int saved_file_parse_kind(struct saved_file *file, const char *text,
				    size_t length);

#endif
