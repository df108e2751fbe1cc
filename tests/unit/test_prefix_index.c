// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/prefix_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct prefix_index *new_index(void)
{
	struct prefix_index *index = prefix_index_new();

	assert_non_null(index);
	return index;
}

static void add(struct prefix_index *index, const char *text, uint32_t rule,
		uint32_t line)
{
	struct prefix prefix;
	struct rule_hit hit = {rule, line};

	assert_int_equal(prefix_parse(&prefix, text), 0);
	assert_int_equal(prefix_index_add(index, &prefix, hit), 0);
}

static void seal(struct prefix_index *index)
{
	assert_int_equal(prefix_index_seal(index), 0);
}

/* The line, or 0. */
static unsigned line_of(const struct prefix_index *index, const char *text)
{
	struct rule_hit hit;
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	return prefix_index_find(index, &addr, &hit) ? hit.line : 0;
}

static void empty_index_has_no_address(void **state)
{
	struct prefix_index *index = new_index();

	(void)state;
	seal(index);
	assert_int_equal(line_of(index, "192.0.2.1"), 0);
	assert_int_equal(line_of(index, "::"), 0);
	assert_int_equal(
		line_of(index, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 0);
	prefix_index_free(index);
	prefix_index_free(NULL);
}

static void both_families_live_in_one_index(void **state)
{
	struct prefix_index *index = new_index();

	(void)state;
	add(index, "2001:db8::/32", 0, 1);
	add(index, "10.0.0.0/8", 0, 2);
	add(index, "192.0.2.1/32", 0, 3);
	add(index, "::/8", 1, 4);
	seal(index);
	assert_int_equal(line_of(index, "2001:db8:ffff::"), 1);
	assert_int_equal(line_of(index, "10.255.255.255"), 2);
	assert_int_equal(line_of(index, "192.0.2.1"), 3);
	assert_int_equal(line_of(index, "::1"), 4);
	assert_int_equal(line_of(index, "2001:db9::"), 0);
	assert_int_equal(line_of(index, "9.255.255.255"), 0);
	prefix_index_free(index);
}

static void earlier_rule_wins_inside_and_around(void **state)
{
	struct prefix_index *index = new_index();

	(void)state;
	add(index, "10.0.0.0/8", 1, 1);
	add(index, "10.1.0.0/16", 0, 2);
	add(index, "10.1.1.0/24", 2, 3);
	add(index, "10.2.0.0/16", 3, 4);
	add(index, "11.0.0.0/8", 5, 5);
	add(index, "11.0.0.0/8", 4, 6);
	add(index, "0.0.0.0/0", 9, 7);
	seal(index);
	assert_int_equal(line_of(index, "10.0.0.1"), 1);
	assert_int_equal(line_of(index, "10.1.0.1"), 2);
	assert_int_equal(line_of(index, "10.1.1.1"), 2);
	assert_int_equal(line_of(index, "10.2.0.1"), 1);
	assert_int_equal(line_of(index, "10.255.255.255"), 1);
	assert_int_equal(line_of(index, "11.0.0.0"), 6);
	assert_int_equal(line_of(index, "12.0.0.0"), 7);
	assert_int_equal(line_of(index, "255.255.255.255"), 7);
	assert_int_equal(line_of(index, "::fffe:0:0"), 0);
	prefix_index_free(index);
}

static void everything_is_one_prefix_a_family(void **state)
{
	struct prefix_index *index = new_index();

	(void)state;
	add(index, "0.0.0.0/0", 0, 1);
	add(index, "::/0", 0, 2);
	seal(index);
	assert_int_equal(line_of(index, "255.255.255.255"), 1);
	assert_int_equal(line_of(index, "0.0.0.0"), 1);
	assert_int_equal(line_of(index, "::"), 2);
	assert_int_equal(
		line_of(index, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 2);
	prefix_index_free(index);
}

static void ranges_are_those_of_the_earliest_rules(void **state)
{
	struct prefix_index *index = new_index();
	struct prefix_range *ranges;
	size_t count;

	(void)state;
	add(index, "10.0.0.0/8", 1, 0);
	add(index, "10.128.0.0/9", 0, 0);
	seal(index);
	ranges = prefix_index_ranges(index, &count);
	assert_non_null(ranges);
	assert_int_equal(count, 2);
	assert_int_equal(ranges[0].rule, 1);
	assert_int_equal(ranges[0].span.last.low & UINT32_MAX, 0x0a7fffff);
	assert_int_equal(ranges[1].rule, 0);
	assert_int_equal(ranges[1].span.last.low & UINT32_MAX, 0x0affffff);
	free(ranges);
	prefix_index_free(index);
}

/* Few bits are used, so that prefixes meet. */
static struct prefix random_prefix(unsigned length_max)
{
	struct prefix prefix = {
		.addr = addr_ipv4((uint32_t)(rand() % 4) << 30 |
				  (uint32_t)(rand() % 16) << 8 |
				  (uint32_t)(rand() % 4)),
		.length = (uint8_t)((unsigned)rand() % (length_max + 1)),
	};

	if (rand() % 4 == 0) {
		prefix.addr.family = ADDR_IPV6;
		prefix.length = (uint8_t)(prefix.length * 4);
	}
	prefix_mask(&prefix);
	return prefix;
}

/* The earliest rule that has it, by looking at every prefix. */
static uint32_t walk(const struct prefix *prefixes, uint32_t count,
		     const struct addr *addr)
{
	uint32_t earliest = RULE_NONE;

	for (uint32_t i = count; i-- > 0;) {
		if (prefix_has(&prefixes[i], addr))
			earliest = i / 3;
	}
	return earliest;
}

static void random_prefixes_answer_like_a_walk(void **state)
{
	(void)state;
	srand(4);
	for (int round = 0; round < 300; round++) {
		struct prefix_index *index = new_index();
		struct prefix prefixes[200];
		uint32_t count = (uint32_t)(rand() % (round % 2 ? 40 : 200));

		for (uint32_t i = 0; i < count; i++) {
			struct rule_hit hit = {i / 3, i + 1};

			prefixes[i] = random_prefix(32);
			assert_int_equal(
				prefix_index_add(index, &prefixes[i], hit), 0);
		}
		seal(index);
		for (int question = 0; question < 300; question++) {
			struct addr addr = random_prefix(32).addr;
			struct rule_hit hit = {RULE_NONE, 0};
			uint32_t earliest = walk(prefixes, count, &addr);

			assert_int_equal(prefix_index_find(index, &addr, &hit),
					 earliest != RULE_NONE);
			assert_int_equal(hit.rule, earliest);
			if (hit.rule == RULE_NONE)
				continue;
			assert_int_equal((hit.line - 1) / 3, hit.rule);
			assert_true(prefix_has(&prefixes[hit.line - 1], &addr));
		}
		prefix_index_free(index);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_index_has_no_address),
		cmocka_unit_test(both_families_live_in_one_index),
		cmocka_unit_test(earlier_rule_wins_inside_and_around),
		cmocka_unit_test(everything_is_one_prefix_a_family),
		cmocka_unit_test(ranges_are_those_of_the_earliest_rules),
		cmocka_unit_test(random_prefixes_answer_like_a_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
