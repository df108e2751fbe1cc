// SPDX-License-Identifier: BSD-2-Clause
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
	uint32_t *used_s; /* owned: a slot's last use, 0: never */
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

int64_t pool_take(struct pool *pool)
{
	uint32_t slot = pool->next;

	if (slot >= pool->size)
		return ERR_FULL;
	if (slot >= pool->reserved_end)
		return -EAGAIN;
	pool->next = usable_from(pool, slot + 1);
	return slot;
}

uint32_t pool_block_end(const struct pool *pool, int64_t now_ms)
{
	int64_t lasted_ms = now_ms - pool->reserved_at_ms;
	uint32_t block = pool->block;

	if (block == 0 || lasted_ms > BLOCK_LONG_MS)
		block = POOL_BLOCK_MIN;
	else if (lasted_ms < BLOCK_SHORT_MS && block < POOL_BLOCK_MAX)
		block *= 2;
	if (block > pool->size - pool->next)
		return pool->size;
	return pool->next + block;
}

void pool_reserved(struct pool *pool, uint32_t end, int64_t now_ms)
{
	assert(end > pool->reserved_end && end <= pool->size);
	pool->block = POOL_BLOCK_MIN;
	while (pool->block < POOL_BLOCK_MAX && pool->block < end - pool->next)
		pool->block *= 2;
	pool->reserved_end = end;
	pool->reserved_at_ms = now_ms;
}

void pool_give_back(struct pool *pool, uint32_t slot)
{
	assert(usable_from(pool, slot + 1) == pool->next);
	pool->next = slot;
	pool->used_s[slot] = 0;
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
	return pool->next < pool->end ? pool->end - pool->next : 0;
}
