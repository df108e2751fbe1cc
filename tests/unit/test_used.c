// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/used.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SLOTS 300

static int64_t when(void *ctx, uint32_t slot)
{
	const int64_t *times = ctx;

	return times[slot];
}

static const char *format(int64_t *times, uint32_t from, uint32_t end)
{
	static char text[USED_TEXT_SIZE(SLOTS)];
	const struct used_source source = {when, times};

	return used_format(&source, from, end, text, sizeof(text));
}

static void equal_neighbours_are_a_run(void **state)
{
	int64_t times[8] = {-1, -1, 5000, 5999, 6000, -1, 7000, 7000};

	(void)state;
	assert_string_equal(format(times, 0, 8), "2-3:5,4:6,6-7:7");
	assert_string_equal(format(times, 3, 7), "3:5,4:6,6:7");
	assert_string_equal(format(times, 0, 2), "");
	assert_string_equal(format(times, 4, 4), "");
}

static void take(void *ctx, uint32_t first, uint32_t last, int64_t used_s)
{
	int64_t *times = ctx;

	for (uint32_t slot = first; slot <= last; slot++)
		times[slot] = used_s * 1000;
}

static void what_is_written_is_read_again(void **state)
{
	int64_t times[SLOTS], again[SLOTS];
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < SLOTS; i++) {
			random = random * 1103515245 + 12345;
			times[i] = (random >> 28) % 3 * 1000 +
				   INT64_C(1795336980000);
			if (random >> 31)
				times[i] = -1;
			again[i] = -1;
		}
		assert_int_equal(
			used_each(format(times, 0, SLOTS), take, again), 0);
		assert_memory_equal(times, again, sizeof(times));
	}
}

static void other_text_is_refused(void **state)
{
	static const char *const texts[] = {
		"x",
		"3",
		"3:",
		":5",
		"3:5,",
		"3-:5",
		"9-3:5",
		"3:x",
		"3:5 4:5",
		"4294967296:1",
		"3:99999999999999999999",
	};
	int64_t times[SLOTS];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(used_each(texts[i], take, times), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_neighbours_are_a_run),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(other_text_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
