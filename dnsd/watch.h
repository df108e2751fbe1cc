// SPDX-License-Identifier: BSD-2-Clause
/*
 * watch.h - those who look on: `dnsd --watch`, and the query log.
 *
 * While nobody does, a query pays nothing.  Otherwise each reply leaves a
 * record in a ring; a timer tells of them, for a millisecond at a time and
 * fifty times a second at most.  When the ring is full records are left out,
 * counted, and that is told; and a watcher that does not read is dropped by
 * control.h.  So neither ever makes a query wait.
 *
 * The verb is "watch", whose answer does not end: the objects of
 * sighting_set_json(), and {"missed":N} where some were left out.
 *
 * Errors	-errno
 * Ownership	watch_new() gives to the caller
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_WATCH_H
#define ERSATZ_DNSD_WATCH_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/control.h"
#include "dnsd/server.h"

#include <ev.h>
#include <stdint.h>
#include <stdio.h>

#define WATCH_MAX 8 /* watchers at a time */

struct watch;

/* Both are borrowed. */
NODISCARD int watch_new(struct watch **watch, struct ev_loop *loop,
			struct server *server);
void watch_free(struct watch *watch);

/*
 * Those before the config is freed: what was seen and borrows from it is told
 * first.  The log is opened anew, as SIGHUP means after a rotation.  When that
 * fails the old one stays.  In two steps, so that a reload can fail before
 * anything has changed.
 */
NODISCARD int watch_open_log(const struct config *config, int *fd);
void watch_set_config(struct watch *watch, const struct config *config,
		      int log_fd);

/* The verb. */
void watch_verb(struct watch *watch, struct control *control,
		struct control_client *client);

struct watch_stats {
	uint32_t watchers;
	uint64_t missed; /* queries that were told to nobody for want of room */
};
void watch_stats(const struct watch *watch, struct watch_stats *stats);

/* dnsd --watch: prints until it is interrupted or the daemon ends. */
NODISCARD int watch_run(const struct config *config, bool is_json, FILE *out);

#endif
