// SPDX-License-Identifier: BSD-2-Clause
#include "common/config_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BEFORE                                                         \
	"outbounds: {a: {type: socks5, server: '192.0.2.1:1080'}}\n"   \
	"upstreams: {home: {servers: ['192.0.2.53', '192.0.2.54']}}\n" \
	"rules: ['DOMAIN,x.example,DIRECT', 'DOMAIN,y.example,a', "    \
	"'MATCH,a']\n"

static struct config *load(const char *text)
{
	struct config *config;
	struct diag diag;

	diag_init(&diag);
	assert_int_equal(
		config_load(&config, text, strlen(text), "x.yaml", &diag), 0);
	diag_fini(&diag);
	return config;
}

static char told[4096];

static void tell(void *ctx, const char *line)
{
	(void)ctx;
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s\n",
		 line);
}

static void assert_diff(const char *before, const char *after,
			const char *wanted)
{
	struct config *old = load(before), *new = load(after);
	int lines = 0;

	told[0] = '\0';
	for (const char *at = wanted; *at; at++)
		lines += *at == '\n';
	assert_int_equal(config_diff(old, new, tell, NULL), lines);
	assert_string_equal(told, wanted);
	config_free(old);
	config_free(new);
}

static void the_same_has_no_difference(void **state)
{
	(void)state;
	assert_diff(BEFORE, BEFORE "# another comment\n", "");
}

static void keys_are_told_with_both_values(void **state)
{
	(void)state;
	assert_diff(BEFORE, BEFORE "dnsd: {timeout: 2s, fake: {guard: 1h}}\n",
		    "dnsd.fake.guard: 1h, was 10m\n"
		    "dnsd.timeout: 2s, was 4s\n");
}

static void what_comes_and_goes_is_told(void **state)
{
	(void)state;
	assert_diff(BEFORE,
		    "outbounds: {b: {type: socks5, server: "
		    "'192.0.2.1:1080'}}\n"
		    "upstreams: {home: {servers: ['192.0.2.53', "
		    "'192.0.2.54']}}\n"
		    "rules: ['DOMAIN,x.example,DIRECT', 'MATCH,b']\n",
		    "outbounds.a.server: is gone, was 192.0.2.1:1080\n"
		    "outbounds.a.type: is gone, was socks5\n"
		    "outbounds.a.udp: is gone, was associate\n"
		    "outbounds.b.server: 192.0.2.1:1080, is new\n"
		    "outbounds.b.type: socks5, is new\n"
		    "outbounds.b.udp: associate, is new\n"
		    "rules: 1 added, 2 removed\n");
}

static void lists_of_one_line_are_values(void **state)
{
	(void)state;
	assert_diff(BEFORE,
		    "outbounds: {a: {type: socks5, server: "
		    "'192.0.2.1:1080'}}\n"
		    "upstreams: {home: {servers: ['192.0.2.53']}}\n"
		    "rules: ['DOMAIN,x.example,DIRECT', 'DOMAIN,y.example,a', "
		    "'MATCH,a']\n",
		    "upstreams.home.servers: [192.0.2.53:53], was "
		    "[192.0.2.53:53, 192.0.2.54:53]\n");
}

static void rules_are_counted(void **state)
{
	(void)state;
	assert_diff(BEFORE,
		    "outbounds: {a: {type: socks5, server: "
		    "'192.0.2.1:1080'}}\n"
		    "upstreams: {home: {servers: ['192.0.2.53', "
		    "'192.0.2.54']}}\n",
		    "rules: 0 added, 3 removed\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_has_no_difference),
		cmocka_unit_test(keys_are_told_with_both_values),
		cmocka_unit_test(what_comes_and_goes_is_told),
		cmocka_unit_test(lists_of_one_line_are_values),
		cmocka_unit_test(rules_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
