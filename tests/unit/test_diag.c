// SPDX-License-Identifier: BSD-2-Clause
#include "common/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {"upstreams", "outbounds", "rules",
				    "dnsd",      "DIRECT",    NULL};

static void line_has_file_line_and_column(void **state)
{
	struct diag diag;

	(void)state;
	diag_init(&diag);
	diag_error(&diag, "a.yaml", 3, 7, "unknown key '%s'", "x");
	diag_error(&diag, "a.yaml", 3, 0, "b");
	diag_error(&diag, "a.yaml", 0, 0, "no such file");
	assert_string_equal(diag.lines[0], "a.yaml:3:7: unknown key 'x'");
	assert_string_equal(diag.lines[1], "a.yaml:3: b");
	assert_string_equal(diag.lines[2], "a.yaml: no such file");
	assert_int_equal(diag.errors, 3);
	diag_fini(&diag);
	assert_null(diag.lines);
}

static void warning_says_so_and_is_no_error(void **state)
{
	struct diag diag;

	(void)state;
	diag_init(&diag);
	diag_warning(&diag, "a", 1, 2, "c");
	assert_string_equal(diag.lines[0], "a:1:2: warning: c");
	assert_int_equal(diag.errors, 0);
	assert_int_equal(diag.warnings, 1);
	diag_fini(&diag);
}

static void lines_have_a_bound_and_the_rest_is_counted(void **state)
{
	struct diag diag;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	diag_init(&diag);
	for (unsigned i = 1; i <= DIAG_MAX + 5; i++)
		diag_error(&diag, "a", i, 0, "b");
	assert_int_equal(diag.count, DIAG_MAX);
	assert_int_equal(diag.errors, DIAG_MAX + 5);
	diag_print(&diag, out);
	fclose(out);
	assert_non_null(strstr(text, "\nand 5 more\n"));
	free(text);
	diag_fini(&diag);
}

static void text_of_any_length_is_cut(void **state)
{
	struct diag diag;
	char *text = malloc(100000);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 99999);
	text[99999] = '\0';
	diag_init(&diag);
	diag_error(&diag, "a", 1, 1, "%s", text);
	assert_true(strlen(diag.lines[0]) < 1100);
	assert_string_equal(strchr(diag.lines[0], 0) - 4, "x...");
	diag_fini(&diag);
	free(text);
}

static void control_characters_never_reach_the_terminal(void **state)
{
	struct diag diag;

	(void)state;
	diag_init(&diag);
	diag_error(&diag, "a\033", 1, 1, "\033[2J \n \x7f \xc2\x9b %s",
		   "\xc3\xa4\xc2\xa0");
	assert_string_equal(diag.lines[0],
			    "a\\x1b:1:1: \\x1b[2J \\x0a \\x7f \\xc2\\x9b "
			    "\xc3\xa4\xc2\xa0");
	diag_fini(&diag);
}

static void lines_are_sorted_as_a_reader_meets_them(void **state)
{
	static const char *const wanted[] = {
		"kept:9: z", "a: first",  "a:2:9: x", "a:2:9: y",
		"a:10:1: w", "ab:1:1: v", "l:3: u",
	};
	struct diag diag;

	(void)state;
	diag_init(&diag);
	diag_error(&diag, "kept", 9, 0, "z");
	diag_error(&diag, "ab", 1, 1, "v");
	diag_error(&diag, "a", 10, 1, "w");
	diag_error(&diag, "l", 3, 0, "u");
	diag_error(&diag, "a", 2, 9, "x");
	diag_error(&diag, "a", 2, 9, "y");
	diag_error(&diag, "a", 0, 0, "first");
	diag_sort(&diag, 1, "a");
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		assert_string_equal(diag.lines[i], wanted[i]);
	diag_fini(&diag);
}

static void nearest_forgives_a_slip(void **state)
{
	(void)state;
	assert_string_equal(diag_nearest("upstream", words), "upstreams");
	assert_string_equal(diag_nearest("uotbounds", words), "outbounds");
	assert_string_equal(diag_nearest("dns", words), "dnsd");
	assert_string_equal(diag_nearest("ruels", words), "rules");
	assert_string_equal(diag_nearest("direct", words), "DIRECT");
}

static void nearest_of_something_else_is_nothing(void **state)
{
	char word[200];

	(void)state;
	memset(word, 'd', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(diag_nearest("banana", words));
	assert_null(diag_nearest("", words));
	assert_null(diag_nearest("x", words));
	assert_null(diag_nearest(word, words));
	assert_null(diag_nearest("rules", (const char *const[]){NULL}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_has_file_line_and_column),
		cmocka_unit_test(warning_says_so_and_is_no_error),
		cmocka_unit_test(lines_have_a_bound_and_the_rest_is_counted),
		cmocka_unit_test(text_of_any_length_is_cut),
		cmocka_unit_test(control_characters_never_reach_the_terminal),
		cmocka_unit_test(lines_are_sorted_as_a_reader_meets_them),
		cmocka_unit_test(nearest_forgives_a_slip),
		cmocka_unit_test(nearest_of_something_else_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
