// SPDX-License-Identifier: BSD-2-Clause
/*
 * Open addressing with linear probing.  The key of a slot is a name; what is
 * looked up for "www.example.com" is "www.example.com" (does it stand there
 * itself?), then "example.com", "com" and the root (does everything below
 * it?).  All these hashes come out of one pass over the name, from its right
 * end, because the hash of a name is that of its parent mixed with one more
 * label.  Every slot is asked for before the first one is looked at, so that
 * a large table costs one wait for memory and not one for each label.
 *
 * A large list comes in any order, so that each of its names waits for memory,
 * too: a few of them stand in a queue, their slots asked for, before the first
 * one is put in.
 *
 * The same name has several slots when several kinds or rules use it.  One
 * that an earlier slot makes superfluous is not stored.
 *
 * The hash needs no secret: what lies in the table was put there by the
 * administrator, and strangers' names are only looked up.
 */
#include "common/rules/name_index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 128 /* of one byte each, and the root */
#define SLOTS_MIN 64U
#define KIND_BITS 3
#define QUEUE_LENGTH 16 /* names; memory is some 100 ns away */

/* Comparing reads as many bytes as the name in question has. */
#define ARENA_SLACK NAME_WIRE_MAX

struct slot {
	uint32_t hash;
	uint32_t offset;     /* of the name, in the arena */
	uint32_t rule_kinds; /* rule << KIND_BITS | kinds; 0: free */
	uint32_t line;
};

struct waiting {
	struct name name;
	unsigned kinds; /* 0: nobody */
	uint32_t hash;
	struct rule_hit hit;
};

struct name_index {
	struct slot *slots; /* owned */
	size_t slot_count;  /* a power of two */
	size_t used;
	uint8_t *arena; /* owned; wire forms one after the other */
	size_t arena_length, arena_size;
	struct waiting *queue; /* owned; NULL: names need not wait */
	size_t next;           /* where the next one waits: the oldest is */
};

/* The suffixes of a name, from the name itself to the root. */
struct suffixes {
	size_t count;
	uint8_t start[LABELS_MAX];
	uint32_t hash[LABELS_MAX];
};

static uint64_t mix(uint64_t hash, const uint8_t *bytes, size_t length)
{
	uint64_t word;

	for (; length > 0; bytes += sizeof(word)) {
		size_t part = length < sizeof(word) ? length : sizeof(word);

		word = 0;
		memcpy(&word, bytes, part);
		length -= part;
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	return hash;
}

static void split(const struct name *name, struct suffixes *suffixes)
{
	size_t count = 0, end = name->length;
	uint64_t hash = 0;

	for (size_t at = 0; at < name->length; at += 1U + name->wire[at])
		suffixes->start[count++] = (uint8_t)at;
	suffixes->count = count;
	while (count-- > 0) {
		size_t start = suffixes->start[count];

		hash = mix(hash, name->wire + start, end - start);
		suffixes->hash[count] = (uint32_t)hash;
		end = start;
	}
}

/* What a slot must have to match as the nth suffix. */
static uint32_t kinds_wanted(size_t nth)
{
	if (nth == 0)
		return NAME_ITSELF;
	return nth == 1 ? NAME_BELOW | NAME_CHILD : NAME_BELOW;
}

struct name_index *name_index_new(void)
{
	struct name_index *index = calloc(1, sizeof(*index));

	if (!index)
		return NULL;
	index->slots = calloc(SLOTS_MIN, sizeof(*index->slots));
	if (!index->slots)
		goto free_index;
	index->slot_count = SLOTS_MIN;
	return index;

free_index:
	free(index);
	return NULL;
}

void name_index_free(struct name_index *index)
{
	if (!index)
		return;
	free(index->queue);
	free(index->arena);
	free(index->slots);
	free(index);
}

size_t name_index_count(const struct name_index *index)
{
	return index->used;
}

/* Moves them all to a table of so many. */
static int resize_slots(struct name_index *index, size_t count)
{
	struct slot *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < index->slot_count; i++) {
		size_t at = index->slots[i].hash & (count - 1);

		if (index->slots[i].rule_kinds == 0)
			continue;
		while (slots[at].rule_kinds != 0)
			at = (at + 1) & (count - 1);
		slots[at] = index->slots[i];
	}
	free(index->slots);
	index->slots = slots;
	index->slot_count = count;
	return 0;
}

static int grow_arena(struct name_index *index, size_t needed)
{
	size_t size = index->arena_size * 2;
	uint8_t *arena;

	if (size < needed)
		size = needed;
	arena = realloc(index->arena, size);
	if (!arena)
		return -ENOMEM;
	/* The slack is read, though never believed. */
	memset(arena + index->arena_size, 0, size - index->arena_size);
	index->arena = arena;
	index->arena_size = size;
	return 0;
}

/* Makes room for one more of both. */
static int reserve(struct name_index *index)
{
	size_t needed = index->arena_length + NAME_WIRE_MAX + ARENA_SLACK;
	int ret = 0;

	if (needed > UINT32_MAX)
		return -EFBIG;
	if (needed > index->arena_size)
		ret = grow_arena(index, needed);
	if (ret == 0 && index->used >= index->slot_count / 4 * 3)
		ret = resize_slots(index, index->slot_count * 2);
	return ret;
}

/* The least table that has room for so many. */
static size_t slots_for(size_t used)
{
	size_t count = SLOTS_MIN;

	while (used >= count / 4 * 3)
		count *= 2;
	return count;
}

