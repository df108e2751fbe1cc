// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/sources.h"

#include "routed/relay/numbers.h"
#include "routed/relay/tuples.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct sources {
	struct tuples *tuples; /* owned; only their sources differ */
	struct numbers numbers;
	uint32_t counts[];
};

int sources_new(struct sources **sources, uint32_t capacity)
{
	struct sources *new = calloc(
		1, sizeof(*new) + (size_t)capacity * sizeof(new->counts[0]));
	int ret;

	if (!new)
		return -ENOMEM;
	ret = numbers_init(&new->numbers, capacity);
	if (ret == 0)
		ret = tuples_new(&new->tuples, capacity);
	if (ret < 0) {
		sources_free(new);
		return ret;
	}
	*sources = new;
	return 0;
}

void sources_free(struct sources *sources)
{
	if (!sources)
		return;
	tuples_free(sources->tuples);
	numbers_fini(&sources->numbers);
	free(sources);
}

static struct tuple key_of(const struct addr *addr)
{
	return (struct tuple){.src.addr = *addr};
}

/* The number in the pool, negative: it has nothing. */
static int64_t find(const struct sources *sources, const struct addr *addr)
{
	const struct tuple key = key_of(addr);

	return tuples_find(sources->tuples, &key);
}

/* Negative: there is no room. */
static int64_t add(struct sources *sources, const struct addr *addr)
{
	const struct tuple key = key_of(addr);
	int64_t number = numbers_take(&sources->numbers);

	if (number < 0)
		return number;
	sources->counts[number] = 0;
	tuples_add(sources->tuples, (uint32_t)number, &key);
	return number;
}

bool sources_take(struct sources *sources, const struct addr *addr,
		  uint32_t most)
{
	int64_t number = find(sources, addr);

	if (number < 0 && most > 0)
		number = add(sources, addr);
	if (number < 0 || sources->counts[number] >= most)
		return false;
	sources->counts[number]++;
	return true;
}

void sources_give(struct sources *sources, const struct addr *addr)
{
	int64_t number = find(sources, addr);

	assert(number >= 0);
	if (--sources->counts[number] > 0)
		return;
	tuples_del(sources->tuples, (uint32_t)number);
	numbers_give(&sources->numbers, (uint32_t)number);
}

uint32_t sources_count(const struct sources *sources, const struct addr *addr)
{
	int64_t number = find(sources, addr);

	return number < 0 ? 0 : sources->counts[number];
}
