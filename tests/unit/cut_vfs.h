// SPDX-License-Identifier: BSD-2-Clause
/*
 * cut_vfs.h - a disk that loses what was not flushed when the power goes.
 *
 * A VFS of SQLite over the real one writes each change of a file, and each
 * flush, to a log as well, and ends the process at one of them.  From the
 * log, and the files as they were before, the files after the cut are made:
 * what was flushed is there; of what was written since, any part may be, and
 * the last sectors of a write may be missing.
 */
#ifndef ERSATZ_TESTS_CUT_VFS_H
#define ERSATZ_TESTS_CUT_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CUT_FILES 2 /* the database and its WAL */

/* The end of what cut_vfs_install() makes of a process. */
#define CUT_STATUS 42

/* The files of one map, in memory. */
struct cut_image {
	uint8_t *bytes; /* owned */
	size_t length;
};

struct cut_disk {
	struct cut_image files[CUT_FILES];
};

void cut_disk_read(struct cut_disk *disk, const char *path);
void cut_disk_free(struct cut_disk *disk);

/*
 * In a process of its own: all files that SQLite opens from now on are such
 * ones; it ends with CUT_STATUS at the change or flush number `at`.
 */
void cut_vfs_install(const char *log, unsigned at);

/*
 * Makes the files at `path` what the disk has after the cut; `disk` is as
 * before.  A disk that lies has flushed nothing.  Draws with rand().  Returns
 * how many changes and flushes there were.
 */
unsigned cut_disk_write(struct cut_disk *disk, const char *path,
			const char *log, bool is_lying);

#endif
