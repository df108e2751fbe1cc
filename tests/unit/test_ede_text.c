// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/ede_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_rule_is_named_with_its_place(void **state)
{
	static const unsigned lines[] = {7, 10, 4294967295};
	static const char *const texts[] = {
		"rule 'MATCH,proxy' (a.yaml:7)",
		"rule 'MATCH,proxy' (a.yaml:10)",
		"rule 'MATCH,proxy' (a.yaml:4294967295)",
	};
	struct rule rule = {.text = "MATCH,proxy", .file = "a.yaml"};
	struct verdict verdict = {.rule = &rule};
	char text[EDE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		rule.line = lines[i];
		assert_string_equal(ede_text_rule(&verdict, text), texts[i]);
	}
	verdict.rule = NULL;
	assert_null(ede_text_rule(&verdict, text));
}

static void what_is_too_long_is_cut(void **state)
{
	char name[400], text[EDE_TEXT_SIZE];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(strlen(ede_text_missing(name, text)),
			 EDE_TEXT_SIZE - 1);
	assert_string_equal(ede_text_missing("home", text),
			    "upstream 'home' does not know the name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_named_with_its_place),
		cmocka_unit_test(what_is_too_long_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
