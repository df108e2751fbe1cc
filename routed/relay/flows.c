// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/flows.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define NO_NUMBER UINT32_MAX

struct flows {
	struct tuples *tuples; /* owned */
	uint32_t capacity;
	uint32_t count;
	uint32_t fresh; /* flows from here on were never used */
	uint32_t free;  /* head of those that ended, or NO_NUMBER */
	struct flow pool[];
};

int flows_new(struct flows **flows, uint32_t capacity)
{
	struct flows *new = calloc(
		1, sizeof(*new) + (size_t)capacity * sizeof(struct flow));
	int ret;

	if (!new)
		return -ENOMEM;
	ret = tuples_new(&new->tuples, capacity);
	if (ret < 0)
		goto free_flows;
	new->capacity = capacity;
	new->free = NO_NUMBER;
	*flows = new;
	return 0;

free_flows:
	free(new);
	return ret;
}

void flows_free(struct flows *flows)
{
	if (!flows)
		return;
	tuples_free(flows->tuples);
	free(flows);
}

static struct flow *take(struct flows *flows)
{
	struct flow *flow;

	if (flows->free != NO_NUMBER) {
		flow = &flows->pool[flows->free];
		flows->free = flow->next_free;
		return flow;
	}
	if (flows->fresh == flows->capacity)
		return NULL;
	flow = &flows->pool[flows->fresh];
	flow->number = flows->fresh++;
	return flow;
}

struct flow *flows_add(struct flows *flows, const struct tuple *tuple)
{
	struct flow *flow = take(flows);

	if (!flow)
		return NULL;
	*flow = (struct flow){.number = flow->number, .state = FLOW_HELD};
	tuples_add(flows->tuples, flow->number, tuple);
	flows->count++;
	return flow;
}

void flows_del(struct flows *flows, struct flow *flow)
{
	assert(flow->state != FLOW_NONE);
	free(flow->sniffed);
	flow->sniffed = NULL;
	tuples_del(flows->tuples, flow->number);
	flow->state = FLOW_NONE;
	flow->next_free = flows->free;
	flows->free = flow->number;
	flows->count--;
}

struct flow *flows_find(struct flows *flows, const struct tuple *tuple)
{
	int64_t number = tuples_find(flows->tuples, tuple);

	return number < 0 ? NULL : &flows->pool[number];
}

const struct tuple *flows_tuple(const struct flows *flows,
				const struct flow *flow)
{
	return tuples_at(flows->tuples, flow->number);
}

uint32_t flows_count(const struct flows *flows)
{
	return flows->count;
}

uint32_t flows_end(const struct flows *flows)
{
	return flows->fresh;
}

struct flow *flows_at(struct flows *flows, uint32_t number)
{
	assert(number < flows->fresh);
	if (flows->pool[number].state == FLOW_NONE)
		return NULL;
	return &flows->pool[number];
}
