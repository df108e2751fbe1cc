// SPDX-License-Identifier: BSD-2-Clause
#include "routed/exits.h"

#include "common/err.h"
#include "tests/unit/fib_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fib_model model;
static struct exits exits;

static void find(const struct config *config)
{
	assert_int_equal(exits_find(&exits, config, &model.state), 0);
}

static void uplink_and_named_interfaces_are_exits(void **state)
{
	struct outbound_conf outbounds[] = {
		{.type = OUTBOUND_TYPE_DIRECT},
		{.type = OUTBOUND_TYPE_INTERFACE, .interface = "wg0"},
		{.type = OUTBOUND_TYPE_INTERFACE, .interface = "none0"},
	};
	struct upstream_conf upstreams[] = {{.interface = "eth0"},
					    {.interface = NULL}};
	struct config config = {
		.outbounds = outbounds,
		.outbound_count = 3,
		.upstreams = upstreams,
		.upstream_count = 2,
	};

	(void)state;
	fib_model_laptop(&model);
	fib_model_link(&model, WG);
	fib_model_addr(&model, WG, "10.9.0.2/24");
	find(&config);
	assert_int_equal(exits.count, 2);
	assert_string_equal(exits.links[0].name, "eth0");
	assert_int_equal(exits.links[0].table, PLAN_TABLE_EXIT);
	assert_non_null(exit_way(&exits.links[0], ADDR_IPV4));
	assert_non_null(exit_way(&exits.links[0], ADDR_IPV6));
	assert_string_equal(exits.links[1].name, "wg0");
	assert_int_equal(exits.links[1].table, PLAN_TABLE_EXIT + 1);
	assert_non_null(exit_way(&exits.links[1], ADDR_IPV4));
	assert_null(exit_way(&exits.links[1], ADDR_IPV6));
	/* Where only the pools are captured, the uplink needs no table. */
	config.routed.capture = ROUTED_CAPTURE_FAKE;
	config.upstream_count = 0;
	find(&config);
	assert_int_equal(exits.count, 1);
	assert_string_equal(exits.links[0].name, "wg0");
}

static void exit_keeps_its_table(void **state)
{
	const struct config config = {0};
	struct nl_rule *rule;

	(void)state;
	fib_model_laptop(&model);
	rule = fib_model_rule(&model, ADDR_IPV4, PLAN_PRIORITY_EXIT, 213);
	rule->protocol = NL_PROTOCOL;
	strcpy(rule->oif, "eth0");
	find(&config);
	assert_int_equal(exits.links[0].table, 213);
	/* Not because of a rule that somebody else made. */
	rule->protocol = 3;
	find(&config);
	assert_int_equal(exits.links[0].table, 210);
}

static void table_of_somebody_else_is_not_taken(void **state)
{
	const struct config config = {0};

	(void)state;
	fib_model_laptop(&model);
	fib_model_route(&model, "10.0.0.0/8", ETH, NULL)->table = 210;
	fib_model_rule(&model, ADDR_IPV4, 100, 211);
	find(&config);
	assert_int_equal(exits.links[0].table, 212);
}

static void more_exits_than_tables_is_an_error(void **state)
{
	struct outbound_conf outbounds[PLAN_EXITS_MAX + 1];
	const struct config config = {
		.outbounds = outbounds,
		.outbound_count = PLAN_EXITS_MAX + 1,
	};
	struct nl_link links[PLAN_EXITS_MAX + 1];
	const struct nl_state found = {
		.links = links,
		.link_count = PLAN_EXITS_MAX + 1,
	};

	(void)state;
	memset(outbounds, 0, sizeof(outbounds));
	memset(links, 0, sizeof(links));
	for (int i = 0; i <= PLAN_EXITS_MAX; i++) {
		links[i].ifindex = i + 1;
		links[i].name[0] = (char)('0' + i);
		outbounds[i].type = OUTBOUND_TYPE_INTERFACE;
		outbounds[i].interface = links[i].name;
	}
	assert_int_equal(exits_find(&exits, &config, &found), ERR_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uplink_and_named_interfaces_are_exits),
		cmocka_unit_test(exit_keeps_its_table),
		cmocka_unit_test(table_of_somebody_else_is_not_taken),
		cmocka_unit_test(more_exits_than_tables_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
