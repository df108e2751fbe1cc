// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/dump_filter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW INT64_C(1795336980000) /* 2026-11-22T08:43:00Z */

static struct dump_line line_of(uint32_t slot, const char *name,
				int64_t created_ms, int64_t used_ms)
{
	struct dump_line line = {
		.row = {.slot = slot, .created_ms = created_ms},
		.used_ms = used_ms,
	};

	assert_int_equal(name_parse(&line.row.name, name), 0);
	return line;
}

static void since_is_a_time_or_that_long_ago(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"90s", NOW - 90000},
		{"10m", NOW - 600000},
		{"2h", NOW - 7200000},
		{"3d", NOW - 3 * INT64_C(86400000)},
		{"0s", NOW},
		{"2026-11-22T08:43:00Z", NOW},
		{"2026-11-22", INT64_C(1795305600000)},
	};
	static const char *const wrong[] = {
		"",
		"10",
		"m",
		"10 m",
		"-10m",
		"10mm",
		"1e3s",
		"99999999999s",
		"9999999999d",
		"2026-13-01",
		"2026-11-22T08:43:00",
		"today",
	};
	int64_t since_ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(
			dump_filter_since(cases[i].text, NOW, &since_ms), 0);
		assert_int_equal(since_ms, cases[i].ms);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(dump_filter_since(wrong[i], NOW, &since_ms),
				 -EINVAL);
}

static bool takes(const struct dump_filter *filter, const char *name,
		  int64_t created_ms, int64_t used_ms)
{
	struct dump_line line = line_of(3, name, created_ms, used_ms);

	return dump_filter_takes(filter, &line.row, used_ms);
}

static void rows_are_taken_by_name_without_case(void **state)
{
	const struct dump_filter filter = {.glob = "*.Example.COM"};

	(void)state;
	assert_true(takes(&filter, "www.example.com", 0, -1));
	assert_true(takes(&filter, "a.b.EXAMPLE.com", 0, -1));
	assert_false(takes(&filter, "example.com", 0, -1));
	assert_false(takes(&filter, "www.example.com.net", 0, -1));
}

static void rows_are_taken_that_were_made_or_used_since(void **state)
{
	const struct dump_filter filter = {.since_ms = 1000};

	(void)state;
	assert_true(takes(&filter, "a", 1000, -1));
	assert_true(takes(&filter, "a", 10, 1000));
	assert_false(takes(&filter, "a", 999, -1));
	assert_false(takes(&filter, "a", 10, 999));
}

static void expect_order(enum dump_order order, const uint32_t slots[3])
{
	struct dump_line lines[] = {
		line_of(5, "b.example", 1, 30),
		line_of(3, "c.example", 2, -1),
		line_of(4, "a.example", 2, 20),
	};

	qsort(lines, 3, sizeof(lines[0]), dump_filter_compare(order));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(lines[i].row.slot, slots[i]);
}

static void orders_have_words(void **state)
{
	(void)state;
	assert_int_equal(dump_filter_order("slot"), DUMP_BY_SLOT);
	assert_int_equal(dump_filter_order("used"), DUMP_BY_USED);
	assert_int_equal(dump_filter_order("size"), -EINVAL);
	expect_order(DUMP_BY_SLOT, (const uint32_t[]){3, 4, 5});
	expect_order(DUMP_BY_NAME, (const uint32_t[]){4, 5, 3});
	expect_order(DUMP_BY_CREATED, (const uint32_t[]){5, 3, 4});
	expect_order(DUMP_BY_USED, (const uint32_t[]){3, 4, 5});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(since_is_a_time_or_that_long_ago),
		cmocka_unit_test(rows_are_taken_by_name_without_case),
		cmocka_unit_test(rows_are_taken_that_were_made_or_used_since),
		cmocka_unit_test(orders_have_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
