// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/ede_text.h"

#include "common/rules.h"
#include "dnsd/special.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct rule rule = {.text = "MATCH,proxy", .file = "a.yaml", .line = 7};

static void a_rule_is_named_with_its_place(void **state)
{
	static const unsigned lines[] = {7, 10, 4294967295};
	static const char *const texts[] = {
		"rule 'MATCH,proxy' (a.yaml:7)",
		"rule 'MATCH,proxy' (a.yaml:10)",
		"rule 'MATCH,proxy' (a.yaml:4294967295)",
	};
	struct rule one = rule;
	struct cause cause = {.rule = &one};
	char text[EDE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		one.line = lines[i];
		assert_string_equal(ede_text(&cause, text), texts[i]);
	}
	cause.rule = NULL;
	assert_null(ede_text(&cause, text));
}

static void the_line_of_a_list_is_named_too(void **state)
{
	const struct cause cause = {
		.rule = &rule, .file = "/etc/ads.txt", .line = 812};
	char text[EDE_TEXT_SIZE];

	(void)state;
	assert_string_equal(ede_text(&cause, text),
			    "rule 'MATCH,proxy' (a.yaml:7, /etc/ads.txt:812)");
}

static void without_a_rule_it_is_what_decided_instead(void **state)
{
	const struct special special = {.reason = "it is this host"};
	struct cause cause = {.special = &special};
	char text[EDE_TEXT_SIZE];

	(void)state;
	assert_string_equal(ede_text(&cause, text), "it is this host");
	cause = (struct cause){.file = "/etc/hosts", .line = 3};
	assert_string_equal(ede_text(&cause, text), "/etc/hosts:3");
}

static void a_sentence_ends_with_who_decided(void **state)
{
	const struct cause by_rule = {.rule = &rule}, by_nobody = {0};
	char text[EDE_TEXT_SIZE];

	(void)state;
	assert_string_equal(ede_text_why("too many wait", &by_rule, text),
			    "too many wait, rule 'MATCH,proxy' (a.yaml:7)");
	assert_string_equal(ede_text_why("too many wait", &by_nobody, text),
			    "too many wait");
	assert_string_equal(ede_text_missing("home", &by_rule, text),
			    "upstream 'home' does not know the name "
			    "(dnsd.fake.verify), rule 'MATCH,proxy' "
			    "(a.yaml:7)");
}

static void what_is_too_long_is_cut(void **state)
{
	const struct cause cause = {.rule = &rule};
	char name[2 * EDE_TEXT_SIZE], text[EDE_TEXT_SIZE];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(strlen(ede_text_why(name, &cause, text)),
			 EDE_TEXT_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_named_with_its_place),
		cmocka_unit_test(the_line_of_a_list_is_named_too),
		cmocka_unit_test(without_a_rule_it_is_what_decided_instead),
		cmocka_unit_test(a_sentence_ends_with_who_decided),
		cmocka_unit_test(what_is_too_long_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
