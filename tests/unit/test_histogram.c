// SPDX-License-Identifier: BSD-2-Clause
#include "routed/histogram.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void each_has_the_first_bucket_that_holds_it(void **state)
{
	static const struct {
		uint32_t us;
		size_t bucket;
	} rows[] = {
		{0, 0},
		{100, 0},
		{101, 1},
		{1000, 2},
		{1001, 3},
		{10000000, HISTOGRAM_BUCKETS - 2},
		{10000001, HISTOGRAM_BUCKETS - 1},
		{UINT32_MAX, HISTOGRAM_BUCKETS - 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct histogram histogram = {.sum_us = 0};

		histogram_add(&histogram, rows[i].us);
		assert_int_equal(histogram.counts[rows[i].bucket], 1);
		assert_int_equal(histogram.sum_us, rows[i].us);
	}
}

static void bounds_rise(void **state)
{
	(void)state;
	for (size_t i = 1; i < HISTOGRAM_BUCKETS - 1; i++)
		assert_true(histogram_bounds_us[i - 1] <
			    histogram_bounds_us[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_the_first_bucket_that_holds_it),
		cmocka_unit_test(bounds_rise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
