// SPDX-License-Identifier: BSD-2-Clause
/*
 * lookup_memory.h - what lookups remember: answers, failures, numbers.
 *
 * Apart from the lookups, since it outlives a reload.
 *
 * Ownership	the owner embeds a zeroed struct; what it holds is freed by
 *		lookup_memory_fini()
 */
#ifndef ERSATZ_DNSD_UPSTREAM_LOOKUP_MEMORY_H
#define ERSATZ_DNSD_UPSTREAM_LOOKUP_MEMORY_H

#include "common/compiler.h"
#include "dnsd/cache/cache.h"
#include "dnsd/cache/failures.h"

#include <stdint.h>

struct lookups_stats {
	uint64_t hits;       /* answered from the cache, in time */
	uint64_t stale;      /* ... beyond its end */
	uint64_t misses;     /* the cache had nothing */
	uint64_t shared;     /* joined a query that was under way */
	uint64_t prefetched; /* asked again before it ended */
	uint64_t refused;    /* failed a moment ago: not asked again */
};

struct lookup_memory {
	struct cache *cache; /* owned */
	struct failures failures;
	struct lookups_stats stats;
};

/*
 * At the start and at a reload.  A cache of another size is a new one, which
 * is empty; when there is no memory for it the old one stays.
 */
NODISCARD int lookup_memory_set(struct lookup_memory *memory,
				const struct cache_conf *conf);
void lookup_memory_fini(struct lookup_memory *memory);

#endif