int name_index_expect(struct name_index *index, size_t more)
{
	size_t count = slots_for(index->used + more);

	if (!index->queue && more > QUEUE_LENGTH)
		index->queue = calloc(QUEUE_LENGTH, sizeof(*index->queue));
	if (!index->queue && more > QUEUE_LENGTH)
		return -ENOMEM;
	return count > index->slot_count ? resize_slots(index, count) : 0;
}

static bool is_same(const struct name_index *index, const struct slot *slot,
		    const uint8_t *wire, size_t length)
{
	return memcmp(index->arena + slot->offset, wire, length) == 0;
}

static uint32_t append(struct name_index *index, const struct name *name)
{
	uint32_t offset = (uint32_t)index->arena_length;

	memcpy(index->arena + offset, name->wire, name->length);
	index->arena_length += name->length;
	return offset;
}

static int put_in(struct name_index *index, const struct waiting *new)
{
	unsigned kinds = new->kinds;
	uint32_t offset = UINT32_MAX;
	struct slot *slot;
	size_t at;
	int ret = reserve(index);

	if (ret < 0)
		return ret;
	at = new->hash &(index->slot_count - 1);
	for (;; at = (at + 1) & (index->slot_count - 1)) {
		slot = &index->slots[at];
		if (slot->rule_kinds == 0)
			break;
		if (slot->hash != new->hash ||
		    !is_same(index, slot, new->name.wire, new->name.length))
			continue;
		offset = slot->offset;
		kinds &= ~slot->rule_kinds;
		if (kinds == 0)
			return 0;
	}
	if (offset == UINT32_MAX)
		offset = append(index, &new->name);
	*slot = (struct slot){
		.hash = new->hash,
		.offset = offset,
		.rule_kinds = new->hit.rule << KIND_BITS | kinds,
		.line = new->hit.line,
	};
	index->used++;
	return 0;
}

/* Puts the oldest one in; its place is free then. */
static int let_in(struct name_index *index, struct waiting *oldest)
{
	unsigned kinds = oldest->kinds;
	int ret = kinds ? put_in(index, oldest) : 0;

	oldest->kinds = 0;
	return ret;
}

int name_index_add(struct name_index *index, const struct name *name,
		   unsigned kinds, struct rule_hit hit)
{
	struct suffixes suffixes;
	struct waiting one, *new = &one;
	int ret = 0;

	assert(name->length > 0 && kinds > 0 && kinds < 1U << KIND_BITS);
	assert(hit.rule <= NAME_INDEX_RULE_MAX);
	split(name, &suffixes);
	if (index->queue) {
		new = &index->queue[index->next++ % QUEUE_LENGTH];
		ret = let_in(index, new);
	}
	new->name.length = name->length;
	memcpy(new->name.wire, name->wire, name->length);
	new->kinds = kinds;
	new->hash = suffixes.hash[0];
	new->hit = hit;
	if (!index->queue)
		return put_in(index, new);
	__builtin_prefetch(&index->slots[new->hash &(index->slot_count - 1)],
			   1);
	return ret;
}

static void trim(struct name_index *index)
{
	size_t size = index->arena_length + ARENA_SLACK;
	size_t count = slots_for(index->used);
	uint8_t *arena;

	/* Without memory for it the table stays as it is. */
	if (count < index->slot_count && resize_slots(index, count) < 0)
		return;
	if (size >= index->arena_size)
		return;
	arena = realloc(index->arena, size);
	if (!arena)
		return;
	index->arena = arena;
	index->arena_size = size;
}

int name_index_seal(struct name_index *index)
{
	int ret = 0;

	for (size_t i = 0; index->queue && ret == 0 && i < QUEUE_LENGTH; i++)
		ret = let_in(index,
			     &index->queue[index->next++ % QUEUE_LENGTH]);
	free(index->queue);
	index->queue = NULL;
	trim(index);
	return ret;
}

/* Takes the earlier of `hit` and what the slots of this suffix say. */
static bool probe(const struct name_index *index, const struct name *name,
		  const struct suffixes *suffixes, size_t nth,
		  struct rule_hit *hit)
{
	const uint8_t *wire = name->wire + suffixes->start[nth];
	size_t length = (size_t)name->length - suffixes->start[nth];
	size_t mask = index->slot_count - 1;
	size_t at = suffixes->hash[nth] & mask;
	bool is_found = false;

	for (; index->slots[at].rule_kinds != 0; at = (at + 1) & mask) {
		const struct slot *slot = &index->slots[at];
		uint32_t rule = slot->rule_kinds >> KIND_BITS;

		if (slot->hash != suffixes->hash[nth] ||
		    (slot->rule_kinds & kinds_wanted(nth)) == 0)
			continue;
		if (rule > hit->rule ||
		    (rule == hit->rule && slot->line >= hit->line))
			continue;
		if (!is_same(index, slot, wire, length))
			continue;
		*hit = (struct rule_hit){rule, slot->line};
		is_found = true;
	}
	return is_found;
}

bool name_index_find(const struct name_index *index, const struct name *name,
		     struct rule_hit *hit)
{
	struct rule_hit found = {UINT32_MAX, UINT32_MAX};
	struct suffixes suffixes;
	size_t mask = index->slot_count - 1;
	bool is_found = false;

	assert(!index->queue);
	if (index->used == 0)
		return false;
	split(name, &suffixes);
	for (size_t i = 0; i < suffixes.count; i++)
		__builtin_prefetch(&index->slots[suffixes.hash[i] & mask]);
	for (size_t i = 0; i < suffixes.count; i++)
		is_found |= probe(index, name, &suffixes, i, &found);
	if (is_found)
		*hit = found;
	return is_found;
}
