// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/tuples.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Zeroed memory is a valid empty table: numbers are kept plus one. */
struct entry {
	struct tuple tuple;
	uint32_t next;
	bool is_used;
};

struct tuples {
	uint64_t seed[2];
	uint32_t capacity;
	uint32_t mask;          /* buckets - 1 */
	uint32_t *buckets;      /* owned */
	struct entry entries[]; /* by number */
};

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9fb21c651e98df25U;
	return hash ^ hash >> 32;
}

/* Field by field: the padding inside an endpoint is nobody's. */
static uint64_t mix_endpoint(uint64_t hash, const struct endpoint *endpoint)
{
	uint64_t words[2];

	memcpy(words, endpoint->addr.bytes, sizeof(words));
	hash = mix(hash, words[0]);
	hash = mix(hash, words[1]);
	return mix(hash,
		   (uint64_t)endpoint->addr.family << 16 | endpoint->port);
}

static uint32_t *bucket_of(const struct tuples *tuples,
			   const struct tuple *tuple)
{
	uint64_t hash = mix_endpoint(tuples->seed[0], &tuple->src);

	hash = mix_endpoint(hash ^ tuples->seed[1], &tuple->dst);
	return &tuples->buckets[hash & tuples->mask];
}

int tuples_new(struct tuples **tuples, uint32_t capacity)
{
	struct tuples *new;
	size_t buckets = 1;
	int ret = -ENOMEM;

	assert(capacity > 0 && capacity < UINT32_MAX / 2);
	while (buckets < capacity)
		buckets *= 2;
	new = calloc(1,
		     sizeof(*new) + (size_t)capacity * sizeof(new->entries[0]));
	if (!new)
		return -ENOMEM;
	new->capacity = capacity;
	new->mask = (uint32_t)(buckets - 1);
	new->buckets = calloc(buckets, sizeof(new->buckets[0]));
	if (!new->buckets)
		goto free_tuples;
	if (getrandom(new->seed, sizeof(new->seed), 0) !=
	    (ssize_t)sizeof(new->seed)) {
		ret = -EIO;
		goto free_buckets;
	}
	*tuples = new;
	return 0;

free_buckets:
	free(new->buckets);
free_tuples:
	free(new);
	return ret;
}

void tuples_free(struct tuples *tuples)
{
	if (!tuples)
		return;
	free(tuples->buckets);
	free(tuples);
}

void tuples_add(struct tuples *tuples, uint32_t number,
		const struct tuple *tuple)
{
	uint32_t *bucket = bucket_of(tuples, tuple);
	struct entry *entry;

	assert(number < tuples->capacity);
	entry = &tuples->entries[number];
	assert(!entry->is_used);
	entry->tuple = *tuple;
	entry->is_used = true;
	entry->next = *bucket;
	*bucket = number + 1;
}

void tuples_del(struct tuples *tuples, uint32_t number)
{
	struct entry *entry;
	uint32_t *link;

	assert(number < tuples->capacity);
	entry = &tuples->entries[number];
	if (!entry->is_used)
		return;
	link = bucket_of(tuples, &entry->tuple);
	while (*link != number + 1)
		link = &tuples->entries[*link - 1].next;
	*link = entry->next;
	entry->is_used = false;
}

int64_t tuples_find(const struct tuples *tuples, const struct tuple *tuple)
{
	uint32_t at = *bucket_of(tuples, tuple);

	while (at > 0) {
		const struct entry *entry = &tuples->entries[at - 1];

		if (endpoint_equal(&entry->tuple.src, &tuple->src) &&
		    endpoint_equal(&entry->tuple.dst, &tuple->dst))
			return at - 1;
		at = entry->next;
	}
	return -ENOENT;
}

const struct tuple *tuples_at(const struct tuples *tuples, uint32_t number)
{
	assert(number < tuples->capacity);
	if (!tuples->entries[number].is_used)
		return NULL;
	return &tuples->entries[number].tuple;
}
