// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/prefix_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void add(struct prefix_set *set, const char *text, uint32_t line)
{
	struct prefix prefix;

	assert_int_equal(prefix_parse(&prefix, text), 0);
	assert_int_equal(prefix_set_add(set, &prefix, line), 0);
}

/* The line, or 0. */
static unsigned line_of(const struct prefix_set *set, const char *text)
{
	const struct prefix_entry *entry;
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	entry = prefix_set_find(set, &addr);
	return entry ? entry->line : 0;
}

static void empty_set_has_no_address(void **state)
{
	struct prefix_set set = {0};

	(void)state;
	prefix_set_seal(&set);
	assert_int_equal(line_of(&set, "192.0.2.1"), 0);
	assert_int_equal(line_of(&set, "::"), 0);
	prefix_set_fini(&set);
}

static void both_families_live_in_one_set(void **state)
{
	struct prefix_set set = {0};

	(void)state;
	add(&set, "2001:db8::/32", 1);
	add(&set, "10.0.0.0/8", 2);
	add(&set, "192.0.2.1/32", 3);
	add(&set, "::/8", 4);
	prefix_set_seal(&set);
	assert_int_equal(line_of(&set, "2001:db8:ffff::"), 1);
	assert_int_equal(line_of(&set, "10.255.255.255"), 2);
	assert_int_equal(line_of(&set, "192.0.2.1"), 3);
	assert_int_equal(line_of(&set, "::1"), 4);
	assert_int_equal(line_of(&set, "2001:db9::"), 0);
	assert_int_equal(line_of(&set, "11.0.0.0"), 0);
	assert_int_equal(line_of(&set, "9.255.255.255"), 0);
	assert_int_equal(line_of(&set, "192.0.2.2"), 0);
	prefix_set_fini(&set);
}

static void prefix_inside_another_is_dropped(void **state)
{
	struct prefix_set set = {0};

	(void)state;
	add(&set, "10.1.0.0/16", 1);
	add(&set, "10.0.0.0/8", 2);
	add(&set, "10.0.0.0/16", 3);
	add(&set, "10.255.255.255/32", 4);
	add(&set, "10.0.0.0/8", 5);
	add(&set, "11.0.0.0/16", 6);
	prefix_set_seal(&set);
	assert_int_equal(set.count, 2);
	assert_int_equal(line_of(&set, "10.1.2.3"), 2);
	assert_int_equal(line_of(&set, "10.255.255.255"), 2);
	assert_int_equal(line_of(&set, "11.0.255.255"), 6);
	assert_int_equal(line_of(&set, "11.1.0.0"), 0);
	prefix_set_fini(&set);
}

static void everything_is_one_prefix(void **state)
{
	struct prefix_set set = {0};

	(void)state;
	add(&set, "0.0.0.0/0", 1);
	prefix_set_seal(&set);
	assert_int_equal(line_of(&set, "0.0.0.0"), 1);
	assert_int_equal(line_of(&set, "255.255.255.255"), 1);
	assert_int_equal(line_of(&set, "::"), 0);
	prefix_set_fini(&set);
}

/* Small numbers in the first two bytes, so that prefixes often nest. */
static struct prefix random_prefix(uint8_t length_max)
{
	struct prefix prefix = {
		.addr = {.family = rand() % 2 ? ADDR_IPV4 : ADDR_IPV6},
	};

	prefix.addr.bytes[0] = (uint8_t)(rand() % 4 * 64);
	prefix.addr.bytes[1] = (uint8_t)rand();
	prefix.addr.bytes[2] = (uint8_t)rand();
	prefix.length = (uint8_t)(rand() % (length_max + 1));
	prefix_mask(&prefix);
	return prefix;
}

static void random_sets_answer_like_a_list(void **state)
{
	static struct prefix prefixes[300];

	(void)state;
	srand(5);
	for (int round = 0; round < 50; round++) {
		struct prefix_set set = {0};
		uint32_t count = (uint32_t)(rand() % 300);

		for (uint32_t i = 0; i < count; i++) {
			prefixes[i] = random_prefix(24);
			if (prefixes[i].length < 8 && rand() % 8)
				prefixes[i].length = 24;
			assert_int_equal(prefix_set_add(&set, &prefixes[i], i),
					 0);
		}
		prefix_set_seal(&set);
		for (int question = 0; question < 500; question++) {
			struct addr addr = random_prefix(24).addr;
			const struct prefix_entry *entry;
			bool is_in = false;

			for (uint32_t i = 0; i < count; i++)
				is_in |= prefix_has(&prefixes[i], &addr);
			entry = prefix_set_find(&set, &addr);
			assert_int_equal(entry != NULL, is_in);
			if (entry)
				assert_true(prefix_has(&prefixes[entry->line],
						       &addr));
		}
		prefix_set_fini(&set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_set_has_no_address),
		cmocka_unit_test(both_families_live_in_one_set),
		cmocka_unit_test(prefix_inside_another_is_dropped),
		cmocka_unit_test(everything_is_one_prefix),
		cmocka_unit_test(random_sets_answer_like_a_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
