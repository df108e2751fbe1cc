// SPDX-License-Identifier: BSD-2-Clause
#include "routed/backoff.h"

#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void delay_doubles_and_the_fifth_is_too_many(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	assert_int_equal(backoff_after_death(&backoff, 1000), 50);
	assert_int_equal(backoff_after_death(&backoff, 2000), 100);
	assert_int_equal(backoff_after_death(&backoff, 3000), 200);
	assert_int_equal(backoff_after_death(&backoff, 4000), 400);
	assert_int_equal(backoff_after_death(&backoff, 60999), ERR_FULL);
}

static void deaths_of_an_earlier_minute_are_forgotten(void **state)
{
	struct backoff backoff = {0};

	(void)state;
	for (int64_t now_ms = 0; now_ms < 100 * 15001; now_ms += 15001)
		assert_true(backoff_after_death(&backoff, now_ms) <= 400);
	assert_int_equal(backoff_after_death(&backoff, 1 << 30), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delay_doubles_and_the_fifth_is_too_many),
		cmocka_unit_test(deaths_of_an_earlier_minute_are_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
