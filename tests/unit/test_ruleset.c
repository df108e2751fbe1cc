// SPDX-License-Identifier: BSD-2-Clause
#include "routed/ruleset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char seen[1024];

static void note(const char *what, const struct ruleset_place *place,
		 const char *line)
{
	size_t used = strlen(seen);

	snprintf(seen + used, sizeof(seen) - used, "%s %s|%s|%s\n", what,
		 place->table, place->chain, line);
}

static void on_table_end(void *ctx, const struct ruleset_place *place)
{
	(void)ctx;
	note("end", place, "");
}

static void on_chain(void *ctx, const struct ruleset_place *place)
{
	(void)ctx;
	note("chain", place, "");
}

static void on_line(void *ctx, const struct ruleset_place *place,
		    const char *line)
{
	(void)ctx;
	note("line", place, line);
}

static const char *read_all(const char *ruleset)
{
	const struct ruleset_reader reader = {on_table_end, on_chain, on_line};

	seen[0] = '\0';
	ruleset_read(ruleset, &reader, NULL);
	return seen;
}

static void each_line_has_its_place(void **state)
{
	(void)state;
	assert_string_equal(read_all("table inet a {\n\tchain b {\n"
				     "\t\tct state new\n\n\t}\n}\n"
				     "table ip6 c {\n\tset d {\n"),
			    "chain inet a|b|\n"
			    "line inet a|b|ct state new\n"
			    "line inet a|b|}\n"
			    "line inet a|b|}\n"
			    "end inet a|b|\n"
			    "line ip6 c||set d {\n"
			    "end ip6 c||\n");
	assert_string_equal(read_all(""), "");
}

static void long_names_and_lines_are_cut(void **state)
{
	char ruleset[2048] = "table ";

	(void)state;
	memset(ruleset + 6, 'x', 1000);
	strcpy(ruleset + 1006, " {\n");
	memset(ruleset + 1009, 'y', 1000);
	read_all(ruleset);
	assert_int_equal(strlen(strrchr(seen, 'd')),
			 strlen("d ||\n") + RULESET_NAME_SIZE - 1);
}

static void reader_may_leave_out_what_it_does_not_ask(void **state)
{
	const struct ruleset_reader reader = {NULL, NULL, NULL};

	(void)state;
	ruleset_read("table a {\nchain b {\nc\n}\n}\n", &reader, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_has_its_place),
		cmocka_unit_test(long_names_and_lines_are_cut),
		cmocka_unit_test(reader_may_leave_out_what_it_does_not_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
