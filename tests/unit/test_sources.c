// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/sources.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void none_has_more_than_it_may(void **state)
{
	const struct addr one = addr_ipv4(1), two = addr_ipv4(2);
	struct sources *sources;

	(void)state;
	assert_int_equal(sources_new(&sources, 4), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(sources_take(sources, &one, 3));
	assert_false(sources_take(sources, &one, 3));
	assert_true(sources_take(sources, &two, 3));
	assert_int_equal(sources_count(sources, &one), 3);
	sources_give(sources, &one);
	assert_true(sources_take(sources, &one, 3));
	sources_free(sources);
}

static void room_comes_back(void **state)
{
	struct sources *sources;

	(void)state;
	assert_int_equal(sources_new(&sources, 4), 0);
	for (uint32_t round = 0; round < 1000; round++) {
		for (uint32_t i = 0; i < 4; i++) {
			struct addr addr = addr_ipv4(round * 4 + i);

			assert_true(sources_take(sources, &addr, 1));
		}
		struct addr more = addr_ipv4(UINT32_MAX);
		assert_false(sources_take(sources, &more, 1));
		for (uint32_t i = 0; i < 4; i++) {
			struct addr addr = addr_ipv4(round * 4 + i);

			sources_give(sources, &addr);
			assert_int_equal(sources_count(sources, &addr), 0);
		}
	}
	sources_free(sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_has_more_than_it_may),
		cmocka_unit_test(room_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
