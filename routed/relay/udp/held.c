// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/held.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SMALL_SIZE = 2048,
	SMALL_COUNT = 512,
	LARGE_SIZE = (64 << 10) + 256,
	LARGE_COUNT = 16,
};

/* Memory that was never used is none: a chunk is touched when it is taken. */
struct class
{
	size_t size; /* of a chunk */
	unsigned fresh, capacity;
	struct held *free;
	uint8_t *chunks; /* owned */
};

struct held_pool {
	struct class classes[2]; /* small, large */
	unsigned count;
};

static int class_init(struct class *class, size_t size, unsigned capacity)
{
	class->size = size;
	class->capacity = capacity;
	class->chunks = calloc(capacity, size);
	return class->chunks ? 0 : -ENOMEM;
}

int held_pool_new(struct held_pool **pool)
{
	struct held_pool *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	if (class_init(&new->classes[0], SMALL_SIZE, SMALL_COUNT) < 0 ||
	    class_init(&new->classes[1], LARGE_SIZE, LARGE_COUNT) < 0) {
		held_pool_free(new);
		return -ENOMEM;
	}
	*pool = new;
	return 0;
}

void held_pool_free(struct held_pool *pool)
{
	if (!pool)
		return;
	free(pool->classes[0].chunks);
	free(pool->classes[1].chunks);
	free(pool);
}

static struct held *take_chunk(struct class *class)
{
	struct held *held = class->free;

	if (held)
		class->free = held->next;
	else if (class->fresh < class->capacity)
		held = (struct held *)(void *)(class->chunks +
					       class->size * class->fresh++);
	return held;
}

bool held_put(struct held_pool *pool, struct held_queue *queue,
	      const struct datagram *datagram)
{
	size_t size = sizeof(struct held) + datagram->length;
	bool is_large = size > SMALL_SIZE;
	struct held *held;

	if (size > LARGE_SIZE || queue->count >= HELD_QUEUE_MAX)
		return false;
	held = take_chunk(&pool->classes[is_large]);
	if (!held)
		return false;
	held->next = NULL;
	held->is_large = is_large;
	held->datagram = *datagram;
	memcpy(held + 1, datagram->payload, datagram->length);
	held->datagram.payload = (const uint8_t *)(held + 1);
	if (queue->last)
		queue->last->next = held;
	else
		queue->first = held;
	queue->last = held;
	queue->count++;
	pool->count++;
	return true;
}

struct held *held_take(struct held_queue *queue)
{
	struct held *held = queue->first;

	if (!held)
		return NULL;
	queue->first = held->next;
	if (!queue->first)
		queue->last = NULL;
	queue->count--;
	return held;
}

void held_give(struct held_pool *pool, struct held *held)
{
	struct class *class = &pool->classes[held->is_large];

	held->next = class->free;
	class->free = held;
	pool->count--;
}

void held_clear(struct held_pool *pool, struct held_queue *queue)
{
	struct held *held;

	while ((held = held_take(queue)))
		held_give(pool, held);
}

unsigned held_pool_count(const struct held_pool *pool)
{
	return pool->count;
}
