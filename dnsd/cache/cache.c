// SPDX-License-Identifier: BSD-2-Clause
/*
 * The memory is cut into segments that are filled one after the other.  When
 * the last one is full the first one, which is the oldest, is gone through:
 * entries that were found since then move down to its start, up to half of
 * it, the others are forgotten, and new ones are written behind.  So there
 * are no holes to be managed, one insertion in some thousand costs a walk over
 * a sixteenth of the memory, and what is popular survives.
 *
 * An entry is a header, the places of its TTLs, and the message, whose
 * question is the key.  Buckets and entries link by offsets in units of 8
 * bytes; 0 is none, as the first unit is left out.
 */
#include "dnsd/cache/cache.h"

#include "dnsd/cache/kept.h"
#include "dnsd/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define UNIT 8U
#define SEGMENTS 16U
#define BYTES_PER_BUCKET 256U
#define DUE_HITS 3 /* asked for that often: popular */
#define DUE_TTL_MIN_S 10
#define TYPE_CUT 0 /* no type on the wire: stands for all of them */

enum {
	ENTRY_DO = 1 << 0,
	ENTRY_CD = 1 << 1,
	ENTRY_DEAD = 1 << 2, /* in no chain any more */
	ENTRY_USED = 1 << 3, /* found since it was last looked at */
	ENTRY_TOLD = 1 << 4, /* that it is due */
};
#define ENTRY_KEY (ENTRY_DO | ENTRY_CD)

struct entry {
	uint32_t next; /* of its bucket, in units */
	uint32_t hash; /* the lower half */
	uint64_t group;
	int64_t born_ms;
	struct cache_note note;
	uint32_t ttl_s;
	uint32_t size; /* of all that belongs to it, in bytes */
	uint16_t length;
	uint16_t ttl_count;
	uint16_t type;
	uint16_t hits;
	uint8_t name_length;
	uint8_t flags;
	uint16_t ttl_at[];
};

struct full_key {
	uint64_t group;
	const uint8_t *name;
	uint8_t name_length;
	uint8_t flags;
	uint16_t type;
	uint32_t hash;
};

struct cache {
	uint8_t *memory; /* owned, mapped; NULL: nothing is kept */
	size_t size;
	size_t segment_size;
	uint32_t *buckets; /* owned */
	uint32_t mask;
	int64_t stale_ms;
	uint32_t current; /* the segment that is being filled */
	size_t used[SEGMENTS];
	size_t cuts; /* so many entries speak for names below them */
	struct cache_stats stats;
	uint8_t out[DNS_MESSAGE_MAX];
};

