// SPDX-License-Identifier: BSD-2-Clause
/*
 * PCRE2 is the measure of the random test: what it matches must have a text of
 * each set.
 */
#include "common/rules/cover.h"

#include "common/rules/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 60000

/* "^ads|.ads;.com$": anchors as people write them. */
static void print_cover(const struct cover *cover, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < cover->count; i++) {
		const struct cover_set *set = &cover->sets[i];

		for (size_t k = 0; k < set->count; k++)
			used += (size_t)snprintf(
				out + used, size - used, "%s%.*s",
				k ? "|" : (i ? ";" : ""), set->texts[k].length,
				set->texts[k].at);
		assert_true(used < size);
	}
	for (; *out; out++) {
		if (*out == COVER_START)
			*out = '^';
		else if (*out == COVER_END)
			*out = '$';
	}
}

static void texts_are_what_cannot_be_missing(void **state)
{
	static const struct {
		const char *text, *cover;
	} rows[] = {
		{"^ads[0-9]+\\.example\\.com$", "^ads;.example.com$"},
		{"(^|\\.)9x[1-9]\\.(com|NET)$", "^9x|.9x;.com$|.net$"},
		{"abc", "abc"},
		{"ab?c", "abc|ac"},
		{"ab*c", "a;c"},
		{"ab+c", "a;b;c"},
		{"ab{2,}c", "a;b;c"},
		{"ab{0,2}c", "a;c"},
		{"a.c", "a;c"},
		{"(ab|cd)+e", "ab|cd;e"},
		{"(?:ab)c", "abc"},
		{"ab|c[0-9]", "ab|c"},
		{"ab|[0-9]", ""},
		{"(a?|b)c", "ac|c|bc"},
		{"a|", ""},
		{"^^a$$", "^a$"},
		{"\\dabc\\b", "abc"},
		{"a\\\\b", "a\\b"},
		{"[]a]b", "b"},
		/* The odd ones. */
		{"(?i)abc", ""},
		{"(?=a)bc", ""},
		{"(*UTF)abc", ""},
		{"(a)\\1bc", ""},
		{"\\x41bc", ""},
		{"\\Qa.c", ""},
		{"[[:alpha:]]x", ""},
		{"a{b", ""},
		{"a{2}{0}b", ""},
		{"a)|b", ""},
		{"((((((((((a))))))))))", ""},
		{"", ""},
	};
	struct cover cover;
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cover_of_regex(&cover, rows[i].text);
		print_cover(&cover, out, sizeof(out));
		assert_string_equal(out, rows[i].cover);
	}
}

static void what_is_too_much_is_cut_where_it_stands(void **state)
{
	struct cover cover;
	char out[256];

	(void)state;
	cover_of_regex(&cover, "(a|b|c|d)(a|b|c|d)(a|b|c|d)xyz");
	print_cover(&cover, out, sizeof(out));
	assert_int_equal(cover.count, 2);
	assert_int_equal(cover.sets[0].count, 16);
	assert_int_equal(cover.sets[1].count, 4);
	assert_int_equal(cover_set_strength(&cover.sets[1]), 4);
	cover_of_keyword(&cover, "abcdefghijklmnopqrstuvwxyz");
	print_cover(&cover, out, sizeof(out));
	assert_string_equal(out, "abcdefghijklmnopqrstuvwx");
	/* The strongest stay. */
	cover_of_regex(&cover, "ab.abc.abcd.abcde.abcdef");
	print_cover(&cover, out, sizeof(out));
	assert_string_equal(out, "abcdef;abc;abcd;abcde");
}

static void wildcards_have_what_is_between_them(void **state)
{
	struct cover cover;
	struct name name;
	char out[256];

	(void)state;
	cover_of_glob(&cover, "ads*.Example.com");
	print_cover(&cover, out, sizeof(out));
	assert_string_equal(out, "^ads;.example.com$");
	cover_of_glob(&cover, "*ads?x*");
	print_cover(&cover, out, sizeof(out));
	assert_string_equal(out, "^;ads;x;$");
	assert_int_equal(name_parse(&name, "stun.*.example.*"), 0);
	cover_of_labels(&cover, &name, false);
	print_cover(&cover, out, sizeof(out));
	assert_string_equal(out, "^stun.;.example.;$");
	cover_of_labels(&cover, &name, true);
	print_cover(&cover, out, sizeof(out));
	assert_string_equal(out, "stun.;.example.;$");
}

static void random_text(char *out, size_t size, const char *characters)
{
	size_t length = 1 + (size_t)rand() % (size - 1);

	for (size_t i = 0; i < length; i++)
		out[i] = characters[(size_t)rand() % strlen(characters)];
	out[length] = '\0';
}

static bool has_one(const struct cover_set *set, const char *text)
{
	char framed[64];
	int length = snprintf(framed, sizeof(framed), "%c%s%c", COVER_START,
			      text, COVER_END);

	for (size_t i = 0; i < set->count; i++) {
		if (memmem(framed, (size_t)length, set->texts[i].at,
			   set->texts[i].length))
			return true;
	}
	return false;
}

static unsigned check(const struct regex *regex, const struct cover *cover)
{
	unsigned matches = 0;
	char text[12];

	for (int k = 0; k < 20; k++) {
		random_text(text, sizeof(text), "aab.1");
		if (!regex_matches(regex, text, strlen(text)))
			continue;
		matches++;
		for (size_t i = 0; i < cover->count; i++)
			assert_true(has_one(&cover->sets[i], text));
	}
	return matches;
}

static void random_matches_have_a_text_of_each_set(void **state)
{
	unsigned matches = 0;

	(void)state;
	srand(8);
	for (int i = 0; i < ROUNDS; i++) {
		char pattern[14], why[REGEX_WHY_SIZE];
		struct regex *regex;
		struct cover cover;

		random_text(pattern, sizeof(pattern),
			    "aaAb.1|(())[]^$*?+\\-{}");
		cover_of_regex(&cover, pattern);
		if (cover.count == 0 || regex_new(&regex, pattern, why) < 0)
			continue;
		matches += check(regex, &cover);
		regex_free(regex);
	}
	assert_true(matches > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_what_cannot_be_missing),
		cmocka_unit_test(what_is_too_much_is_cut_where_it_stands),
		cmocka_unit_test(wildcards_have_what_is_between_them),
		cmocka_unit_test(random_matches_have_a_text_of_each_set),
	};
	char why[REGEX_WHY_SIZE];
	struct regex *regex;

	if (regex_new(&regex, "a", why) < 0)
		return 77; /* a build without PCRE2 */
	regex_free(regex);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
