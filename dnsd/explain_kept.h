// SPDX-License-Identifier: BSD-2-Clause
/*
 * explain_kept.h - what a client would get without a query, for --explain.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_EXPLAIN_KEPT_H
#define ERSATZ_DNSD_EXPLAIN_KEPT_H

#include "common/json.h"
#include "dnsd/cache/cache.h"
#include "dnsd/upstream/lookup_memory.h"
#include "dnsd/upstream/upstream.h"

#include <stdbool.h>

enum explain_kept_state {
	EXPLAIN_KEPT_UNKNOWN, /* no daemon, or nobody is to be asked */
	EXPLAIN_KEPT_NOTHING,
	EXPLAIN_KEPT_FRESH,
	EXPLAIN_KEPT_STALE,  /* given if nobody answers */
	EXPLAIN_KEPT_CUT,    /* a name above does not exist (RFC 8020) */
	EXPLAIN_KEPT_FAILURE /* not asked again for a while */
};

struct explain_kept {
	enum explain_kept_state state;
	struct cache_look look; /* with FRESH and STALE */
};

/* What is asked, and of whom; all borrowed. */
struct explain_kept_subject {
	struct lookup_memory *memory;
	struct upstreams *upstreams;
	int index; /* of the group */
	const struct question *question;
};

/*
 * The result that lookup.h would give at once, whose bytes live until the next
 * call; false: the upstream is to be asked.
 */
bool explain_kept_find(struct explain_kept *kept,
		       const struct explain_kept_subject *subject,
		       struct upstream_result *result);

/* "cache": fresh, stale, cut, failure, nothing or null; its age, what is left.
 */
void explain_kept_tell(const struct explain_kept *kept, struct json *json);

#endif
