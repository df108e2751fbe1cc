// SPDX-License-Identifier: BSD-2-Clause
#include "common/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_length_is_decoded(void **state)
{
	static const struct {
		const char *text;
		int length;
		uint32_t code;
	} good[] = {
		{"a", 1, 'a'},
		{"\xc2\x80", 2, 0x80},
		{"\xdf\xbf", 2, 0x7ff},
		{"\xe0\xa0\x80", 3, 0x800},
		{"\xef\xbf\xbd", 3, 0xfffd},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		uint32_t code = 0;

		assert_int_equal(
			utf8_decode(good[i].text, strlen(good[i].text), &code),
			good[i].length);
		assert_int_equal(code, good[i].code);
	}
}

static void what_rfc_3629_forbids_is_refused(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xff",
		"\xc2",
		"\xe2\x82",
		"\xc2 ",
		"\xf0\x90\x80",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		uint32_t code;

		assert_int_equal(utf8_decode(bad[i], strlen(bad[i]), &code),
				 -EINVAL);
	}
}

static void nothing_beyond_the_size_is_read(void **state)
{
	uint32_t code;

	(void)state;
	assert_int_equal(utf8_decode("\xe2\x82\xac", 2, &code), -EINVAL);
	assert_int_equal(utf8_decode("\xe2\x82\xac", 3, &code), 3);
}

static void the_first_fault_has_its_line_and_column(void **state)
{
	static const char text[] = "a\n\xc3\xa4\xc3\xa4 \xff\n\xfe";
	struct utf8_fault fault;

	(void)state;
	assert_int_equal(utf8_check(text, sizeof(text) - 1, &fault), -EINVAL);
	assert_int_equal(fault.line, 2);
	assert_int_equal(fault.column, 4);
	assert_int_equal(fault.code, 0xff);
	assert_false(fault.is_character);
}

static void control_characters_are_faults(void **state)
{
	static const char *const bad[] = {"\x01",         "\x1b",
					  "\x7f",         "\xc2\x9b",
					  "\xef\xbb\xbf", "\xef\xbf\xbe"};
	struct utf8_fault fault;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(utf8_check(bad[i], strlen(bad[i]), &fault),
				 -EINVAL);
		assert_true(fault.is_character);
	}
	assert_int_equal(utf8_check("a\0b", 3, &fault), -EINVAL);
	assert_int_equal(fault.column, 2);
	assert_int_equal(utf8_check("\ta\r\n\xc2\x85", 6, &fault), 0);
	assert_int_equal(utf8_check("", 0, &fault), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_length_is_decoded),
		cmocka_unit_test(what_rfc_3629_forbids_is_refused),
		cmocka_unit_test(nothing_beyond_the_size_is_read),
		cmocka_unit_test(the_first_fault_has_its_line_and_column),
		cmocka_unit_test(control_characters_are_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
