// SPDX-License-Identifier: BSD-2-Clause
/*
 * The C library's own expressions are the measure of the random test: what it
 * matches must end with the tail.
 */
#include "common/rules/regex_tail.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void tail_is_what_cannot_be_otherwise(void **state)
{
	static const struct {
		const char *text, *tail;
	} rows[] = {
		{"^ads[0-9]+\\.example\\.com$", ".example.com"},
		{"(^|\\.)[1-9]gaoap\\.COM$", "gaoap.com"},
		{"(^|\\.)aipai\\.(com|net)$", ""},
		{"a.b$", "b"},
		{"ab?$", ""},
		{"ab{2}$", ""},
		{"a[bc]d-e_f$", "d-e_f"},
		{"a|b\\.com$", ""},
		{"[(]a|b$", ""},
		{"(a|b)c$", "c"},
		{"(?i)abc$", ""},
		{"(?:a)bc$", "bc"},
		{"\\x41bc$", ""},
		{"\\dabc$", "abc"},
		{"a\\\\b$", ""},
		{"a)|b$", ""},
		{"abc\\$", ""},
		{"abc", ""},
		{"$", ""},
		{"", ""},
		{"abc$$", ""},
		{"[[:alpha:]]x$", ""},
		{"\\Qa$", ""},
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = regex_tail(rows[i].text, out, sizeof(out));

		assert_int_equal(length, strlen(rows[i].tail));
		assert_memory_equal(out, rows[i].tail, length);
	}
}

static void long_tail_is_cut_at_its_front(void **state)
{
	char out[4];

	(void)state;
	assert_int_equal(regex_tail("^abcdefgh$", out, sizeof(out)), 4);
	assert_memory_equal(out, "efgh", 4);
}

static void random_text(char *out, size_t size, const char *characters)
{
	size_t length = 1 + (size_t)rand() % (size - 1);

	for (size_t i = 0; i < length; i++)
		out[i] = characters[(size_t)rand() % strlen(characters)];
	out[length] = '\0';
}

static void random_matches_end_with_the_tail(void **state)
{
	unsigned matches = 0;

	(void)state;
	srand(8);
	for (int i = 0; i < 200000; i++) {
		char text[12], pattern[12], tail[8];
		regex_t regex;
		size_t length;

		random_text(pattern, sizeof(pattern) - 1, "aab.|()[]^*?+\\-");
		strcat(pattern, "$");
		length = regex_tail(pattern, tail, sizeof(tail));
		if (length == 0 ||
		    regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
			continue;
		for (int k = 0; k < 20; k++) {
			size_t size;

			random_text(text, sizeof(text), "aab.-");
			size = strlen(text);
			if (regexec(&regex, text, 0, NULL, 0) != 0)
				continue;
			matches++;
			assert_true(size >= length);
			assert_memory_equal(text + size - length, tail, length);
		}
		regfree(&regex);
	}
	assert_true(matches > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tail_is_what_cannot_be_otherwise),
		cmocka_unit_test(long_tail_is_cut_at_its_front),
		cmocka_unit_test(random_matches_end_with_the_tail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
