// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE 60000

static void a_failure_and_a_success_change_the_state(void **state)
{
	struct health health;

	(void)state;
	health_init(&health, 5);
	assert_int_equal(health.state, HEALTH_UNKNOWN);
	assert_true(health_on_success(&health, 10));
	assert_false(health_on_success(&health, 20));
	assert_int_equal(health.since_ms, 10);
	assert_true(health_on_failure(&health, 30, MINUTE, "refused"));
	assert_false(health_on_failure(&health, 40, MINUTE, "hung up"));
	assert_string_equal(health.reason, "hung up");
	assert_int_equal(health.since_ms, 30);
	assert_true(health_on_success(&health, 50));
	assert_int_equal(health.failures, 0);
	assert_true(health_on_failure(&health, 60, MINUTE, "refused"));
	assert_true(health_on_pause(&health, 70));
	assert_int_equal(health.state, HEALTH_UNKNOWN);
}

static void retries_become_rarer_up_to_the_interval(void **state)
{
	static const int64_t waits[] = {1000, 2000, 4000, 8000, 10000, 10000};
	struct health health;
	int64_t now = 100;

	(void)state;
	health_init(&health, now);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		health_on_failure(&health, now, 10000, "refused");
		assert_int_equal(health_due(&health, 10000), now + waits[i]);
		now = health.retry_ms;
	}
	for (int i = 0; i < 100; i++) {
		health_on_failure(&health, now, INT64_MAX / 4, "refused");
		assert_true(health.retry_ms > now);
		now += 1;
	}
}

static void flows_that_fail_together_are_one_failure(void **state)
{
	struct health health;

	(void)state;
	health_init(&health, 0);
	for (int i = 0; i < 1000; i++)
		health_on_failure(&health, 100, MINUTE, "refused");
	assert_int_equal(health.failures, 1);
	assert_true(health_due(&health, MINUTE) <= 100 + 2 * HEALTH_RETRY_MS);
}

static void latency_is_smoothed_and_forgotten_by_a_failure(void **state)
{
	struct health health;

	(void)state;
	health_init(&health, 0);
	assert_int_equal(health.latency_us, -1);
	assert_int_equal(health_due(&health, MINUTE), 0);
	health_on_probe(&health, 100, 1000);
	assert_int_equal(health.latency_us, 1000);
	health_on_probe(&health, 200, 5000);
	assert_int_equal(health.latency_us, 2000);
	assert_int_equal(health_due(&health, MINUTE), 200 + MINUTE);
	health_on_probe(&health, 300, -1);
	assert_int_equal(health.latency_us, 2000);
	health_on_failure(&health, 300, MINUTE, "refused");
	assert_int_equal(health.latency_us, -1);
}

static void a_long_reason_is_cut(void **state)
{
	struct health health;
	char text[200];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	health_init(&health, 0);
	health_on_failure(&health, 1, MINUTE, text);
	assert_int_equal(strlen(health.reason), HEALTH_REASON_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_and_a_success_change_the_state),
		cmocka_unit_test(retries_become_rarer_up_to_the_interval),
		cmocka_unit_test(flows_that_fail_together_are_one_failure),
		cmocka_unit_test(
			latency_is_smoothed_and_forgotten_by_a_failure),
		cmocka_unit_test(a_long_reason_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
