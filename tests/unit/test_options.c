// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/options.h"

#include "common/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/help_screen.h"

#define WORDS_MAX 16

/* The words of a command line, without quotes. */
static int parse(struct options *options, const char *line)
{
	static char copy[512];
	char *words[WORDS_MAX + 1] = {0};
	int count = 0;

	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
		assert_true(count < WORDS_MAX);
		words[count++] = word;
	}
	return options_parse(options, count, words);
}

static void nothing_asked_for_is_to_run(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "dnsd"), 0);
	assert_int_equal(options.action, ACTION_RUN);
	assert_false(options.settings.is_foreground);
	assert_null(options.settings.config_file);
	assert_int_equal(parse(&options, "dnsd -f -c x.yaml --state s --run r"),
			 0);
	assert_int_equal(options.action, ACTION_RUN);
	assert_true(options.settings.is_foreground);
	assert_string_equal(options.settings.config_file, "x.yaml");
	assert_string_equal(options.settings.state_dir, "s");
	assert_string_equal(options.settings.run_dir, "r");
}

static void every_action_has_its_option(void **state)
{
	static const struct {
		const char *line;
		enum options_action action;
		bool has_lists; /* it needs them */
	} cases[] = {
		{"dnsd --check", ACTION_CHECK, true},
		{"dnsd --print-config", ACTION_PRINT_CONFIG, true},
		{"dnsd --dump-map", ACTION_DUMP_MAP, false},
		{"dnsd --explain x", ACTION_EXPLAIN, true},
		{"dnsd --status", ACTION_STATUS, false},
		{"dnsd --metrics", ACTION_METRICS, false},
		{"dnsd --watch", ACTION_WATCH, false},
		{"dnsd --watch --json", ACTION_WATCH, false},
		{"dnsd --version", ACTION_VERSION, false},
		{"dnsd --help", ACTION_HELP, false},
		{"dnsd -h", ACTION_HELP, false},
	};
	struct options options;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(parse(&options, cases[i].line), 0);
		assert_int_equal(options.action, cases[i].action);
		assert_int_equal(options.settings.has_no_lists,
				 !cases[i].has_lists);
	}
}

static void a_name_to_explain_may_have_a_type(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "dnsd --explain a.example"), 0);
	assert_string_equal(options.name, "a.example");
	assert_null(options.type);
	assert_int_equal(parse(&options, "dnsd --explain a.example MX --json"),
			 0);
	assert_string_equal(options.type, "MX");
	assert_true(options.settings.is_json);
}

static void a_dump_has_a_form(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "dnsd --dump-map"), 0);
	assert_int_equal(options.dump.form, DUMP_TABLE);
	assert_int_equal(parse(&options, "dnsd --dump-map=hosts"), 0);
	assert_int_equal(options.dump.form, DUMP_HOSTS);
	assert_int_equal(parse(&options, "dnsd --dump-map --json"), 0);
	assert_int_equal(options.dump.form, DUMP_JSON);
	assert_int_equal(parse(&options, "dnsd --dump-map=xml"), -EINVAL);
}

static void a_dump_can_be_a_part_and_sorted(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "dnsd --dump-map=csv --name *.example "
					 "--since 2026-11-22 --sort used"),
			 0);
	assert_string_equal(options.dump.filter.glob, "*.example");
	assert_int_equal(options.dump.filter.since_ms, INT64_C(1795305600000));
	assert_int_equal(options.dump.filter.order, DUMP_BY_USED);
	assert_int_equal(parse(&options, "dnsd --explain a --from ::1"), 0);
	assert_string_equal(options.from, "::1");
}

static void addresses_to_listen_at_may_be_repeated(void **state)
{
	struct options options;
	struct endpoint expected;

	(void)state;
	assert_int_equal(
		parse(&options, "dnsd --listen 127.0.0.1:5353 --listen ::1"),
		0);
	assert_int_equal(options.listen_count, 2);
	assert_int_equal(endpoint_parse(&expected, "127.0.0.1:5353", 0), 0);
	assert_true(endpoint_equal(&options.listen[0], &expected));
	assert_int_equal(endpoint_parse(&expected, "[::1]:53", 0), 0);
	assert_true(endpoint_equal(&options.listen[1], &expected));
	assert_int_equal(parse(&options, "dnsd --listen localhost"), -EINVAL);
}

static void a_wrong_command_line_is_refused(void **state)
{
	static const char *const lines[] = {
		"dnsd start",
		"dnsd --nonsense",
		"dnsd -c",
		"dnsd --check --status",
		"dnsd --explain a A B",
		"dnsd --proxy socks5://127.0.0.1:1080 -c x.yaml",
		"dnsd --password-file x",
		"dnsd --json",
		"dnsd --check --json",
		"dnsd --status --name *.example",
		"dnsd --since 10m",
		"dnsd --dump-map --since yesterday",
		"dnsd --dump-map --sort length",
		"dnsd --explain a --from here",
		"dnsd --dump-map --from 127.0.0.1",
	};
	struct options options;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_int_equal(parse(&options, lines[i]), -EINVAL);
}

static void help_fits_a_screen(void **state)
{
	(void)state;
	assert_help_fits(options_help);
}

static void options_lie_over_the_config(void **state)
{
	struct options options;
	struct config *config;
	struct diag diag;

	(void)state;
	assert_int_equal(parse(&options, "dnsd --proxy socks5://127.0.0.1:1080 "
					 "--state s --run r --listen ::1"),
			 0);
	diag_init(&diag);
	assert_int_equal(options_load_config(&options, &config, &diag), 0);
	assert_string_equal(config->state_dir, "s");
	assert_string_equal(config->run_dir, "r");
	assert_int_equal(config->dnsd.listen_count, 1);
	assert_int_equal(config->dnsd.listen[0].addr.family, ADDR_IPV6);
	config_free(config);
	diag_fini(&diag);
}

static void a_missing_file_is_told(void **state)
{
	struct options options;
	struct config *config = NULL;
	struct diag diag;

	(void)state;
	assert_int_equal(parse(&options, "dnsd -c /nowhere/x.yaml"), 0);
	diag_init(&diag);
	assert_true(options_load_config(&options, &config, &diag) < 0);
	assert_null(config);
	assert_int_equal(diag.errors, 1);
	assert_non_null(strstr(diag.lines[0], "/nowhere/x.yaml"));
	diag_fini(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_asked_for_is_to_run),
		cmocka_unit_test(every_action_has_its_option),
		cmocka_unit_test(a_name_to_explain_may_have_a_type),
		cmocka_unit_test(a_dump_has_a_form),
		cmocka_unit_test(a_dump_can_be_a_part_and_sorted),
		cmocka_unit_test(addresses_to_listen_at_may_be_repeated),
		cmocka_unit_test(a_wrong_command_line_is_refused),
		cmocka_unit_test(help_fits_a_screen),
		cmocka_unit_test(options_lie_over_the_config),
		cmocka_unit_test(a_missing_file_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
