// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/sources.h"

#include "routed/relay/tuples.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct source {
	uint32_t count, next_free;
};

struct sources {
	struct tuples *tuples; /* owned; only their sources differ */
	uint32_t capacity, fresh;
	uint32_t free; /* number + 1, 0: none */
	struct source pool[];
};

int sources_new(struct sources **sources, uint32_t capacity)
{
	struct sources *new = calloc(
		1, sizeof(*new) + (size_t)capacity * sizeof(new->pool[0]));
	int ret;

	if (!new)
		return -ENOMEM;
	ret = tuples_new(&new->tuples, capacity);
	if (ret < 0) {
		free(new);
		return ret;
	}
	new->capacity = capacity;
	*sources = new;
	return 0;
}

void sources_free(struct sources *sources)
{
	if (!sources)
		return;
	tuples_free(sources->tuples);
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

static struct source *add(struct sources *sources, const struct addr *addr)
{
	const struct tuple key = key_of(addr);
	uint32_t number;

	if (sources->free > 0) {
		number = sources->free - 1;
		sources->free = sources->pool[number].next_free;
	} else if (sources->fresh < sources->capacity) {
		number = sources->fresh++;
	} else {
		return NULL;
	}
	sources->pool[number].count = 0;
	tuples_add(sources->tuples, number, &key);
	return &sources->pool[number];
}

bool sources_take(struct sources *sources, const struct addr *addr,
		  uint32_t most)
{
	int64_t number = find(sources, addr);
	struct source *source = number < 0 ? NULL : &sources->pool[number];

	if (!source && most > 0)
		source = add(sources, addr);
	if (!source || source->count >= most)
		return false;
	source->count++;
	return true;
}

void sources_give(struct sources *sources, const struct addr *addr)
{
	int64_t number = find(sources, addr);
	struct source *source;

	assert(number >= 0);
	source = &sources->pool[number];
	if (--source->count > 0)
		return;
	tuples_del(sources->tuples, (uint32_t)number);
	source->next_free = sources->free;
	sources->free = (uint32_t)number + 1;
}

uint32_t sources_count(const struct sources *sources, const struct addr *addr)
{
	int64_t number = find(sources, addr);

	return number < 0 ? 0 : sources->pool[number].count;
}
