// SPDX-License-Identifier: BSD-2-Clause
/*
 * A bucket holds the slot and 32 bits of the name's hash, so that a probe
 * touches the arena only where the name is almost certainly the one, and so
 * that the table can grow without looking at a name: it has no more buckets
 * than the names need, which keeps it near the processor.  Slot 0
 * is reserved in every pool (fake.h) and marks an empty bucket.  Linear
 * probing; deletion moves the followers back (Knuth, 6.4, algorithm R), so
 * there are no tombstones.
 */
#include "dnsd/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TABLE_FIRST (UINT32_C(1) << 12) /* buckets, 32 KiB */
#define ENTRY_MAX (1U + NAME_WIRE_MAX)
#define WASTED_MIN (1U << 20) /* bytes of deleted names that may stay */

struct bucket {
	uint32_t tag; /* the hash's lower half; its low bits give the place */
	uint32_t slot;
};

struct names {
	uint32_t slots;
	uint32_t count;
	uint32_t mask;          /* buckets - 1 */
	struct bucket *buckets; /* owned, mapped */
	uint32_t *places; /* owned: a slot's entry in the arena; 0: none */
	uint8_t *arena;   /* owned, mapped: length, wire, length, ... */
	size_t arena_size;
	size_t arena_used;
	size_t arena_wasted; /* of these, by names that were deleted */
};

/* Zeroed memory that costs nothing before it is written to. */
static void *map_zeroed(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

static size_t table_bytes(uint32_t mask)
{
	return ((size_t)mask + 1) * sizeof(struct bucket);
}

int names_new(struct names **names, uint32_t slots)
{
	struct names *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->slots = slots;
	new->mask = TABLE_FIRST - 1;
	/* Place 0 means none; offsets of 32 bits reach over a whole /8. */
	new->arena_used = 1;
	new->arena_size = (size_t)slots *ENTRY_MAX;
	if (new->arena_size > UINT32_MAX)
		new->arena_size = UINT32_MAX;
	new->arena = map_zeroed(new->arena_size);
	new->buckets = map_zeroed(table_bytes(new->mask));
	new->places = calloc(slots, sizeof(*new->places));
	if (!new->arena || !new->buckets || !new->places) {
		names_free(new);
		return -ENOMEM;
	}
	*names = new;
	return 0;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	unmap(names->arena, names->arena_size);
	unmap(names->buckets, table_bytes(names->mask));
	free(names->places);
	free(names);
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)hash;
}

/* The bucket of the name, or the empty one where it would go. */
static uint32_t probe(const struct names *names, const struct name *name,
		      uint64_t hash)
{
	uint32_t at = tag_of(hash) & names->mask;

	for (;; at = (at + 1) & names->mask) {
		const struct bucket *bucket = &names->buckets[at];
		const uint8_t *entry;

		if (bucket->slot == 0)
			return at;
		if (bucket->tag != tag_of(hash))
			continue;
		entry = names->arena + names->places[bucket->slot];
		if (entry[0] == name->length &&
		    memcmp(entry + 1, name->wire, name->length) == 0)
			return at;
	}
}

int64_t names_find(const struct names *names, const struct name *name,
		   uint64_t hash)
{
	uint32_t slot = names->buckets[probe(names, name, hash)].slot;

	return slot ? (int64_t)slot : -ENOENT;
}

void names_expect(const struct names *names, uint64_t hash, unsigned step)
{
	const struct bucket *bucket =
		&names->buckets[tag_of(hash) & names->mask];

	if (step == 0)
		__builtin_prefetch(bucket);
	else if (bucket->tag != tag_of(hash) || bucket->slot == 0)
		return;
	else if (step == 1)
		__builtin_prefetch(&names->places[bucket->slot]);
	else
		__builtin_prefetch(names->arena + names->places[bucket->slot]);
}

static uint64_t hash_of(const struct names *names, uint32_t slot)
{
	const uint8_t *entry = names->arena + names->places[slot];

	return name_hash(entry + 1, entry[0]);
}

