// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void each_is_taken_once(void **state)
{
	struct numbers numbers;

	(void)state;
	assert_int_equal(numbers_init(&numbers, 3), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(numbers_take(&numbers), i);
	assert_true(numbers_take(&numbers) < 0);
	assert_int_equal(numbers.count, 3);
	numbers_fini(&numbers);
}

static void what_came_back_is_taken_first(void **state)
{
	struct numbers numbers;

	(void)state;
	assert_int_equal(numbers_init(&numbers, 4), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(numbers_take(&numbers), i);
	numbers_give(&numbers, 1);
	numbers_give(&numbers, 0);
	assert_int_equal(numbers.count, 1);
	assert_int_equal(numbers_take(&numbers), 0);
	assert_int_equal(numbers_take(&numbers), 1);
	/* Memory beyond was not touched before. */
	assert_int_equal(numbers.fresh, 3);
	assert_int_equal(numbers_take(&numbers), 3);
	assert_true(numbers_take(&numbers) < 0);
	numbers_fini(&numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_taken_once),
		cmocka_unit_test(what_came_back_is_taken_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
