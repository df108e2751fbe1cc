// SPDX-License-Identifier: BSD-2-Clause
/*
 * direct.h - the addresses of DIRECT names: which they are, and until when.
 *
 * dnsd tells them before it answers, and each has a throw in the table
 * `local` while it is here.  They go DIRECT_GRACE_MS after their TTL: browsers
 * keep an address for a minute whatever its TTL is, and what began in time may
 * connect a little later.  When there are DIRECT_MAX of them, the one that was
 * least recently asked for goes for one that is new.  Pure, and without
 * allocation but for direct_new().
 *
 * Units	milliseconds of the monotonic clock
 * Errors	-ENOMEM
 * Ownership	direct_new() gives to the caller
 */
#ifndef ERSATZ_ROUTED_DIRECT_H
#define ERSATZ_ROUTED_DIRECT_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/fake.h"

#define DIRECT_MAX 8192
#define DIRECT_GRACE_MS 60000
#define DIRECT_TTL_MAX_S 86400 /* longer ones count as this */

struct direct;

NODISCARD int direct_new(struct direct **direct);
void direct_free(struct direct *direct);

/*
 * May that address be thrown?  Not one that nobody beyond the link can have,
 * nor one of the pools, whose default is where the TUN's own addresses are
 * when it is off.
 */
bool direct_is_fit(const struct fake_pool *pool, const struct addr *addr);

/* How long one that was asked for at `now_ms` stays. */
int64_t direct_until_ms(int64_t now_ms, int64_t ttl_s);

/*
 * Asked for: it stays until then, or longer if it was to.  1 when it is new;
 * `evicted` is the one that had to go for it, its family ADDR_NONE if none.
 */
NODISCARD int direct_ask(struct direct *direct, const struct addr *addr,
			 int64_t until_ms, struct addr *evicted);

/* Is it here, and its time not over? */
bool direct_has(struct direct *direct, const struct addr *addr, int64_t now_ms);

/*
 * Takes out at most `max` whose time is over and returns their number: call
 * again as long as it is `max`.
 */
NODISCARD size_t direct_expire(struct direct *direct, int64_t now_ms,
			       struct addr *out, size_t max);

/* Not after that is there something to expire; INT64_MAX: never. */
int64_t direct_next_ms(const struct direct *direct);

/* All of them, in no order; good until the next change. */
const struct prefix *direct_prefixes(const struct direct *direct,
				     size_t *count);

struct direct_stats {
	size_t count;     /* now */
	uint64_t asked;   /* times one was asked for */
	uint64_t evicted; /* before their time, for others */
};
struct direct_stats direct_stats(const struct direct *direct);

#endif
