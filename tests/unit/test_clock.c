// SPDX-License-Identifier: BSD-2-Clause
#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void wall_clock_agrees_with_the_system(void **state)
{
	(void)state;
	int64_t before_ms = (int64_t)time(NULL) * 1000;
	int64_t now_ms = clock_wall_ms();
	int64_t after_ms = ((int64_t)time(NULL) + 1) * 1000;

	assert_true(before_ms <= now_ms && now_ms <= after_ms);
}

static void intervals_never_go_backwards(void **state)
{
	(void)state;
	int64_t monotonic_ms = clock_monotonic_ms();
	int64_t boottime_ms = clock_boottime_ms();

	assert_true(monotonic_ms > 0);
	assert_true(clock_monotonic_ms() >= monotonic_ms);
	assert_true(clock_boottime_ms() >= boottime_ms);
	/* Boot time counts suspend too. */
	assert_true(clock_boottime_ms() + 1 >= monotonic_ms);
}

static void time_is_printed_in_utc(void **state)
{
	char text[21];

	(void)state;
	assert_string_equal(clock_rfc3339(1795336980999, text, sizeof(text)),
			    "2026-11-22T08:43:00Z");
	assert_string_equal(clock_rfc3339(0, text, sizeof(text)),
			    "1970-01-01T00:00:00Z");
}

static void text_that_does_not_fit_is_empty(void **state)
{
	char text[20];

	(void)state;
	assert_string_equal(clock_rfc3339(0, text, sizeof(text)), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wall_clock_agrees_with_the_system),
		cmocka_unit_test(intervals_never_go_backwards),
		cmocka_unit_test(time_is_printed_in_utc),
		cmocka_unit_test(text_that_does_not_fit_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
