// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/flows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tuple tuple_at(uint32_t n)
{
	struct tuple tuple = {
		.src = {.addr = addr_ipv4(0x0a000001), .port = (uint16_t)n},
		.dst = {.addr = addr_ipv4(0xc6120000 + n), .port = 443},
	};

	return tuple;
}

static struct flow *add(struct flows *flows, uint32_t n)
{
	struct tuple tuple = tuple_at(n);

	return flows_add(flows, &tuple);
}

static struct flow *find(struct flows *flows, uint32_t n)
{
	struct tuple tuple = tuple_at(n);

	return flows_find(flows, &tuple);
}

static void the_pool_has_its_bound(void **state)
{
	struct flows *flows;

	(void)state;
	assert_int_equal(flows_new(&flows, 3), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_non_null(add(flows, i));
	assert_null(add(flows, 3));
	assert_int_equal(flows_count(flows), 3);
	flows_del(flows, find(flows, 1));
	assert_int_equal(flows_count(flows), 2);
	assert_non_null(add(flows, 3));
	assert_null(add(flows, 4));
	assert_null(find(flows, 1));
	flows_free(flows);
}

static void a_new_flow_is_clean(void **state)
{
	struct flows *flows;
	struct flow *flow;
	uint32_t number;

	(void)state;
	assert_int_equal(flows_new(&flows, 1), 0);
	flow = add(flows, 1);
	number = flow->number;
	memset(flow, 0xff, sizeof(*flow));
	flow->number = number;
	flow->sniffed = malloc(1); /* goes with its flow */
	flows_del(flows, flow);
	flow = add(flows, 2);
	assert_int_equal(flow->state, FLOW_HELD);
	assert_false(flow->is_own);
	assert_null(flow->hold);
	assert_null(flow->sniffed);
	assert_null(flow->app.next);
	assert_int_equal(flow->mover.lane[0].bytes, 0);
	flows_free(flows);
}

static void a_walk_sees_every_flow(void **state)
{
	struct flows *flows;
	uint32_t seen = 0;

	(void)state;
	assert_int_equal(flows_new(&flows, 100), 0);
	for (uint32_t i = 0; i < 50; i++)
		assert_non_null(add(flows, i));
	for (uint32_t i = 0; i < 50; i += 5)
		flows_del(flows, find(flows, i));
	assert_int_equal(flows_end(flows), 50);
	for (uint32_t i = 0; i < flows_end(flows); i++) {
		struct flow *flow = flows_at(flows, i);

		if (!flow)
			continue;
		seen++;
		assert_int_equal(flow->number, i);
		assert_ptr_equal(
			find(flows, flows_tuple(flows, flow)->src.port), flow);
	}
	assert_int_equal(seen, flows_count(flows));
	flows_free(flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pool_has_its_bound),
		cmocka_unit_test(a_new_flow_is_clean),
		cmocka_unit_test(a_walk_sees_every_flow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
