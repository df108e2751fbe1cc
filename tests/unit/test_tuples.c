// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/tuples.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

/* The n-th of many tuples, no two alike. */
static struct tuple tuple_at(uint32_t n)
{
	struct tuple tuple;

	/* Padding must not matter. */
	memset(&tuple, (int)(n % 7), sizeof(tuple));
	tuple.src.addr = addr_ipv4(0x0a000000 + n / 1000);
	tuple.src.port = (uint16_t)(n % 1000);
	tuple.dst.addr = addr_ipv4(0xc6120001);
	tuple.dst.port = 443;
	return tuple;
}

static void finds_what_was_added(void **state)
{
	struct tuples *tuples;

	(void)state;
	assert_int_equal(tuples_new(&tuples, 5000), 0);
	for (uint32_t i = 0; i < 5000; i++) {
		struct tuple tuple = tuple_at(i * 3);

		tuples_add(tuples, i, &tuple);
	}
	for (uint32_t i = 0; i < 15000; i++) {
		struct tuple tuple = tuple_at(i);

		assert_int_equal(tuples_find(tuples, &tuple),
				 i % 3 ? -ENOENT : (int)i / 3);
	}
	tuples_free(tuples);
}

static void forgets_what_was_deleted(void **state)
{
	struct tuples *tuples;

	(void)state;
	assert_int_equal(tuples_new(&tuples, 1000), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		struct tuple tuple = tuple_at(i);

		tuples_add(tuples, i, &tuple);
	}
	for (uint32_t i = 0; i < 1000; i += 2)
		tuples_del(tuples, i);
	tuples_del(tuples, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		struct tuple tuple = tuple_at(i);

		assert_int_equal(tuples_find(tuples, &tuple),
				 i % 2 ? (int)i : -ENOENT);
		assert_int_equal(tuples_at(tuples, i) != NULL, i % 2);
	}
	tuples_free(tuples);
}

static void a_number_can_be_used_again(void **state)
{
	struct tuples *tuples;
	struct tuple a = tuple_at(1), b = tuple_at(2);

	(void)state;
	assert_int_equal(tuples_new(&tuples, 1), 0);
	for (int i = 0; i < 10; i++) {
		tuples_add(tuples, 0, &a);
		assert_int_equal(tuples_find(tuples, &a), 0);
		tuples_del(tuples, 0);
		tuples_add(tuples, 0, &b);
		assert_int_equal(tuples_find(tuples, &a), -ENOENT);
		assert_int_equal(tuples_find(tuples, &b), 0);
		tuples_del(tuples, 0);
	}
	tuples_free(tuples);
}

static void direction_family_and_port_tell_apart(void **state)
{
	struct tuples *tuples;
	struct tuple tuple = tuple_at(1), other;

	(void)state;
	assert_int_equal(tuples_new(&tuples, 4), 0);
	tuples_add(tuples, 2, &tuple);
	other = (struct tuple){.src = tuple.dst, .dst = tuple.src};
	assert_int_equal(tuples_find(tuples, &other), -ENOENT);
	other = tuple;
	other.dst.port = 80;
	assert_int_equal(tuples_find(tuples, &other), -ENOENT);
	other = tuple;
	other.dst.addr.family = ADDR_IPV6;
	assert_int_equal(tuples_find(tuples, &other), -ENOENT);
	tuples_free(tuples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added),
		cmocka_unit_test(forgets_what_was_deleted),
		cmocka_unit_test(a_number_can_be_used_again),
		cmocka_unit_test(direction_family_and_port_tell_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
