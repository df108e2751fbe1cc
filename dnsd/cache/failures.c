// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/cache/failures.h"

#include <string.h>

static uint64_t hash_of(uint64_t route, const struct question *question)
{
	uint64_t hash = name_hash(question->name.wire, question->name.length);

	hash ^= route;
	hash ^= (uint64_t)question->type << 16 | (uint64_t)question->cd << 1 |
		question->do_bit;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

static struct failure *find(struct failures *failures, uint64_t hash)
{
	struct failure *set = failures->all[hash % FAILURES_SETS];

	for (size_t i = 0; i < FAILURES_WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
	}
	return NULL;
}

const struct failure *failures_find(const struct failures *failures,
				    uint64_t route,
				    const struct question *question,
				    int64_t now_ms)
{
	uint64_t hash = hash_of(route, question);
	const struct failure *set = failures->all[hash % FAILURES_SETS];

	for (size_t i = 0; i < FAILURES_WAYS; i++) {
		if (set[i].hash == hash)
			return now_ms < set[i].until_ms ? &set[i] : NULL;
	}
	return NULL;
}

static int64_t duration_ms(uint32_t count)
{
	int64_t ms = FAILURES_MIN_MS;

	for (; count > 1 && ms < FAILURES_MAX_MS; count--)
		ms *= 2;
	return ms < FAILURES_MAX_MS ? ms : FAILURES_MAX_MS;
}

void failures_add(struct failures *failures, uint64_t route,
		  const struct question *question, int64_t now_ms,
		  const struct failure *failure)
{
	uint64_t hash = hash_of(route, question);
	struct failure *set = failures->all[hash % FAILURES_SETS];
	struct failure *place = find(failures, hash);
	uint32_t count = place ? place->count + 1 : 1;

	if (!place) {
		place = &set[0];
		for (size_t i = 1; i < FAILURES_WAYS; i++) {
			if (set[i].until_ms < place->until_ms)
				place = &set[i];
		}
	}
	*place = *failure;
	place->hash = hash;
	place->count = count;
	place->until_ms = now_ms + duration_ms(count);
}

void failures_del(struct failures *failures, uint64_t route,
		  const struct question *question)
{
	struct failure *place = find(failures, hash_of(route, question));

	if (place)
		*place = (struct failure){0};
}

void failures_clear(struct failures *failures)
{
	memset(failures, 0, sizeof(*failures));
}
