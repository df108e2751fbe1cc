// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct quota *quota;
static struct addr one, two;
static struct flow flows[8];

static int setup(void **state)
{
	const struct quota_conf conf = {
		.flows = 8, .half_open = 8, .flows_a_source = 3};

	(void)state;
	one = addr_ipv4(0xc0a80107);
	two = addr_ipv4(0xc0a80108);
	for (size_t i = 0; i < ARRAY_LEN(flows); i++)
		flows[i].quota = FLOW_QUOTA_NONE;
	return quota_new(&quota, &conf);
}

static int teardown(void **state)
{
	(void)state;
	quota_free(quota);
	return 0;
}

static void a_quarter_may_be_half_open(void **state)
{
	(void)state;
	assert_true(quota_take(quota, &flows[0], &one));
	assert_true(quota_take(quota, &flows[1], &one));
	assert_false(quota_take(quota, &flows[2], &one));
	assert_int_equal(flows[2].quota, FLOW_QUOTA_NONE);
	/* That is nobody else's trouble. */
	assert_true(quota_take(quota, &flows[3], &two));
	quota_open(quota, &flows[0], &one);
	assert_true(quota_take(quota, &flows[2], &one));
}

static void open_flows_count_for_all_of_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(quota_take(quota, &flows[i], &one));
		quota_open(quota, &flows[i], &one);
	}
	assert_false(quota_take(quota, &flows[3], &one));
	quota_give(quota, &flows[1], &one);
	assert_true(quota_take(quota, &flows[3], &one));
}

static void what_was_not_taken_gives_nothing_back(void **state)
{
	(void)state;
	quota_open(quota, &flows[0], &one);
	quota_give(quota, &flows[0], &one);
	assert_true(quota_take(quota, &flows[1], &one));
	quota_give(quota, &flows[1], &one);
	quota_give(quota, &flows[1], &one);
	for (size_t i = 0; i < 2; i++)
		assert_true(quota_take(quota, &flows[i], &one));
	assert_false(quota_take(quota, &flows[2], &one));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_quarter_may_be_half_open),
		TEST(open_flows_count_for_all_of_them),
		TEST(what_was_not_taken_gives_nothing_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
