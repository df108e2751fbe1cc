// SPDX-License-Identifier: BSD-2-Clause
#include "common/settings.h"

#include "common/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 16

static const struct option options[] = {SETTINGS_OPTIONS, {NULL, 0, NULL, 0}};

/* As the programs do it; the words are in `line`, without quotes. */
static int parse(struct settings *settings, char *line)
{
	char *words[WORDS_MAX + 1] = {NULL};
	int count = 0, option;

	for (char *word = strtok(line, " "); word && count < WORDS_MAX;
	     word = strtok(NULL, " "))
		words[count++] = word;
	*settings = (struct settings){.program = "test"};
	optind = 0;
	while ((option = getopt_long(count, words, SETTINGS_LETTERS, options,
				     NULL)) != -1) {
		if (option == '?' || option == ':')
			return settings_complain_option(settings, option,
							words);
		if (!settings_take(settings, option))
			return option;
	}
	return settings_check(settings);
}

/* What is told on stderr when the line is refused; free() it. */
static char *complaint(const char *line)
{
	struct settings settings;
	FILE *before = stderr;
	char *text = NULL, *copy = strdup(line);
	size_t size = 0;

	stderr = open_memstream(&text, &size);
	assert_non_null(stderr);
	assert_int_equal(parse(&settings, copy), -EINVAL);
	fclose(stderr);
	stderr = before;
	free(copy);
	return text;
}

static void each_option_has_its_member(void **state)
{
	char line[] = "test -f --json -c a --state b --run c";
	char proxy[] = "test --proxy d --password-file e";
	struct settings settings;

	(void)state;
	assert_int_equal(parse(&settings, line), 0);
	assert_true(settings.is_foreground);
	assert_true(settings.is_json);
	assert_string_equal(settings.config_file, "a");
	assert_string_equal(settings.state_dir, "b");
	assert_string_equal(settings.run_dir, "c");
	assert_int_equal(parse(&settings, proxy), 0);
	assert_string_equal(settings.proxy, "d");
	assert_string_equal(settings.password_file, "e");
}

static void help_and_version_are_left_to_the_program(void **state)
{
	char help[] = "test -h", version[] = "test --version";
	struct settings settings;

	(void)state;
	assert_int_equal(parse(&settings, help), 'h');
	assert_int_equal(parse(&settings, version), SETTINGS_VERSION);
}

static void what_is_wrong_is_named_with_the_way_to_help(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"/sbin/test -x", "no such option: '-x'"},
		{"/sbin/test --nonsense", "no such option: '--nonsense'"},
		{"/sbin/test --json=3", "no such option: '--json=3'"},
		{"/sbin/test -c", "an argument is missing behind '-c'"},
		{"/sbin/test --run", "an argument is missing behind '--run'"},
		{"/sbin/test --proxy a -c b", "not also 'b'"},
		{"/sbin/test --password-file a", "but there is 'a'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *text = complaint(cases[i].line);

		assert_memory_equal(text, "test: ", 6);
		assert_non_null(strstr(text, cases[i].words));
		assert_non_null(strstr(text, "'test --help'"));
		free(text);
	}
}

static void proxy_stands_for_a_configuration(void **state)
{
	const struct settings settings = {
		.program = "test",
		.proxy = "socks5://127.0.0.1:1080",
		.state_dir = "/s",
		.run_dir = "/r",
	};
	struct settings_source source;
	struct config *config;
	struct diag diag;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	diag_init(&diag);
	assert_int_equal(settings_read(&settings, &source, &diag), 0);
	assert_int_equal(settings_load(&settings, &config, &source, &diag), 0);
	assert_string_equal(config->file, "--proxy");
	assert_string_equal(config->state_dir, "/s");
	assert_string_equal(config->run_dir, "/r");
	assert_non_null(out);
	assert_int_equal(settings_print_check(config, out), 0);
	fclose(out);
	assert_memory_equal(text, "--proxy: correct: ", 18);
	assert_non_null(strstr(text, " rules, 1 outbound, 1 upstream\n"));
	free(text);
	config_free(config);
	free(source.text);
	diag_fini(&diag);
}

static void a_missing_file_is_told(void **state)
{
	const struct settings settings = {.program = "test",
					  .config_file = "/nowhere/x.yaml"};
	struct settings_source source;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_true(settings_read(&settings, &source, &diag) < 0);
	assert_int_equal(diag.errors, 1);
	assert_non_null(strstr(diag.lines[0], "/nowhere/x.yaml"));
	diag_fini(&diag);
}

/* Who only asks the daemon need not read all of its lists, nor mend them. */
static void lists_are_left_out_when_nothing_needs_them(void **state)
{
	static char text[] =
		"outbounds: {p: {type: socks5, server: 127.0.0.1:1080}}\n"
		"geo: {country: /nowhere/c.mmdb, site: /nowhere/s.dat}\n"
		"rules: [\"RULE-SET,/nowhere/list.txt,p\", \"GEOIP,CN,p\",\n"
		"  \"GEOSITE,cn,p\", \"NOT,((GEOSITE,cn)),p\", \"MATCH,p\"]\n";
	const struct settings_source source = {text, strlen(text), "f"};
	struct settings settings = {.program = "test"};
	struct config *config;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_int_equal(settings_load(&settings, &config, &source, &diag),
			 ERR_CONFIG);
	assert_true(diag.errors >= 3);
	diag_fini(&diag);
	diag_init(&diag);
	settings.has_no_lists = true;
	assert_int_equal(settings_load(&settings, &config, &source, &diag), 0);
	assert_int_equal(diag.errors, 0);
	assert_int_equal(rules_count(config->rules), 5);
	config_free(config);
	diag_fini(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_option_has_its_member),
		cmocka_unit_test(help_and_version_are_left_to_the_program),
		cmocka_unit_test(what_is_wrong_is_named_with_the_way_to_help),
		cmocka_unit_test(proxy_stands_for_a_configuration),
		cmocka_unit_test(a_missing_file_is_told),
		cmocka_unit_test(lists_are_left_out_when_nothing_needs_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
