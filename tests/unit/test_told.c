// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS 5000000

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct told));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void nothing_was_told_at_the_start(void **state)
{
	const struct addr addr = addr_ipv4(0);

	assert_false(told_has(*state, &addr, 0, 0));
}

static void told_once_is_enough_for_a_while(void **state)
{
	const struct addr addr = addr_ipv4(0xc0000201);
	const struct addr other = addr_ipv4(0xc0000202);

	told_add(*state, &addr, NOW_MS, 300);
	assert_true(told_has(*state, &addr, NOW_MS, 300));
	assert_true(told_has(*state, &addr, NOW_MS + TOLD_MS - 1, 300));
	assert_false(told_has(*state, &other, NOW_MS, 300));
	/* routed shall know that it is still asked for. */
	assert_false(told_has(*state, &addr, NOW_MS + TOLD_MS, 1));
	told_clear(*state);
	assert_false(told_has(*state, &addr, NOW_MS, 300));
}

static void longer_ttl_is_told_again(void **state)
{
	const struct addr addr = addr_ipv4(0xc0000201);

	told_add(*state, &addr, NOW_MS, 1);
	assert_true(told_has(*state, &addr, NOW_MS, 1 + TOLD_MS / 1000));
	assert_false(told_has(*state, &addr, NOW_MS, 2 + TOLD_MS / 1000));
	told_add(*state, &addr, NOW_MS, 86400);
	/* One that is shorter takes nothing away. */
	told_add(*state, &addr, NOW_MS + 1000, 1);
	assert_true(told_has(*state, &addr, NOW_MS + 1000, 86399));
	assert_true(told_has(*state, &addr, NOW_MS + TOLD_MS, 60));
}

/* More than it holds: what was told last is there, and nothing is made up. */
static void oldest_makes_room(void **state)
{
	const uint32_t all = 3 * TOLD_SETS * TOLD_WAYS;
	uint32_t known = 0;
	struct addr addr;

	for (uint32_t i = 0; i < all; i++) {
		addr = addr_ipv4(0x01000000 + i);
		told_add(*state, &addr, NOW_MS + i, 60);
		assert_true(told_has(*state, &addr, NOW_MS + i, 60));
	}
	for (uint32_t i = 0; i < all; i++) {
		addr = addr_ipv4(0x01000000 + i);
		known += told_has(*state, &addr, NOW_MS + all, 1);
		addr = addr_ipv4(0x02000000 + i);
		assert_false(told_has(*state, &addr, NOW_MS, 0));
	}
	assert_true(known > TOLD_SETS * TOLD_WAYS / 2);
	assert_true(known <= TOLD_SETS * TOLD_WAYS);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(nothing_was_told_at_the_start),
		CLAIM(told_once_is_enough_for_a_while),
		CLAIM(longer_ttl_is_told_again),
		CLAIM(oldest_makes_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