int cache_new(struct cache **cache, const struct cache_conf *conf)
{
	struct cache *new = calloc(1, sizeof(*new));
	uint32_t buckets = 64;

	if (!new)
		return -ENOMEM;
	new->stale_ms = conf->stale_ms;
	new->size = conf->size;
	*cache = new;
	if (conf->size == 0)
		return 0;
	while (buckets < conf->size / BYTES_PER_BUCKET)
		buckets *= 2;
	new->mask = buckets - 1;
	new->segment_size = conf->size / SEGMENTS / UNIT *UNIT;
	new->used[0] = UNIT;
	new->buckets = calloc(buckets, sizeof(*new->buckets));
	new->memory = mmap(NULL, new->size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (new->memory == MAP_FAILED)
		new->memory = NULL;
	if (!new->buckets || !new->memory) {
		cache_free(new);
		return -ENOMEM;
	}
	return 0;
}

void cache_free(struct cache *cache)
{
	if (!cache)
		return;
	if (cache->memory)
		munmap(cache->memory, cache->size);
	free(cache->buckets);
	free(cache);
}

void cache_set_stale(struct cache *cache, int64_t stale_ms)
{
	cache->stale_ms = stale_ms;
}

size_t cache_size(const struct cache *cache)
{
	return cache->size;
}

static struct entry *entry_at(const struct cache *cache, size_t offset)
{
	return (struct entry *)(void *)(cache->memory + offset);
}

static uint8_t *message_of(struct entry *entry)
{
	return (uint8_t *)(entry->ttl_at + entry->ttl_count);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static void set_hash(struct full_key *key, uint64_t hash)
{
	key->hash = (uint32_t)mix(mix(hash, key->group),
				  (uint64_t)key->type << 8 | key->flags);
}

static void set_name(struct full_key *key, const uint8_t *name, size_t length)
{
	key->name = name;
	key->name_length = (uint8_t)length;
	set_hash(key, name_hash(name, length));
}

static struct full_key full_key_of(const struct cache_key *wanted,
				   uint16_t type)
{
	const struct question *question = wanted->question;
	struct full_key key = {
		.group = wanted->group,
		.name = question->name.wire,
		.name_length = question->name.length,
		.type = type,
	};

	key.flags = (uint8_t)((question->do_bit ? ENTRY_DO : 0) |
			      (question->cd ? ENTRY_CD : 0));
	set_hash(&key, question_hash(question));
	return key;
}

static bool is_entry_of(struct entry *entry, const struct full_key *key)
{
	return entry->hash == key->hash && entry->group == key->group &&
	       entry->type == key->type &&
	       (entry->flags & ENTRY_KEY) == key->flags &&
	       entry->name_length == key->name_length &&
	       !memcmp(message_of(entry) + DNS_HEADER_SIZE, key->name,
		       key->name_length);
}

static struct entry *find(const struct cache *cache, const struct full_key *key)
{
	uint32_t at = cache->buckets[key->hash & cache->mask];

	while (at) {
		struct entry *entry = entry_at(cache, (size_t)at * UNIT);

		if (is_entry_of(entry, key))
			return entry;
		at = entry->next;
	}
	return NULL;
}

/* The link that leads to an entry that is in its chain. */
static uint32_t *link_to(const struct cache *cache, const struct entry *entry)
{
	uint32_t *link = &cache->buckets[entry->hash & cache->mask];

	while (entry_at(cache, (size_t)*link * UNIT) != entry) {
		assert(*link);
		link = &entry_at(cache, (size_t)*link * UNIT)->next;
	}
	return link;
}

static void forget(struct cache *cache, struct entry *entry)
{
	*link_to(cache, entry) = entry->next;
	entry->flags |= ENTRY_DEAD;
	cache->stats.entries--;
	if (entry->type == TYPE_CUT)
		cache->cuts--;
}

static int64_t end_ms(const struct entry *entry)
{
	return entry->born_ms + (int64_t)entry->ttl_s * 1000;
}

static bool is_worth_keeping(const struct cache *cache,
			     const struct entry *entry, int64_t now_ms)
{
	return entry->flags & ENTRY_USED &&
	       now_ms < end_ms(entry) + cache->stale_ms;
}

static void move(struct cache *cache, struct entry *entry, size_t to)
{
	*link_to(cache, entry) = (uint32_t)(to / UNIT);
	entry->flags &= (uint8_t)~ENTRY_USED;
	memmove(cache->memory + to, entry, entry->size);
}

/* Makes room in a segment that is full. */
static void recycle(struct cache *cache, uint32_t segment, int64_t now_ms)
{
	size_t start = segment * cache->segment_size;
	size_t end = start + cache->used[segment];
	size_t at = start + (segment ? 0 : UNIT), to = at;
	size_t limit = start + cache->segment_size / 2;

	while (at < end) {
		struct entry *entry = entry_at(cache, at);
		size_t size = entry->size;

		at += size;
		if (entry->flags & ENTRY_DEAD)
			continue;
		if (is_worth_keeping(cache, entry, now_ms) &&
		    to + size <= limit) {
			move(cache, entry, to);
			to += size;
			continue;
		}
		cache->stats.evicted += now_ms < end_ms(entry);
		forget(cache, entry);
	}
	cache->used[segment] = to - start;
}

/* Room for so many bytes, which are at most half a segment. */
static struct entry *take(struct cache *cache, size_t size, int64_t now_ms)
{
	size_t *used = &cache->used[cache->current];
	struct entry *entry;

	if (*used + size > cache->segment_size) {
		cache->current = (cache->current + 1) % SEGMENTS;
		used = &cache->used[cache->current];
		recycle(cache, cache->current, now_ms);
	}
	entry = entry_at(cache, cache->current * cache->segment_size + *used);
	*used += size;
	entry->size = (uint32_t)size;
	return entry;
}

/*
 * An entry for the key with room for that message: the one that is there, if
 * it is large enough, else a new one.  NULL: it is too long to be kept.
 */
static struct entry *place(struct cache *cache, const struct full_key *key,
			   size_t length, size_t ttl_count, int64_t now_ms)
{
	size_t size = sizeof(struct entry) + ttl_count * 2 + length;
	struct entry *entry = find(cache, key);
	uint32_t *bucket = &cache->buckets[key->hash & cache->mask];
	uint16_t hits = entry ? entry->hits / 2 : 0;
	uint8_t used = entry ? entry->flags & ENTRY_USED : 0;

	size = (size + UNIT - 1) / UNIT * UNIT;
	if (entry && size > entry->size) {
		forget(cache, entry);
		entry = NULL;
	}
	if (!entry) {
		if (size > cache->segment_size / 2 - UNIT)
			return NULL;
		entry = take(cache, size, now_ms);
		entry->next = *bucket;
		*bucket =
			(uint32_t)((size_t)((uint8_t *)entry - cache->memory) /
				   UNIT);
		cache->stats.entries++;
		cache->cuts += key->type == TYPE_CUT;
	}
	entry->hash = key->hash;
	entry->group = key->group;
	entry->born_ms = now_ms;
	entry->note = (struct cache_note){0};
	entry->length = (uint16_t)length;
	entry->ttl_count = (uint16_t)ttl_count;
	entry->type = key->type;
	entry->hits = hits;
	entry->name_length = key->name_length;
	entry->flags = key->flags | used;
	cache->stats.added++;
	return entry;
}

static void put_cut(struct cache *cache, const struct cache_key *wanted,
		    const struct kept *kept, const uint8_t *message,
		    int64_t now_ms)
{
	uint8_t out[KEPT_CUT_MAX];
	uint16_t ttl_at;
	size_t length =
		kept_write_cut(kept, wanted->question, message, out, &ttl_at);
	struct full_key key = full_key_of(wanted, TYPE_CUT);
	struct entry *entry;

	if (length == 0)
		return;
	entry = place(cache, &key, length, 1, now_ms);
	if (!entry)
		return;
	entry->ttl_s = kept->ttl_s;
	entry->ttl_at[0] = ttl_at;
	memcpy(message_of(entry), out, length);
}

void cache_put(struct cache *cache, const struct cache_key *wanted,
	       const uint8_t *message, size_t length, int64_t now_ms)
{
	const struct question *question = wanted->question;
	struct full_key key = full_key_of(wanted, question->type);
	struct entry *entry;
	struct kept kept;

	if (!cache->memory)
		return;
	if (!kept_read(&kept, question, message, length)) {
		/* What says so itself replaces what is there all the same. */
		entry = find(cache, &key);
		if (entry)
			forget(cache, entry);
		return;
	}
	entry = place(cache, &key, kept.length, kept.ttl_count, now_ms);
	if (!entry)
		return;
	entry->ttl_s = kept.ttl_s;
	memcpy(entry->ttl_at, kept.ttl_at, kept.ttl_count * 2U);
	kept_write(&kept, question, message, message_of(entry));
	/* The records that prove it would not be those of another name. */
	if (kept.is_cut && !question->do_bit)
		put_cut(cache, wanted, &kept, message, now_ms);
}

static bool is_due(struct entry *entry, int64_t now_ms)
{
	int64_t left_ms = end_ms(entry) - now_ms;

	if (entry->hits < DUE_HITS || entry->ttl_s < DUE_TTL_MIN_S ||
	    left_ms > (int64_t)entry->ttl_s * 100 + 1000 ||
	    entry->flags & ENTRY_TOLD)
		return false;
	entry->flags |= ENTRY_TOLD;
	return true;
}

/* Drops one that is of no use any more; else writes it to cache->out. */
static bool give(struct cache *cache, struct entry *entry, int64_t now_ms,
		 struct cache_hit *hit)
{
	hit->is_stale = now_ms >= end_ms(entry);
	if (hit->is_stale && now_ms >= end_ms(entry) + cache->stale_ms) {
		forget(cache, entry);
		return false;
	}
	if (entry->hits < UINT16_MAX)
		entry->hits++;
	entry->flags |= ENTRY_USED;
	hit->is_due = !hit->is_stale && is_due(entry, now_ms);
	hit->is_cut = false;
	hit->note = &entry->note;
	hit->message = cache->out;
	hit->length = entry->length;
	memcpy(cache->out, message_of(entry), entry->length);
	if (hit->is_stale)
		kept_fix_ttls(cache->out, entry->ttl_at, entry->ttl_count,
			      CACHE_STALE_TTL_S);
	else
		kept_grow_old(cache->out, entry->ttl_at, entry->ttl_count,
			      (uint32_t)((now_ms - entry->born_ms) / 1000));
	return true;
}

/* The answer about a name above, put behind the question itself. */
static void put_question(struct cache *cache, const struct question *question,
			 const struct entry *entry, struct cache_hit *hit)
{
	size_t from = DNS_HEADER_SIZE + entry->name_length + 4U;
	size_t to = DNS_HEADER_SIZE + question->name.length + 4U;
	uint8_t *at = cache->out + DNS_HEADER_SIZE;

	memmove(cache->out + to, cache->out + from, hit->length - from);
	memcpy(at, question->name.wire, question->name.length);
	wire_write16(at + question->name.length, question->type);
	wire_write16(at + question->name.length + 2, question->klass);
	hit->length += to - from;
}

/* RFC 8020: a name that does not exist has none below it. */
static bool find_cut(struct cache *cache, const struct cache_key *wanted,
		     int64_t now_ms, struct cache_hit *hit)
{
	const struct question *question = wanted->question;
	struct full_key key = full_key_of(wanted, TYPE_CUT);
	const uint8_t *name = question->name.wire;
	const uint8_t *end = name + question->name.length;

	for (; *name; name += 1U + *name) {
		set_name(&key, name, (size_t)(end - name));
		struct entry *entry = find(cache, &key);
		if (!entry || now_ms >= end_ms(entry) ||
		    !give(cache, entry, now_ms, hit))
			continue;
		put_question(cache, question, entry, hit);
		hit->is_due = false;
		hit->is_cut = true;
		hit->note = NULL; /* it is that of another name */
		return true;
	}
	return false;
}

bool cache_find(struct cache *cache, const struct cache_key *wanted,
		int64_t now_ms, struct cache_hit *hit)
{
	if (!cache->memory)
		return false;
	const struct question *question = wanted->question;
	struct full_key key = full_key_of(wanted, question->type);
	struct entry *entry = find(cache, &key);

	if (entry && now_ms < end_ms(entry))
		return give(cache, entry, now_ms, hit);
	if (cache->cuts > 0 && !question->do_bit &&
	    find_cut(cache, wanted, now_ms, hit))
		return true;
	return entry && give(cache, entry, now_ms, hit);
}

bool cache_look(const struct cache *cache, const struct cache_key *wanted,
		int64_t now_ms, struct cache_look *look)
{
	struct full_key key = full_key_of(wanted, wanted->question->type);
	struct entry *entry = cache->memory ? find(cache, &key) : NULL;

	if (!entry || now_ms >= end_ms(entry) + cache->stale_ms)
		return false;
	look->age_ms = now_ms - entry->born_ms;
	look->left_ms = end_ms(entry) - now_ms;
	return true;
}

void cache_expect(const struct cache *cache, const struct cache_key *wanted,
		  unsigned step)
{
	const uint8_t *entry;
	struct full_key key;
	uint32_t at;

	if (!cache->memory)
		return;
	key = full_key_of(wanted, wanted->question->type);
	if (step == 0) {
		__builtin_prefetch(&cache->buckets[key.hash & cache->mask]);
		return;
	}
	at = cache->buckets[key.hash & cache->mask];
	if (at == 0)
		return;
	/* The head, and where the message begins. */
	entry = cache->memory + (size_t)at * UNIT;
	__builtin_prefetch(entry);
	__builtin_prefetch(entry + 64);
}

static bool is_under(struct entry *entry, const struct name *name)
{
	const uint8_t *wire = message_of(entry) + DNS_HEADER_SIZE;
	struct name own;

	own.length = entry->name_length;
	memcpy(own.wire, wire, own.length);
	return name_is_under(&own, name);
}

size_t cache_flush(struct cache *cache, const struct name *name)
{
	size_t count = 0;

	if (!cache->memory)
		return 0;
	for (uint32_t segment = 0; segment < SEGMENTS; segment++) {
		size_t at = segment * cache->segment_size;
		size_t end = at + cache->used[segment];

		at += segment ? 0 : UNIT;
		while (at < end) {
			struct entry *entry = entry_at(cache, at);

			at += entry->size;
			if (entry->flags & ENTRY_DEAD ||
			    (name && !is_under(entry, name)))
				continue;
			forget(cache, entry);
			count++;
		}
	}
	return count;
}

void cache_stats(const struct cache *cache, struct cache_stats *stats)
{
	*stats = cache->stats;
	stats->size = cache->size;
	stats->bytes = 0;
	for (size_t i = 0; i < SEGMENTS; i++)
		stats->bytes += cache->used[i];
}
