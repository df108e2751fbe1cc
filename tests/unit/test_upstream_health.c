// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void break_it(struct health *health, int64_t now_ms)
{
	for (int i = 1; i < HEALTH_FAILURES; i++)
		assert_false(health_on_failure(health, now_ms));
	assert_true(health_on_failure(health, now_ms));
	assert_true(health_is_broken(health));
}

static void some_failures_in_a_row_break_it(void **state)
{
	struct health health = {0};

	(void)state;
	for (int i = 1; i < HEALTH_FAILURES; i++)
		assert_false(health_on_failure(&health, 0));
	assert_false(health_on_answer(&health, 1000));
	break_it(&health, 0);
}

static void it_is_due_after_pauses_that_grow(void **state)
{
	struct health health = {0};
	int64_t now_ms = 0, pause_ms = HEALTH_PAUSE_MIN_MS;

	(void)state;
	assert_false(health_is_due(&health, 0));
	break_it(&health, 0);
	for (int i = 0; i < 10; i++) {
		/* Failures of others' questions do not put it off. */
		assert_false(health_on_failure(&health, now_ms));
		assert_false(health_is_due(&health, now_ms + pause_ms - 1));
		now_ms += pause_ms;
		assert_true(health_is_due(&health, now_ms));
		assert_false(health_on_failure(&health, now_ms));
		pause_ms *= 2;
		if (pause_ms > HEALTH_PAUSE_MAX_MS)
			pause_ms = HEALTH_PAUSE_MAX_MS;
	}
	assert_true(health_on_answer(&health, 1000));
	assert_false(health_is_broken(&health));
	assert_false(health_on_answer(&health, 1000));
	/* The next time begins with the short pause again. */
	break_it(&health, now_ms);
	assert_true(health_is_due(&health, now_ms + HEALTH_PAUSE_MIN_MS));
}

static void the_round_trip_time_is_smoothed(void **state)
{
	struct health health = {0};

	(void)state;
	(void)health_on_answer(&health, 8000);
	assert_int_equal(health.rtt_us, 8000);
	(void)health_on_answer(&health, 16000);
	assert_int_equal(health.rtt_us, 9000);
	/* Measured means not zero. */
	for (int i = 0; i < 1000; i++)
		(void)health_on_answer(&health, 0);
	assert_in_range(health.rtt_us, 1, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_failures_in_a_row_break_it),
		cmocka_unit_test(it_is_due_after_pauses_that_grow),
		cmocka_unit_test(the_round_trip_time_is_smoothed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
