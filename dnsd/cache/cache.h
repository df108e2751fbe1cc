// SPDX-License-Identifier: BSD-2-Clause
/*
 * cache.h - answers of upstreams, kept in a fixed number of bytes.
 *
 * One block of memory that is taken at the start and touched as it fills.
 * Answers are found by question (name without case, type, DO, CD) and by the
 * group of servers that gave them, a number that upstreams_key() makes out of
 * the servers themselves: a group that a reload leaves as it was finds its
 * answers again, and one that changed finds none.  Nothing is allocated but
 * by cache_new(), and fake answers never get here.
 *
 * When it is full the oldest sixteenth makes room; what was asked for since
 * it was last looked at stays.
 *
 * Units	milliseconds of CLOCK_BOOTTIME, as TTLs go on in suspend
 * Ownership	cache_new() gives to the caller
 * Thread	the thread of the loop
 * Source	RFC 2181, 2308, 8020, 8767; kept.h says which answers
 */
#ifndef ERSATZ_DNSD_CACHE_H
#define ERSATZ_DNSD_CACHE_H

#include "common/compiler.h"
#include "common/name.h"
#include "dnsd/question.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_STALE_TTL_S 30 /* RFC 8767, 4 */

struct cache;

struct cache_conf {
	size_t size;      /* bytes; 0: nothing is kept */
	int64_t stale_ms; /* how long an answer is kept beyond its end */
};

struct cache_key {
	uint64_t group;
	const struct question *question; /* borrowed */
};

/*
 * What the one who asks has made of an answer, kept with it and zero at first:
 * here direct.h notes until when there is nothing to do about it.
 */
struct cache_note {
	int64_t until_ms;
	uint32_t epoch;
	bool is_alone;
};

struct cache_hit {
	const uint8_t *message; /* with its question; until the next call */
	size_t length;
	bool is_stale;
	bool is_cut; /* made of what is kept of a name above (RFC 8020) */
	/* Asked for again and again, and near its end; told once. */
	bool is_due;
	struct cache_note *note; /* until the next call; NULL: it has none */
};

NODISCARD int cache_new(struct cache **cache, const struct cache_conf *conf);
void cache_free(struct cache *cache);

/* Takes over what a reload may change without losing answers. */
void cache_set_stale(struct cache *cache, int64_t stale_ms);
size_t cache_size(const struct cache *cache);

/*
 * The key is about to be looked for: what the search will touch is fetched.
 * `step` is 0, then 1, with time for other work in between.
 */
void cache_expect(const struct cache *cache, const struct cache_key *key,
		  unsigned step);

/*
 * The TTLs of what is found are those that are left, and CACHE_STALE_TTL_S if
 * it is stale.
 */
bool cache_find(struct cache *cache, const struct cache_key *key,
		int64_t now_ms, struct cache_hit *hit);

struct cache_look {
	int64_t age_ms;
	int64_t left_ms; /* below 0: it has ended, and is stale */
};

/* What cache_find() would find of the very question, without using it. */
bool cache_look(const struct cache *cache, const struct cache_key *key,
		int64_t now_ms, struct cache_look *look);

/* Keeps an answer that packet_check() let pass, if it may be kept. */
void cache_put(struct cache *cache, const struct cache_key *key,
	       const uint8_t *message, size_t length, int64_t now_ms);

/* Forgets the name and all below it, or everything (NULL): how many. */
size_t cache_flush(struct cache *cache, const struct name *name);

struct cache_stats {
	uint64_t added, evicted;
	size_t entries, bytes, size;
};
void cache_stats(const struct cache *cache, struct cache_stats *stats);

#endif
