// SPDX-License-Identifier: BSD-2-Clause
/*
 * The least recently used are found by looking at all slots: 131,072 numbers
 * one behind the other, once for 256 names, are cheaper than a list that each
 * answer would have to mend.
 */
#include "dnsd/pool.h"

#include "common/err.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* A block that lasted less doubles the next one; one that lasted more ... */
#define BLOCK_SHORT_MS 2000
/* ... than this brings it back to POOL_BLOCK_MIN. */
#define BLOCK_LONG_MS 60000

struct pool {
	struct fake_pool fake;
	uint32_t size;       /* reserved slots included */
	uint32_t first, end; /* names get slots of [first, end) */
	uint32_t next;       /* the first one that was not handed out */
	uint32_t reserved_end;
	uint32_t block; /* length of the last reservation; 0: none yet */
	int64_t reserved_at_ms;
	int64_t start_s;
	/* owned: a slot's last use, in seconds plus 1; 0: not since the start
	 */
	uint32_t *used_s;
	uint32_t refill[POOL_REFILL_MAX]; /* the next one last */
	size_t refill_count;
};

/* The first slot from `slot` on that a name may have. */
static uint32_t usable_from(const struct pool *pool, uint32_t slot)
{
	while (slot < pool->size && fake_slot_is_reserved(&pool->fake, slot))
		slot++;
	return slot;
}

int pool_new(struct pool **pool, const struct fake_pool *fake,
	     const struct pool_start *start)
{
	struct pool *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->fake = *fake;
	new->size = fake_pool_size(fake);
	new->used_s = calloc(new->size, sizeof(*new->used_s));
	if (!new->used_s) {
		free(new);
		return -ENOMEM;
	}
	new->first = usable_from(new, 0);
	new->end = new->size;
	while (fake_slot_is_reserved(fake, new->end - 1))
		new->end--;
	new->next = start->rows_end;
	if (new->next < start->floor)
		new->next = start->floor;
	new->next = usable_from(new, new->next);
	new->reserved_end = start->reserved_end;
	new->start_s = start->now_ms / 1000;
	*pool = new;
	return 0;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	free(pool->used_s);
	free(pool);
}

/* When a slot was last used, rounded up; the start is a use of all. */
struct slot_use {
	int64_t ms;
	uint32_t slot;
};

static int64_t used_ms(const struct pool *pool, uint32_t slot)
{
	uint32_t used_s = pool->used_s[slot];

	return (used_s ? (int64_t)used_s : pool->start_s + 1) * 1000;
}

static bool is_before(const struct slot_use *a, const struct slot_use *b)
{
	return a->ms < b->ms || (a->ms == b->ms && a->slot < b->slot);
}

int64_t pool_take(struct pool *pool)
{
	uint32_t slot = pool->next;

	if (slot >= pool->size) {
		if (pool->refill_count == 0)
			return ERR_FULL;
		return pool->refill[--pool->refill_count];
	}
	if (slot >= pool->reserved_end)
		return -EAGAIN;
	pool->next = usable_from(pool, slot + 1);
	return slot;
}

/* Where the next block begins. */
static uint32_t block_start(const struct pool *pool)
{
	return pool->next < pool->reserved_end ? pool->reserved_end
					       : pool->next;
}

uint32_t pool_block_end(const struct pool *pool, int64_t now_ms)
{
	int64_t lasted_ms = now_ms - pool->reserved_at_ms;
	uint32_t start = block_start(pool), block = pool->block;

	if (block == 0 || lasted_ms > BLOCK_LONG_MS)
		block = POOL_BLOCK_MIN;
	else if (lasted_ms < BLOCK_SHORT_MS && block < POOL_BLOCK_MAX)
		block *= 2;
	if (start >= pool->size || block > pool->size - start)
		return pool->size;
	return start + block;
}

bool pool_is_low(const struct pool *pool)
{
	uint32_t block = pool->block ? pool->block : POOL_BLOCK_MIN;

	return pool->next < pool->reserved_end &&
	       pool->reserved_end < pool->end &&
	       pool->reserved_end - pool->next <= block / 2;
}

void pool_reserved(struct pool *pool, uint32_t end, int64_t now_ms)
{
	uint32_t start = block_start(pool);

	assert(end <= pool->size);
	if (end <= start)
		return;
	pool->block = POOL_BLOCK_MIN;
	while (pool->block < POOL_BLOCK_MAX && pool->block < end - start)
		pool->block *= 2;
	pool->reserved_end = end;
	pool->reserved_at_ms = now_ms;
}

/* The heap's parent is never less recently used than its children. */
static void heap_sink(struct slot_use *heap, size_t count)
{
	struct slot_use use = heap[0];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count &&
		    is_before(&heap[child], &heap[child + 1]))
			child++;
		if (!is_before(&use, &heap[child]))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = use;
}

static void heap_add(struct slot_use *heap, size_t count, struct slot_use use)
{
	size_t at = count;

	while (at > 0 && is_before(&heap[(at - 1) / 2], &use)) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = use;
}

size_t pool_idle(const struct pool *pool, int64_t before_ms, uint32_t *slots,
		 size_t max)
{
	struct slot_use heap[POOL_REFILL_MAX];
	uint32_t end = pool->next < pool->end ? pool->next : pool->end;
	size_t count = 0;

	assert(pool->refill_count == 0 && max <= POOL_REFILL_MAX);
	for (uint32_t slot = pool->first; slot < end; slot++) {
		struct slot_use use = {used_ms(pool, slot), slot};

		if (use.ms >= before_ms)
			continue;
		if (count < max) {
			heap_add(heap, count++, use);
		} else if (max > 0 && is_before(&use, &heap[0])) {
			heap[0] = use;
			heap_sink(heap, count);
		}
	}
	/* The top is the most recently used one that is left: last first. */
	for (size_t left = count; left > 0; left--) {
		slots[left - 1] = heap[0].slot;
		heap[0] = heap[left - 1];
		heap_sink(heap, left - 1);
	}
	return count;
}

void pool_refill(struct pool *pool, const uint32_t *slots, size_t count)
{
	assert(pool->refill_count == 0 && count <= POOL_REFILL_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(slots[i] < pool->size);
		pool->refill[count - 1 - i] = slots[i];
		pool->used_s[slots[i]] = 0;
	}
	pool->refill_count = count;
}

void pool_give_back(struct pool *pool, uint32_t slot)
{
	pool->used_s[slot] = 0;
	if (usable_from(pool, slot + 1) == pool->next) {
		pool->next = slot;
		return;
	}
	assert(pool->next >= pool->end && pool->refill_count < POOL_REFILL_MAX);
	pool->refill[pool->refill_count++] = slot;
}

void pool_touch(struct pool *pool, uint32_t slot, int64_t now_ms)
{
	assert(slot < pool->size);
	pool->used_s[slot] = (uint32_t)(now_ms / 1000) + 1;
}

int64_t pool_last_used_ms(const struct pool *pool, uint32_t slot)
{
	if (slot >= pool->size || pool->used_s[slot] == 0)
		return -1;
	return (int64_t)(pool->used_s[slot] - 1) * 1000;
}

uint32_t pool_slots(const struct pool *pool)
{
	return pool->end - pool->first;
}

uint32_t pool_left(const struct pool *pool)
{
	uint32_t unused = pool->next < pool->end ? pool->end - pool->next : 0;

	return unused + (uint32_t)pool->refill_count;
}
