// SPDX-License-Identifier: BSD-2-Clause
#include "routed/direct.h"

#include "tests/unit/fib_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1000000

static int setup(void **state)
{
	struct direct *direct;

	if (direct_new(&direct) < 0)
		return -1;
	*state = direct;
	return 0;
}

static int teardown(void **state)
{
	direct_free(*state);
	return 0;
}

static struct addr numbered(uint32_t number)
{
	return addr_ipv4(0x01000000 + number);
}

static bool has(const struct direct *direct, const struct addr *addr)
{
	size_t count, found = 0;
	const struct prefix *prefixes = direct_prefixes(direct, &count);

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(prefixes[i].length,
				 addr_bits(&prefixes[i].addr));
		found += addr_equal(&prefixes[i].addr, addr);
	}
	assert_true(found <= 1);
	return found == 1;
}

/* Asks where nobody has to go for it. */
static int ask(struct direct *direct, const struct addr *addr, int64_t until_ms)
{
	struct addr evicted;
	int ret = direct_ask(direct, addr, until_ms, &evicted);

	assert_int_equal(evicted.family, ADDR_NONE);
	return ret;
}

static void address_is_new_once_and_stays_until_its_time(void **state)
{
	struct direct *direct = *state;
	const struct addr ipv4 = addr_of("192.0.2.1");
	const struct addr ipv6 = addr_of("2001:db8::1");
	struct addr out[2];

	assert_int_equal(direct_next_ms(direct), INT64_MAX);
	assert_int_equal(ask(direct, &ipv4, 2000), 1);
	assert_int_equal(ask(direct, &ipv6, 3000), 1);
	assert_int_equal(ask(direct, &ipv4, 2000), 0);
	assert_int_equal(direct_next_ms(direct), 2000);
	assert_int_equal(direct_expire(direct, 1999, out, 2), 0);
	assert_true(has(direct, &ipv4));
	assert_true(direct_has(direct, &ipv4, 1999));
	assert_false(direct_has(direct, &ipv4, 2000));
	assert_int_equal(direct_expire(direct, 2000, out, 2), 1);
	assert_true(addr_equal(&out[0], &ipv4));
	assert_false(has(direct, &ipv4));
	assert_true(has(direct, &ipv6));
	assert_int_equal(direct_next_ms(direct), 3000);
	assert_int_equal(direct_expire(direct, 9999, out, 2), 1);
	assert_int_equal(direct_next_ms(direct), INT64_MAX);
	assert_int_equal(ask(direct, &ipv4, 10000), 1);
}

static void later_end_counts_and_an_earlier_one_does_not(void **state)
{
	struct direct *direct = *state;
	const struct addr addr = addr_of("192.0.2.1");
	struct addr out[1];

	assert_int_equal(ask(direct, &addr, 5000), 1);
	assert_int_equal(ask(direct, &addr, 9000), 0);
	assert_int_equal(ask(direct, &addr, 2000), 0);
	assert_int_equal(direct_expire(direct, 8999, out, 1), 0);
	assert_int_equal(direct_next_ms(direct), 9000);
	assert_int_equal(direct_expire(direct, 9000, out, 1), 1);
}

static void least_recently_asked_goes_when_it_is_full(void **state)
{
	struct direct *direct = *state;
	struct addr addr, evicted;

	for (uint32_t i = 0; i < DIRECT_MAX; i++) {
		addr = numbered(i);
		assert_int_equal(ask(direct, &addr, NOW_MS), 1);
	}
	addr = numbered(0);
	assert_int_equal(ask(direct, &addr, NOW_MS), 0);
	for (uint32_t i = 0; i < DIRECT_MAX - 1; i++) {
		const struct addr oldest = numbered(1 + i);

		addr = numbered(DIRECT_MAX + i);
		assert_int_equal(direct_ask(direct, &addr, NOW_MS, &evicted),
				 1);
		assert_true(addr_equal(&evicted, &oldest));
	}
	addr = numbered(0);
	assert_true(has(direct, &addr));
	assert_int_equal(direct_stats(direct).count, DIRECT_MAX);
	assert_int_equal(direct_stats(direct).asked, 2 * DIRECT_MAX);
	assert_int_equal(direct_stats(direct).evicted, DIRECT_MAX - 1);
}

