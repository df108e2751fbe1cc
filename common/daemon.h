// SPDX-License-Identifier: BSD-2-Clause
/*
 * daemon.h - becoming a daemon: one instance, background, readiness.
 *
 * Without -f a daemon returns to the shell only when it is ready (or has said
 * why it cannot be), so that "dnsd && routed" is in order and a unit can be
 * of Type=forking without a library.
 *
 * Errors	-errno; ERR_RUNNING
 */
#ifndef ERSATZ_COMMON_DAEMON_H
#define ERSATZ_COMMON_DAEMON_H

#include "common/compiler.h"

#include <stdbool.h>
#include <sys/types.h>

struct daemon {
	int lock_fd;  /* -1: none */
	int ready_fd; /* where daemon_ready() tells the one who waits; -1 */
};

/*
 * Forks to the background.  The first process waits until daemon_ready() and
 * exits 0, or 1 when the second ends before; the second returns.  Descriptors
 * 0 to 2 stay until daemon_ready(), so that errors of the start are seen.
 */
NODISCARD int daemon_detach(struct daemon *daemon);

/* Tells the one who waits; points 0 to 2 to /dev/null if detached. */
void daemon_ready(struct daemon *daemon);

/*
 * Takes "RUN/NAME.pid" with a lock of the open file description and writes
 * the process id.  ERR_RUNNING when another holds it; *holder is its id.
 */
NODISCARD int daemon_lock(struct daemon *daemon, const char *run_dir,
			  const char *name, pid_t *holder);
/* Empties and unlocks; NAME.pid stays, as its folder may be gone to us. */
void daemon_unlock(struct daemon *daemon);

/*
 * Makes the run folder (root:gid 01775) or the state folder (uid:gid 0750)
 * with its parents; an existing one is checked, and mended if root.
 */
NODISCARD int daemon_make_run_dir(const char *path, gid_t gid);
NODISCARD int daemon_make_state_dir(const char *path, uid_t uid, gid_t gid);

#endif
