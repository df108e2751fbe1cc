// SPDX-License-Identifier: BSD-2-Clause
/*
 * backlog.h - SYNs take turns with the flows that are there.
 *
 * A SYN is the beginning of much more work than any other packet, here and at
 * the proxy: a flood of them would take the time of all flows.  So a few are
 * handed over in each pass of the loop, and fewer while flows have much to
 * move.  And each takes from a credit, which the application gives back when
 * it completes the connection, while those that lead nowhere wait for time to
 * do that.  What finds no room to wait is lost, as in the backlog of a
 * listener.  Without a flood no SYN waits.
 *
 * Of several sources each waits in a lane of its own, or in one that few
 * share.  Lanes are served by turns, and none may have more room than it
 * leaves, so that who floods stands in his own way.
 *
 * Errors	-ENOMEM from backlog_new()
 * Ownership	frames are copied if they wait
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_BACKLOG_H
#define ERSATZ_ROUTED_RELAY_BACKLOG_H

#include "common/compiler.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BACKLOG_SIZE = 512,
	BACKLOG_TURN = 16, /* handed over in a pass */
	BACKLOG_BUSY_TURN = 2,
	BACKLOG_CREDIT = 1024,
	BACKLOG_REFILL = 256, /* a second */
	BACKLOG_BUSY_REFILL = 64,
	BACKLOG_REFUND = 2, /* it was perhaps sent twice */
	BACKLOG_LANES = 16,
};

struct backlog;

typedef void (*backlog_fn)(void *ctx, const uint8_t *frame, size_t length);

NODISCARD int backlog_new(struct backlog **backlog, struct ev_loop *loop,
			  backlog_fn fn, void *ctx);
/* What waits is forgotten.  NULL is fine. */
void backlog_free(struct backlog *backlog);

/*
 * Hands it over now or later; false: it is lost.  `source` is a number of who
 * sent it; 0: there is but one, who may have all the room.
 */
NODISCARD bool backlog_add(struct backlog *backlog, uint64_t source,
			   const uint8_t *frame, size_t length);

/* One of them became a flow.  NULL is fine. */
void backlog_note_flow(struct backlog *backlog);

/* Flows have moved much.  NULL is fine. */
void backlog_note_busy(struct backlog *backlog);

#endif