static void many_expire_in_parts(void **state)
{
	struct direct *direct = *state;
	struct addr out[16];
	size_t gone = 0, part;

	for (uint32_t i = 0; i < 100; i++) {
		struct addr addr = numbered(i);

		assert_int_equal(ask(direct, &addr, i % 2 ? 1000 : 2000), 1);
	}
	do {
		part = direct_expire(direct, 1500, out, 16);
		gone += part;
		for (size_t i = 0; i < part; i++)
			assert_int_equal(addr_to_ipv4(&out[i]) % 2, 1);
	} while (part == 16);
	assert_int_equal(gone, 50);
	assert_int_equal(direct_next_ms(direct), 2000);
}

/* Whatever happens, it is what a plain list would be. */
static void random_use_agrees_with_a_plain_list(void **state)
{
	enum { KINDS = 300 };
	struct direct *direct = *state;
	int64_t until_ms[KINDS] = {0}, now_ms = 0;
	unsigned seed = 4711;
	struct addr addr, out[KINDS];

	for (int round = 0; round < 20000; round++) {
		uint32_t kind = (uint32_t)rand_r(&seed) % KINDS;
		int64_t end_ms = now_ms + 1 + rand_r(&seed) % 500;
		bool is_there = until_ms[kind] > now_ms;

		addr = numbered(kind * 7919);
		assert_int_equal(ask(direct, &addr, end_ms), !is_there);
		if (!is_there || until_ms[kind] < end_ms)
			until_ms[kind] = end_ms;
		now_ms += rand_r(&seed) % 3;
		size_t gone = direct_expire(direct, now_ms, out, KINDS);
		for (size_t i = 0; i < gone; i++) {
			kind = (addr_to_ipv4(&out[i]) - 0x01000000) / 7919;
			assert_true(until_ms[kind] <= now_ms);
		}
		assert_true(direct_next_ms(direct) > now_ms);
	}
}

static void time_is_the_ttl_and_some_grace_in_whole_seconds(void **state)
{
	(void)state;
	assert_int_equal(direct_until_ms(1000, 0), 1000 + DIRECT_GRACE_MS);
	assert_int_equal(direct_until_ms(1001, 0), 2000 + DIRECT_GRACE_MS);
	assert_int_equal(direct_until_ms(1000, 5), 6000 + DIRECT_GRACE_MS);
	assert_int_equal(direct_until_ms(1000, -1), 1000 + DIRECT_GRACE_MS);
	assert_int_equal(direct_until_ms(0, INT64_MAX),
			 DIRECT_TTL_MAX_S * INT64_C(1000) + DIRECT_GRACE_MS);
}

static void what_is_ours_or_near_is_not_fit(void **state)
{
	static const char *const unfit[] = {
		"127.0.0.1",  "0.0.0.0",        "224.0.0.251", "169.254.9.9",
		"198.18.0.1", "198.19.255.255", "10.9.0.3",    "::1",
		"fe80::1",    "ff02::fb",       "2001:2::1",
	};
	static const char *const fit[] = {"192.0.2.1", "10.8.0.1",
					  "192.168.1.9", "2001:db8::1"};
	/* Another pool, and none for IPv6. */
	const struct fake_pool pool = {.ipv4 = prefix_of("10.9.0.0/16")};
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unfit); i++) {
		addr = addr_of(unfit[i]);
		assert_false(direct_is_fit(&pool, &addr));
	}
	for (size_t i = 0; i < ARRAY_LEN(fit); i++) {
		addr = addr_of(fit[i]);
		assert_true(direct_is_fit(&pool, &addr));
	}
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(address_is_new_once_and_stays_until_its_time),
		CLAIM(later_end_counts_and_an_earlier_one_does_not),
		CLAIM(least_recently_asked_goes_when_it_is_full),
		CLAIM(many_expire_in_parts),
		CLAIM(random_use_agrees_with_a_plain_list),
		cmocka_unit_test(
			time_is_the_ttl_and_some_grace_in_whole_seconds),
		cmocka_unit_test(what_is_ours_or_near_is_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
