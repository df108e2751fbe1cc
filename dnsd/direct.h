// SPDX-License-Identifier: BSD-2-Clause
/*
 * direct.h - telling routed the addresses of DIRECT names.
 *
 * The answer waits until routed has made their throws, so that they stand
 * when the application connects: for DIRECT_WAIT_MS at most.  When routed
 * does not run, hangs, refuses, or too many answers wait, it leaves all the
 * same, and a connection that is too early goes by the relay.  What was told
 * a moment ago is not told again (told.h).
 *
 * One connection to routed's control socket is kept; one that is lost is
 * made anew when there is something to tell, not more often than every
 * DIRECT_PAUSE_MS.  Nothing is allocated but by direct_new().
 *
 * Ownership	direct_new() gives to the caller; replies are copied
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_DIRECT_H
#define ERSATZ_DNSD_DIRECT_H

#include "common/compiler.h"
#include "dnsd/cache/cache.h"
#include "dnsd/news.h"
#include "dnsd/server.h"

#include <ev.h>

#define DIRECT_WAIT_MS 5
#define DIRECT_PAUSE_MS 100
#define DIRECT_MAX 256 /* that routed was told and has not answered */

struct direct;

/* As server_reply(). */
typedef void (*direct_reply_fn)(void *ctx, const struct asker *asker,
				const uint8_t *message, size_t length);

/* `path` is routed's control socket, copied. */
NODISCARD int direct_new(struct direct **direct, struct ev_loop *loop,
			 const char *path, direct_reply_fn fn, void *ctx);
/* Replies that wait leave before. */
void direct_free(struct direct *direct);

/*
 * What the cache keeps of an answer (cache.h): until when it may leave without
 * a look at its addresses, as there is nothing to tell, all of it was told, or
 * nobody is there to be told.  Written by direct_note_silent() and
 * direct_note(), and void once routed, or the configuration, is another one:
 * the latter is told by direct_forget().
 */
bool direct_may_pass(struct direct *direct, const struct cache_note *note,
		     int64_t now_ms);
void direct_note_silent(const struct direct *direct, struct cache_note *note);
void direct_note(const struct direct *direct, const struct news *news,
		 struct cache_note *note, int64_t now_ms);
void direct_forget(struct direct *direct);

/* Tells, and calls `fn` with the reply exactly once, now or later. */
void direct_tell(struct direct *direct, const struct news *news,
		 const struct asker *asker, const uint8_t *message,
		 size_t length);

struct direct_stats {
	uint64_t told;    /* addresses that routed has thrown */
	uint64_t refused; /* requests that routed answered with an error */
	uint64_t late;    /* answers that left before routed had answered */
	uint64_t alone;   /* answers that left as routed could not be told */
};
void direct_stats(const struct direct *direct, struct direct_stats *stats);

#endif
