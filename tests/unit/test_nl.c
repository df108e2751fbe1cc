// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads the namespace that the test runs in: every one has a loopback link
 * and the three rules of IPv4.  What a whole host looks like is read in
 * tests/net/test_routes.py.
 */
#include "common/nl.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct nl_rule rule_at(const struct nl_state *state, uint32_t priority)
{
	for (size_t i = 0; i < state->rule_count; i++) {
		const struct nl_rule *rule = &state->rules[i];

		if (rule->family == ADDR_IPV4 && rule->priority == priority)
			return *rule;
	}
	fail();
	return (struct nl_rule){0};
}

static size_t count_routes(const struct nl_state *state, uint32_t table)
{
	size_t count = 0;

	for (size_t i = 0; i < state->route_count; i++)
		count += state->routes[i].table == table;
	return count;
}

static void dump_has_loopback_and_the_first_rules(void **state)
{
	struct nl_reader *reader = NULL;
	struct nl_state found;
	const struct nl_link *lo;
	struct nl_rule rule;

	(void)state;
	assert_int_equal(nl_reader_open(&reader), 0);
	assert_int_equal(nl_reader_dump(reader, &found), 0);
	lo = nl_link_by_name(&found, "lo");
	if (!lo)
		fail();
	assert_true(lo->is_loopback);
	assert_false(lo->is_ethernet);
	assert_ptr_equal(nl_link_by_index(&found, lo->ifindex), lo);
	assert_null(nl_link_by_name(&found, "no such link"));
	rule = rule_at(&found, 0);
	assert_int_equal(rule.table, RT_TABLE_LOCAL);
	assert_int_equal(rule.action, FR_ACT_TO_TBL);
	assert_int_equal(rule.suppress_prefixlength, -1);
	assert_false(rule.has_more);
	nl_state_free(&found);
	assert_int_equal(found.link_count, 0);
	nl_reader_close(reader);
}

static void only_main_is_dumped_if_wished(void **state)
{
	struct nl_reader *all = NULL, *main_only = NULL;
	struct nl_state found;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		skip();
	assert_int_equal(nl_reader_open(&all), 0);
	assert_int_equal(nl_reader_open(&main_only), 0);
	assert_int_equal(nl_reader_keep_main(main_only), 0);
	/* There is no such table yet. */
	assert_int_equal(nl_reader_dump(main_only, &found), 0);
	assert_int_equal(found.route_count, 0);
	assert_int_equal(found.link_count, 1);
	rule_at(&found, 0);
	nl_state_free(&found);

	assert_int_equal(
		system("ip link set lo up && ip addr add 192.0.2.1/32 dev lo &&"
		       "ip route add 10.2.0.0/16 dev lo &&"
		       "ip -6 route add 2001:db8:2::/48 dev lo &&"
		       "ip route add throw 10.1.0.0/16 table 197 &&"
		       "ip -6 route add throw 2001:db8:1::/48 table 197"),
		0);
	assert_int_equal(nl_reader_dump(main_only, &found), 0);
	assert_int_equal(found.route_count,
			 count_routes(&found, RT_TABLE_MAIN));
	assert_true(found.route_count >= 2);
	assert_true(found.addr_count >= 1);
	nl_state_free(&found);
	/* The control. */
	assert_int_equal(nl_reader_dump(all, &found), 0);
	assert_int_equal(count_routes(&found, 197), 2);
	nl_state_free(&found);
	nl_reader_close(all);
	nl_reader_close(main_only);
}

static void equal_is_told_from_changed(void **state)
{
	struct nl_link link = {.ifindex = 1, .name = "lo"};
	struct nl_link other = link;
	const struct nl_state a = {.links = &link, .link_count = 1};
	const struct nl_state b = {.links = &other, .link_count = 1};

	(void)state;
	assert_true(nl_state_equal(&a, &b));
	other.mtu = 1280;
	assert_false(nl_state_equal(&a, &b));
	assert_false(nl_state_equal(&a, &(struct nl_state){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dump_has_loopback_and_the_first_rules),
		cmocka_unit_test(equal_is_told_from_changed),
		cmocka_unit_test(only_main_is_dumped_if_wished),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
