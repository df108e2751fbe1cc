// SPDX-License-Identifier: BSD-2-Clause
#include "routed/options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/help_screen.h"

#define ARGUMENTS_MAX 8

/* Splits at blanks, as a shell would. */
static int parse(struct options *options, const char *line)
{
	static char copy[256];
	char *argv[ARGUMENTS_MAX + 1] = {NULL};
	int argc = 0;

	snprintf(copy, sizeof(copy), "routed %s", line);
	for (char *word = strtok(copy, " "); word && argc < ARGUMENTS_MAX;
	     word = strtok(NULL, " "))
		argv[argc++] = word;
	return options_parse(options, argc, argv);
}

static void nothing_said_means_to_run_in_the_background(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, ""), 0);
	assert_int_equal(options.action, ACTION_RUN);
	assert_false(options.settings.is_foreground);
	assert_null(options.settings.config_file);
}

static void each_action_has_its_option(void **state)
{
	static const struct {
		const char *line;
		enum options_action action;
		bool has_lists; /* it needs them */
	} cases[] = {
		{"--check", ACTION_CHECK, true},
		{"--print-config", ACTION_PRINT_CONFIG, true},
		{"--plan", ACTION_PLAN, true},
		{"--explain x", ACTION_EXPLAIN, true},
		{"--status --json", ACTION_STATUS, false},
		{"--flows", ACTION_FLOWS, false},
		{"--doctor", ACTION_DOCTOR, false},
		{"--recover", ACTION_RECOVER, false},
		{"--version", ACTION_VERSION, false},
		{"--help", ACTION_HELP, false},
		{"-c /x --status", ACTION_STATUS, false},
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

static void explain_takes_a_port_and_a_protocol(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "--explain example.com"), 0);
	assert_string_equal(options.query.target, "example.com");
	assert_int_equal(options.query.network, NETWORK_UNKNOWN);
	assert_int_equal(parse(&options, "--explain example.com 443"), 0);
	assert_int_equal(options.query.port, 443);
	assert_int_equal(options.query.network, NETWORK_TCP);
	assert_int_equal(parse(&options, "--explain 192.0.2.1 53/UDP"), 0);
	assert_int_equal(options.query.port, 53);
	assert_int_equal(options.query.network, NETWORK_UDP);
}

static void explain_takes_who_sends(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse(&options, "--explain x --uid 0"), 0);
	assert_true(options.query.has_uid);
	assert_int_equal(options.query.uid, 0);
	assert_int_equal(parse(&options, "--explain x 53/udp --iif lan0 "
					 "--from 192.0.2.1"),
			 0);
	assert_false(options.query.has_uid);
	assert_string_equal(options.query.iif, "lan0");
	assert_int_equal(options.query.from.family, ADDR_IPV4);
	assert_int_equal(options.query.port, 53);
}

static void what_is_no_port_is_refused(void **state)
{
	static const char *const ports[] = {"0",    "65536", "-1",       "443/",
					    "/tcp", "x",     "443/sctp", "+5"};
	enum network network;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ports); i++)
		assert_int_equal(options_parse_port(ports[i], &port, &network),
				 -EINVAL);
}

static void what_contradicts_itself_is_refused(void **state)
{
	static const char *const lines[] = {
		"--status --flows",
		"--proxy socks5://127.0.0.1:1080 -c /x",
		"--password-file /x",
		"word",
		"--check word",
		"--explain x 80 more",
		"--watch",
		"--status --uid 5",
		"--explain x --uid 5 --iif lan0",
		"--explain x --uid -1",
		"--explain x --uid 4294967295",
		"--explain x --uid 5x",
		"--explain x --from here",
		"--explain x --iif a-name-that-is-too-long",
		"--status --watch",
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_means_to_run_in_the_background),
		cmocka_unit_test(each_action_has_its_option),
		cmocka_unit_test(explain_takes_a_port_and_a_protocol),
		cmocka_unit_test(explain_takes_who_sends),
		cmocka_unit_test(what_is_no_port_is_refused),
		cmocka_unit_test(what_contradicts_itself_is_refused),
		cmocka_unit_test(help_fits_a_screen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
