// SPDX-License-Identifier: BSD-2-Clause
/*
 * lookup.h - a question to a group: from the cache, or asked once.
 *
 * Stands between those who want an answer and upstream.h.  An answer that is
 * kept is given at once; equal questions share one query that is under way;
 * what failed a moment ago fails again without a query (RFC 9520); when the
 * upstream fails, or is slow, what has ended not too long ago is given all the
 * same (RFC 8767); what is popular is asked for again before it ends.
 *
 * A question without RD bypasses all of it: it asks about the upstream's own
 * memory.  So does one with a client's subnet that the upstream is to hear:
 * its answer is that client's alone.
 *
 * Ownership	the memory is borrowed, and outlives a reload
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_UPSTREAM_LOOKUP_H
#define ERSATZ_DNSD_UPSTREAM_LOOKUP_H

#include "common/compiler.h"
#include "dnsd/upstream/lookup_memory.h"
#include "dnsd/upstream/upstream.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lookups;

struct lookups_conf {
	struct ev_loop *loop; /* borrowed, as both of these */
	struct upstreams *upstreams;
	struct lookup_memory *memory;
	bool has_prefetch;
	size_t max; /* under way */
};

/* Embedded by the one who waits, until its `fn` has been called. */
struct lookup_waiter {
	struct lookup_waiter *next;
	upstream_done_fn fn;
	void *ctx;
};

NODISCARD int lookups_new(struct lookups **lookups,
			  const struct lookups_conf *conf);
/* Upstreams are freed first: their end ends every lookup. */
void lookups_free(struct lookups *lookups);

/* The question is about to be looked for, as cache_expect() says. */
void lookups_expect(const struct lookups *lookups, int index,
		    const struct question *question, unsigned step);

/*
 * What is there at once, `now_ms` of CLOCK_BOOTTIME.  The result's bytes live
 * until the next call of any function here.  False: ask.
 */
bool lookups_find(struct lookups *lookups, int index,
		  const struct question *question, int64_t now_ms,
		  struct upstream_result *result);

/*
 * Ends with one call of waiter->fn, now or later.  Negative when it cannot be
 * started, as upstreams_ask(); `fn` is not called then.
 */
NODISCARD int lookups_ask(struct lookups *lookups, int index,
			  const struct question *question,
			  struct lookup_waiter *waiter);

#endif
