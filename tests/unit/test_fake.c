// SPDX-License-Identifier: BSD-2-Clause
#include "common/fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct addr parse(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	return addr;
}

static int64_t slot_of(const struct fake_pool *pool, const char *text)
{
	struct addr addr = parse(text);

	return fake_slot(pool, &addr);
}

static void slot_has_the_address_that_the_manual_tells(void **state)
{
	struct fake_pool pool = fake_pool_default();
	struct addr ipv4 = fake_ipv4(&pool, 4711);
	struct addr ipv6 = fake_ipv6(&pool, 4711);
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_string_equal(addr_format(&ipv4, text, sizeof(text)),
			    "198.18.18.103");
	assert_string_equal(addr_format(&ipv6, text, sizeof(text)),
			    "2001:2::1267");
}

static void each_slot_comes_back_from_its_addresses(void **state)
{
	struct fake_pool pool = fake_pool_default();
	uint32_t size = fake_pool_size(&pool);

	(void)state;
	assert_int_equal(size, 131072);
	for (uint32_t slot = 0; slot < size; slot++) {
		struct addr ipv4 = fake_ipv4(&pool, slot);
		struct addr ipv6 = fake_ipv6(&pool, slot);
		int64_t expected = fake_slot_is_reserved(&pool, slot)
					   ? -ENOENT
					   : (int64_t)slot;

		assert_true(fake_pool_has(&pool, &ipv4));
		assert_true(fake_pool_has(&pool, &ipv6));
		assert_int_equal(fake_slot(&pool, &ipv4), expected);
		assert_int_equal(fake_slot(&pool, &ipv6), expected);
	}
}

static void network_broadcast_and_our_own_are_reserved(void **state)
{
	struct fake_pool pool = fake_pool_default();

	(void)state;
	assert_int_equal(slot_of(&pool, "198.18.0.0"), -ENOENT);
	assert_int_equal(slot_of(&pool, "198.18.0.1"), -ENOENT);
	assert_int_equal(slot_of(&pool, "198.18.0.2"), -ENOENT);
	assert_int_equal(slot_of(&pool, "198.18.0.3"), 3);
	assert_int_equal(slot_of(&pool, "198.19.255.254"), 131070);
	assert_int_equal(slot_of(&pool, "198.19.255.255"), -ENOENT);
	assert_int_equal(slot_of(&pool, "2001:2::1"), -ENOENT);
	assert_int_equal(slot_of(&pool, "2001:2::1:ffff"), -ENOENT);
	assert_int_equal(slot_of(&pool, "2001:2::3"), 3);
}

static void what_is_outside_has_no_slot(void **state)
{
	struct fake_pool pool = fake_pool_default();
	struct addr none = {0};

	(void)state;
	assert_int_equal(slot_of(&pool, "198.17.255.255"), -ENOENT);
	assert_int_equal(slot_of(&pool, "198.20.0.0"), -ENOENT);
	assert_int_equal(slot_of(&pool, "2001:1::3"), -ENOENT);
	assert_int_equal(slot_of(&pool, "::198.18.0.3"), -ENOENT);
	assert_false(fake_pool_has(&pool, &none));
	assert_int_equal(fake_slot(&pool, &none), -ENOENT);
}

static void ipv6_beyond_the_ipv4_pool_has_no_slot(void **state)
{
	struct fake_pool pool = fake_pool_default();
	struct addr beyond = parse("2001:2::2:0");

	(void)state;
	assert_true(fake_pool_has(&pool, &beyond));
	assert_int_equal(fake_slot(&pool, &beyond), -ENOENT);
	assert_int_equal(slot_of(&pool, "2001:2::ffff:ffff"), -ENOENT);
	assert_int_equal(slot_of(&pool, "2001:2::1:0:3"), -ENOENT);
	assert_int_equal(slot_of(&pool, "2001:2:0:1::3"), -ENOENT);
}

static void pool_without_ipv6_has_none_of_it(void **state)
{
	struct fake_pool pool = fake_pool_default();

	(void)state;
	pool.ipv6 = (struct prefix){0};
	assert_int_equal(slot_of(&pool, "2001:2::3"), -ENOENT);
	assert_int_equal(slot_of(&pool, "::3"), -ENOENT);
	assert_int_equal(slot_of(&pool, "198.18.0.3"), 3);
}

static void smallest_and_largest_pool_fit_their_prefix(void **state)
{
	struct fake_pool pool = {0};
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(prefix_parse(&pool.ipv4, "10.0.0.16/28"), 0);
	assert_int_equal(fake_pool_size(&pool), 16);
	assert_int_equal(slot_of(&pool, "10.0.0.30"), 14);
	assert_int_equal(slot_of(&pool, "10.0.0.31"), -ENOENT);
	assert_int_equal(slot_of(&pool, "10.0.0.15"), -ENOENT);

	assert_int_equal(prefix_parse(&pool.ipv4, "11.0.0.0/8"), 0);
	assert_int_equal(fake_pool_size(&pool), 1 << 24);
	struct addr last = fake_ipv4(&pool, (1 << 24) - 1);
	assert_string_equal(addr_format(&last, text, sizeof(text)),
			    "11.255.255.255");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slot_has_the_address_that_the_manual_tells),
		cmocka_unit_test(each_slot_comes_back_from_its_addresses),
		cmocka_unit_test(network_broadcast_and_our_own_are_reserved),
		cmocka_unit_test(what_is_outside_has_no_slot),
		cmocka_unit_test(ipv6_beyond_the_ipv4_pool_has_no_slot),
		cmocka_unit_test(pool_without_ipv6_has_none_of_it),
		cmocka_unit_test(smallest_and_largest_pool_fit_their_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
