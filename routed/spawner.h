// SPDX-License-Identifier: BSD-2-Clause
/*
 * spawner.h - the process that makes, watches and kills relays.
 *
 * Once the parent has dropped what it does not need it can neither change
 * user nor kill a process of another user.  So it forks the spawner before
 * anything else: user ersatz, no capability, one socket, no other descriptor.
 * It forks relays when asked, executes this very program again
 * (/proc/self/exe: a build tree runs uninstalled), and tells of their
 * deaths.  It dies with the parent and its relays die with it
 * (PR_SET_PDEATHSIG, set after the change of user, which clears it).
 *
 * Errors	-errno
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_SPAWNER_H
#define ERSATZ_ROUTED_SPAWNER_H

#include "common/compiler.h"
#include "common/privilege.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define SPAWNER_RELAY_NAME "routed: relay" /* argv[0] of a relay */
#define SPAWNER_LINK_FD 3                  /* its end of link.h */

struct spawner;

struct spawner_events {
	/* `id` as given to spawner_spawn(). */
	void (*on_started)(void *ctx, uint32_t id, pid_t pid);
	/*
	 * Its descriptors are closed, so its TUNs are gone.  `status` as
	 * wait(2) has it; -1: it could not be started.
	 */
	void (*on_death)(void *ctx, uint32_t id, int status);
	/* The spawner itself is gone, and all relays with it. */
	void (*on_lost)(void *ctx);
};

#define SPAWNER_RELAYS_MAX 8 /* at a time; one, and those that are dying */

/*
 * Forks it.  Call before threads, loops and secrets exist.  With `is_quiet`
 * descriptors 0 to 2 are /dev/null in it, so that it holds no terminal.
 */
NODISCARD int spawner_start(struct spawner **spawner,
			    const struct identity *identity, bool is_quiet);

/* Tells of events from `loop`; `events` is borrowed. */
NODISCARD int spawner_watch(struct spawner *spawner, struct ev_loop *loop,
			    const struct spawner_events *events, void *ctx);

/* Starts a relay with that end of the link, which stays the caller's. */
NODISCARD int spawner_spawn(struct spawner *spawner, uint32_t id, int link_fd);

/* SIGKILL; on_death follows.  An id that is not alive is ignored. */
NODISCARD int spawner_kill(struct spawner *spawner, uint32_t id);

/* Ends the spawner and every relay, and waits for it.  NULL is fine. */
void spawner_stop(struct spawner *spawner);

/* Is this process, by its argv[0], to be a relay? */
bool spawner_is_relay(const char *argv0);

#endif
