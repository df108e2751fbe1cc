// SPDX-License-Identifier: BSD-2-Clause
/*
 * landlock.h - where a process may write from now on.
 *
 * Landlock comes on top of user and modes, and takes away only.  Our processes
 * run as one user whose files are the map, and may be more, such as a log; so
 * modes alone do not say who of them may write what.
 *
 * Taken away is all that changes files, but in the folders that are named;
 * executing any; with a kernel that has it (6.7) opening a port for TCP, and
 * (6.12) signals to and abstract sockets of others.  Reading is left to modes:
 * a reload may name lists that were nowhere near at the start.
 *
 * routed's parent has none of this: a process in a Landlock domain must not
 * look at those outside of it, and the parent tells whose a socket is.
 *
 * Errors	-errno
 * Source	landlock(7)
 */
#ifndef ERSATZ_COMMON_LANDLOCK_H
#define ERSATZ_COMMON_LANDLOCK_H

#include "common/compiler.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum landlock_right {
	LANDLOCK_WRITE,  /* a file that is there */
	LANDLOCK_APPEND, /* and make new ones */
	LANDLOCK_CHANGE, /* and remove, rename: all but devices */
};

struct landlock_place {
	const char *path; /* file or folder; one that is missing is none */
	enum landlock_right right;
};

#define LANDLOCK_LOGS "/var/log" /* where a reload may want one */

/* The folder of a log, a path or another word (NULL: none); else /var/log. */
const char *landlock_log_folder(const char *path, char out[PATH_MAX]);

/* The version that this kernel has; 0: none. */
int landlock_version(void);

/*
 * This thread, and all that it makes, for good.  Takes no_new_privs.  Returns
 * landlock_version(): with 0 nothing was taken away.
 */
NODISCARD int landlock_enter(const struct landlock_place *places, size_t count,
			     bool may_listen);

#endif
