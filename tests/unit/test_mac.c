// SPDX-License-Identifier: BSD-2-Clause
#include "common/mac.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void what_is_read_is_written(void **state)
{
	static const char *const texts[] = {
		"02:42:ac:11:00:0f", "02-42-AC-11-00-0F", "02:42:AC-11:00:0f"};
	char out[MAC_TEXT_SIZE];
	struct mac mac;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(mac_parse(&mac, texts[i]), 0);
		assert_string_equal(mac_format(&mac, out), "02:42:ac:11:00:0f");
	}
}

static void anything_else_is_none(void **state)
{
	static const char *const texts[] = {
		"",
		"02:42:ac:11:00",
		"02:42:ac:11:00:0",
		"02:42:ac:11:00:0g",
		"02:42:ac:11:00:0f:",
		"02.42.ac.11.00.0f",
		"0242ac11000f",
		"192.168.100.10000",
	};
	struct mac mac;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(mac_parse(&mac, texts[i]), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_is_written),
		cmocka_unit_test(anything_else_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
