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
#include "common/notify.h"

#include <stdbool.h>
#include <sys/types.h>

struct daemon {
	int lock_fd;  /* -1: none */
	int ready_fd; /* where daemon_ready() tells the one who waits; -1 */
	struct notify *notify; /* borrowed; the service manager, or NULL */
};

/*
 * Forks to the background.  The first process waits until daemon_ready() and
 * exits 0; when the second ends before, with the same status, or 1 if that
 * was 0 or a signal.  The second returns, in a session of its own.
 * Descriptors 0 to 2 stay until daemon_ready(), so that errors of the start
 * are seen; the working folder stays for good, as names in the config are
 * relative to it.  A child that is forked before daemon_ready() must close
 * ready_fd and lock_fd.
 */
NODISCARD int daemon_detach(struct daemon *daemon);

/* Tells the one who waits, and the service manager; points 0 to 2 to /dev/null
 * if detached. */
void daemon_ready(struct daemon *daemon);

/*
 * Takes "RUN/NAME.pid" with a lock of the open file description and writes
 * the process id: after daemon_detach().  ERR_RUNNING when another holds it
 * and does not end within half a second; *holder is its id.
 */
NODISCARD int daemon_lock(struct daemon *daemon, const char *run_dir,
			  const char *name, pid_t *holder);
/* Empties and unlocks; NAME.pid stays, as its folder is root's. */
void daemon_unlock(struct daemon *daemon);

/*
 * Makes the run folder (root:root 0755) or the state folder (uid:gid 0750)
 * with its parents (0755).  As root an existing one that is empty is mended,
 * the state folder also if it has our group, and another is -EPERM: it belongs
 * to somebody.  Otherwise one that we cannot write to is -EACCES.
 *
 * routed, as root, trusts what it finds in the run folder: so nobody else may
 * put anything there, and who drops root opens his socket before.
 */
NODISCARD int daemon_make_run_dir(const char *path);
NODISCARD int daemon_make_state_dir(const char *path, uid_t uid, gid_t gid);

#endif
