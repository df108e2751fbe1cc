// SPDX-License-Identifier: BSD-2-Clause
#include "routed/object.h"

#include "tests/unit/fib_model.h"

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct nl_object route_make(uint8_t type)
{
	struct nl_object object = {.kind = NL_OBJECT_ROUTE};

	object.route.family = ADDR_IPV6;
	object.route.type = type;
	object.route.protocol = NL_PROTOCOL;
	object.route.table = 197;
	object.route.dst = prefix_of("fe80::/10");
	object.route.metric = 1024;
	return object;
}

static struct nl_object rule_make(void)
{
	struct nl_object object = {.kind = NL_OBJECT_RULE};

	object.rule.family = ADDR_IPV4;
	object.rule.protocol = NL_PROTOCOL;
	object.rule.priority = 4998;
	object.rule.table = RT_TABLE_MAIN;
	strcpy(object.rule.oif, "eth0");
	return object;
}

static void device_that_the_kernel_gives_a_throw_does_not_count(void **state)
{
	struct nl_object a = route_make(RTN_THROW);
	struct nl_object b = a;

	(void)state;
	b.route.oif = LO;
	assert_true(object_is_equal(&a, &b));
	a = route_make(RTN_UNICAST);
	b = a;
	b.route.oif = LO;
	assert_false(object_is_equal(&a, &b));
	assert_int_equal(object_compare_key(&a, &b), 0);
}

static void metric_and_table_are_the_key_of_a_route(void **state)
{
	struct nl_object a = route_make(RTN_UNICAST);
	struct nl_object b = a;

	(void)state;
	b.route.metric = 1;
	assert_int_not_equal(object_compare_key(&a, &b), 0);
	assert_true(object_compare_key(&a, &b) > 0);
	assert_true(object_compare_key(&b, &a) < 0);
	b = a;
	b.route.table = 198;
	assert_int_not_equal(object_compare_key(&a, &b), 0);
	b = a;
	b.route.gateway = addr_of("fe80::1");
	b.route.is_cubic = true;
	assert_int_equal(object_compare_key(&a, &b), 0);
	assert_false(object_is_equal(&a, &b));
}

static void rule_of_another_protocol_has_the_same_key(void **state)
{
	struct nl_object a = rule_make();
	struct nl_object b = a;

	(void)state;
	b.rule.protocol = RTPROT_STATIC;
	assert_int_equal(object_compare_key(&a, &b), 0);
	assert_false(object_is_equal(&a, &b));
	assert_true(object_is_ours(&a));
	assert_false(object_is_ours(&b));
	b = a;
	strcpy(b.rule.oif, "eth1");
	assert_int_not_equal(object_compare_key(&a, &b), 0);
	b = a;
	b.rule.has_more = true;
	assert_int_not_equal(object_compare_key(&a, &b), 0);
}

static void kinds_are_never_the_same(void **state)
{
	const struct nl_object rule = rule_make();
	const struct nl_object route = route_make(RTN_THROW);
	const struct nl_object link = {.kind = NL_OBJECT_LINK_UP,
				       .ifindex = TUN};

	(void)state;
	assert_false(object_is_equal(&rule, &route));
	assert_false(object_is_equal(&link, &route));
	assert_true(object_is_equal(&link, &link));
	assert_false(object_is_ours(&link));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			device_that_the_kernel_gives_a_throw_does_not_count),
		cmocka_unit_test(metric_and_table_are_the_key_of_a_route),
		cmocka_unit_test(rule_of_another_protocol_has_the_same_key),
		cmocka_unit_test(kinds_are_never_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
