// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/icmp/pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { CAPACITY = 4 };

static struct pending *pending;

static int setup(void **state)
{
	(void)state;
	return pending_new(&pending, CAPACITY);
}

static int teardown(void **state)
{
	(void)state;
	pending_free(pending);
	return 0;
}

static struct icmp_quote quote_of(uint32_t src, uint16_t id, uint16_t seq)
{
	return (struct icmp_quote){.src = addr_ipv4(src), .id = id, .seq = seq};
}

static void an_answer_finds_its_request(void **state)
{
	const struct addr dst = addr_ipv4(0xc0000201);
	const struct addr other = addr_ipv4(0xc0000202);
	const struct icmp_quote quote = quote_of(1, 7, 9);
	uint16_t id = pending_add(pending, &dst, &quote);

	(void)state;
	assert_int_equal(id, 7);
	assert_int_equal(pending_find(pending, &dst, 7, 9)->src.bytes[3], 1);
	assert_null(pending_find(pending, &dst, 7, 10));
	assert_null(pending_find(pending, &dst, 8, 9));
	assert_null(pending_find(pending, &other, 7, 9));
	/* A duplicate is one of the network, and seen. */
	assert_non_null(pending_find(pending, &dst, 7, 9));
}

static void an_id_that_another_one_uses_is_replaced(void **state)
{
	const struct addr dst = addr_ipv4(0xc0000201);
	const struct icmp_quote one = quote_of(1, 7, 9),
				two = quote_of(2, 7, 9);
	uint16_t id;

	(void)state;
	assert_int_equal(pending_add(pending, &dst, &one), 7);
	id = pending_add(pending, &dst, &two);
	assert_int_not_equal(id, 7);
	assert_int_equal(pending_find(pending, &dst, 7, 9)->src.bytes[3], 1);
	assert_int_equal(pending_find(pending, &dst, id, 9)->src.bytes[3], 2);
	/* The application's own id stays in the quote. */
	assert_int_equal(pending_find(pending, &dst, id, 9)->id, 7);
}

static void the_same_request_again_takes_its_own_place(void **state)
{
	const struct addr dst = addr_ipv4(0xc0000201);
	struct icmp_quote quote = quote_of(1, 7, 9);

	(void)state;
	for (uint16_t i = 0; i < 3 * CAPACITY; i++) {
		quote.checksum = i;
		assert_int_equal(pending_add(pending, &dst, &quote), 7);
		assert_int_equal(pending_find(pending, &dst, 7, 9)->checksum,
				 i);
	}
}

static void the_oldest_makes_room(void **state)
{
	const struct addr dst = addr_ipv4(0xc0000201);

	(void)state;
	for (uint16_t seq = 0; seq <= CAPACITY; seq++) {
		const struct icmp_quote quote = quote_of(1, 7, seq);

		assert_int_equal(pending_add(pending, &dst, &quote), 7);
	}
	assert_null(pending_find(pending, &dst, 7, 0));
	for (uint16_t seq = 1; seq <= CAPACITY; seq++)
		assert_non_null(pending_find(pending, &dst, 7, seq));
}

static void a_crowd_with_one_id_is_served(void **state)
{
	const struct addr dst = addr_ipv4(0xc0000201);

	(void)state;
	for (uint32_t src = 1; src < 100; src++) {
		const struct icmp_quote quote = quote_of(src, 7, 9);
		uint16_t id = pending_add(pending, &dst, &quote);

		assert_int_equal(
			pending_find(pending, &dst, id, 9)->src.bytes[3], src);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_finds_its_request),
		TEST(an_id_that_another_one_uses_is_replaced),
		TEST(the_same_request_again_takes_its_own_place),
		TEST(the_oldest_makes_room),
		TEST(a_crowd_with_one_id_is_served),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