/* Twice the buckets; that takes 2 ms at 65,000 names, less at fewer. */
static int grow(struct names *names)
{
	uint32_t mask = names->mask * 2 + 1;
	struct bucket *buckets = map_zeroed(table_bytes(mask));

	if (!buckets)
		return -ENOMEM;
	for (uint32_t i = 0; i <= names->mask; i++) {
		const struct bucket *old = &names->buckets[i];
		uint32_t at;

		if (old->slot == 0)
			continue;
		at = old->tag & mask;
		while (buckets[at].slot != 0)
			at = (at + 1) & mask;
		buckets[at] = *old;
	}
	unmap(names->buckets, table_bytes(names->mask));
	names->buckets = buckets;
	names->mask = mask;
	return 0;
}

/*
 * Moves the names that are left to a fresh arena, one behind the other.  That
 * takes milliseconds, once as many bytes were wasted as are in use; without
 * memory for it the holes stay.
 */
static void compact(struct names *names)
{
	uint8_t *arena = map_zeroed(names->arena_size);
	size_t used = 1;

	if (!arena)
		return;
	for (uint32_t slot = 1; slot < names->slots; slot++) {
		uint32_t place = names->places[slot];
		size_t size;

		if (place == 0)
			continue;
		size = 1U + names->arena[place];
		memcpy(arena + used, names->arena + place, size);
		names->places[slot] = (uint32_t)used;
		used += size;
	}
	unmap(names->arena, names->arena_size);
	names->arena = arena;
	names->arena_used = used;
	names->arena_wasted = 0;
}

static bool has_room(struct names *names, size_t size)
{
	if (names->arena_wasted > WASTED_MIN &&
	    names->arena_wasted > names->arena_used / 2)
		compact(names);
	if (names->arena_size - names->arena_used < size &&
	    names->arena_wasted > 0)
		compact(names);
	return names->arena_size - names->arena_used >= size;
}

int names_add(struct names *names, uint32_t slot, const struct name *name,
	      uint64_t hash)
{
	uint8_t *entry;
	uint32_t at;

	if (slot == 0 || slot >= names->slots || name->length == 0)
		return -EINVAL;
	if (names->places[slot])
		return -EEXIST;
	if (!has_room(names, 1U + name->length))
		return -ENOMEM;
	if (names->count > names->mask / 2 && grow(names))
		return -ENOMEM;
	at = probe(names, name, hash);
	if (names->buckets[at].slot)
		return -EEXIST;

	entry = names->arena + names->arena_used;
	entry[0] = name->length;
	memcpy(entry + 1, name->wire, name->length);
	names->places[slot] = (uint32_t)names->arena_used;
	names->arena_used += 1U + name->length;
	names->buckets[at] = (struct bucket){.tag = tag_of(hash), .slot = slot};
	names->count++;
	return 0;
}

/* Closes the gap at `at`, so that no probe ends too early. */
static void close_gap(struct names *names, uint32_t at)
{
	uint32_t next = at;

	for (;;) {
		uint32_t home;

		next = (next + 1) & names->mask;
		if (names->buckets[next].slot == 0)
			break;
		home = names->buckets[next].tag & names->mask;
		/* Is its home in (at, next], going round?  Then it stays. */
		if (((next - home) & names->mask) < ((next - at) & names->mask))
			continue;
		names->buckets[at] = names->buckets[next];
		at = next;
	}
	names->buckets[at].slot = 0;
}

void names_del(struct names *names, uint32_t slot)
{
	uint32_t place, at;
	size_t size;

	if (slot >= names->slots || names->places[slot] == 0)
		return;
	place = names->places[slot];
	at = tag_of(hash_of(names, slot)) & names->mask;
	while (names->buckets[at].slot != slot)
		at = (at + 1) & names->mask;
	close_gap(names, at);
	names->places[slot] = 0;
	names->count--;
	/* The last entry's bytes can be used again; others become a hole. */
	size = 1U + names->arena[place];
	if (place + size == names->arena_used)
		names->arena_used = place;
	else
		names->arena_wasted += size;
}

int names_get(const struct names *names, uint32_t slot, struct name *name)
{
	const uint8_t *entry;

	if (slot >= names->slots || names->places[slot] == 0)
		return -ENOENT;
	entry = names->arena + names->places[slot];
	name->length = entry[0];
	memcpy(name->wire, entry + 1, entry[0]);
	return 0;
}

uint32_t names_count(const struct names *names)
{
	return names->count;
}
