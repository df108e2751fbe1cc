// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prefixes lie in one dense array, so that the plan can read them as they are;
 * what belongs to each has the same index in another.  One that leaves is
 * replaced by the last.  Indexes make two lists: by hash of the address, and
 * in the order in which they were asked for, a ring whose head is behind the
 * array.
 */
#include "routed/direct.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384 /* a power of two */
#define HEAD DIRECT_MAX
#define NOTHING UINT32_MAX
#define SECOND_MS 1000

struct item {
	int64_t until_ms;
	uint32_t older, newer;
	uint32_t next; /* with the same hash */
};

struct direct {
	size_t count;
	int64_t next_ms; /* not later than the first to go */
	uint64_t asked, evicted;
	struct prefix prefixes[DIRECT_MAX];
	struct item items[DIRECT_MAX + 1]; /* the last one is the head */
	uint32_t buckets[BUCKETS];
};

int direct_new(struct direct **direct)
{
	struct direct *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	for (size_t i = 0; i < BUCKETS; i++)
		new->buckets[i] = NOTHING;
	new->items[HEAD].older = new->items[HEAD].newer = HEAD;
	new->next_ms = INT64_MAX;
	*direct = new;
	return 0;
}

void direct_free(struct direct *direct)
{
	free(direct);
}

bool direct_is_fit(const struct fake_pool *pool, const struct addr *addr)
{
	const struct fake_pool otherwise = fake_pool_default();

	return addr_is_far(addr) && !fake_pool_has(pool, addr) &&
	       !fake_pool_has(&otherwise, addr);
}

/* A whole second, so that many of them go at once. */
int64_t direct_until_ms(int64_t now_ms, int64_t ttl_s)
{
	int64_t until_ms = now_ms + DIRECT_GRACE_MS + SECOND_MS - 1;

	if (ttl_s > DIRECT_TTL_MAX_S)
		ttl_s = DIRECT_TTL_MAX_S;
	if (ttl_s > 0)
		until_ms += ttl_s * SECOND_MS;
	return until_ms - until_ms % SECOND_MS;
}

/* FNV-1a: whoever makes names collide has only his own throws to lose. */
static uint32_t *bucket_of(struct direct *direct, const struct addr *addr)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < sizeof(addr->bytes); i++)
		hash = (hash ^ addr->bytes[i]) * 16777619U;
	return &direct->buckets[(hash ^ hash >> 16) % BUCKETS];
}

/* The link that leads to the address, or the one at the end of its list. */
static uint32_t *find(struct direct *direct, const struct addr *addr)
{
	uint32_t *link = bucket_of(direct, addr);

	while (*link != NOTHING &&
	       !addr_equal(&direct->prefixes[*link].addr, addr))
		link = &direct->items[*link].next;
	return link;
}

static void ring_leave(struct direct *direct, uint32_t at)
{
	const struct item *item = &direct->items[at];

	direct->items[item->older].newer = item->newer;
	direct->items[item->newer].older = item->older;
}

static void ring_join(struct direct *direct, uint32_t at)
{
	struct item *head = &direct->items[HEAD];

	direct->items[at].older = head->older;
	direct->items[at].newer = HEAD;
	direct->items[head->older].newer = at;
	head->older = at;
}

static void drop(struct direct *direct, uint32_t at)
{
	uint32_t last = (uint32_t)direct->count - 1;
	uint32_t *link = find(direct, &direct->prefixes[at].addr);

	assert(*link == at);
	*link = direct->items[at].next;
	ring_leave(direct, at);
	direct->count--;
	if (at == last)
		return;
	*find(direct, &direct->prefixes[last].addr) = at;
	direct->prefixes[at] = direct->prefixes[last];
	direct->items[at] = direct->items[last];
	direct->items[direct->items[at].older].newer = at;
	direct->items[direct->items[at].newer].older = at;
}

static void add(struct direct *direct, const struct addr *addr,
		int64_t until_ms)
{
	uint32_t at = (uint32_t)direct->count++;
	uint32_t *bucket = bucket_of(direct, addr);

	direct->prefixes[at] = (struct prefix){
		.addr = *addr,
		.length = (uint8_t)addr_bits(addr),
	};
	direct->items[at].until_ms = until_ms;
	direct->items[at].next = *bucket;
	*bucket = at;
	ring_join(direct, at);
}

int direct_ask(struct direct *direct, const struct addr *addr, int64_t until_ms,
	       struct addr *evicted)
{
	uint32_t at = *find(direct, addr);

	*evicted = (struct addr){.family = ADDR_NONE};
	direct->asked++;
	if (until_ms < direct->next_ms)
		direct->next_ms = until_ms;
	if (at != NOTHING) {
		if (direct->items[at].until_ms < until_ms)
			direct->items[at].until_ms = until_ms;
		ring_leave(direct, at);
		ring_join(direct, at);
		return 0;
	}
	if (direct->count == DIRECT_MAX) {
		uint32_t oldest = direct->items[HEAD].newer;

		*evicted = direct->prefixes[oldest].addr;
		direct->evicted++;
		drop(direct, oldest);
	}
	add(direct, addr, until_ms);
	return 1;
}

bool direct_has(struct direct *direct, const struct addr *addr, int64_t now_ms)
{
	uint32_t at = *find(direct, addr);

	return at != NOTHING && direct->items[at].until_ms > now_ms;
}

size_t direct_expire(struct direct *direct, int64_t now_ms, struct addr *out,
		     size_t max)
{
	int64_t next_ms = INT64_MAX;
	size_t gone = 0;
	uint32_t at = 0;

	if (now_ms < direct->next_ms)
		return 0;
	while (at < direct->count && gone < max) {
		int64_t until_ms = direct->items[at].until_ms;

		if (until_ms <= now_ms) {
			out[gone++] = direct->prefixes[at].addr;
			drop(direct, at);
			continue;
		}
		if (until_ms < next_ms)
			next_ms = until_ms;
		at++;
	}
	/* There may be more: it is not later for those either. */
	if (at == direct->count)
		direct->next_ms = next_ms;
	return gone;
}

int64_t direct_next_ms(const struct direct *direct)
{
	return direct->next_ms;
}

const struct prefix *direct_prefixes(const struct direct *direct, size_t *count)
{
	*count = direct->count;
	return direct->prefixes;
}

struct direct_stats direct_stats(const struct direct *direct)
{
	return (struct direct_stats){
		.count = direct->count,
		.asked = direct->asked,
		.evicted = direct->evicted,
	};
}
