// SPDX-License-Identifier: BSD-2-Clause
#include "common/config.h"
#include "common/err.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PROXY                                               \
	"outbounds:\n"                                      \
	"  proxy: {type: socks5, server: 127.0.0.1:1080}\n" \
	"rules: [\"MATCH,proxy\"]\n"

struct loaded {
	struct config *config;
	struct diag diag;
	int ret;
};

static struct loaded load_as(const char *text, const char *file)
{
	struct loaded loaded = {.config = NULL};

	diag_init(&loaded.diag);
	loaded.ret = config_load(&loaded.config, text, strlen(text), file,
				 &loaded.diag);
	return loaded;
}

static struct loaded load(const char *text)
{
	struct loaded loaded = load_as(text, "f");

	if (loaded.ret)
		diag_print(&loaded.diag, stderr);
	assert_int_equal(loaded.ret, 0);
	return loaded;
}

static void drop(struct loaded *loaded)
{
	config_free(loaded->config);
	diag_fini(&loaded->diag);
}

static char *printed(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	config_print(config, out);
	fclose(out);
	return text;
}

static void defaults_are_what_the_manual_says(void **state)
{
	struct loaded loaded = load(PROXY);
	const struct config *config = loaded.config;
	struct fake_pool pool = fake_pool_default();
	char text[ENDPOINT_TEXT_SIZE];

	(void)state;
	assert_int_equal(loaded.diag.count, 0);
	assert_string_equal(config->file, "f");
	assert_string_equal(config->state_dir, "/var/lib/ersatz");
	assert_string_equal(config->run_dir, "/run/ersatz");
	assert_string_equal(config->user, "ersatz");
	assert_int_equal(config->log_level, LOG_LEVEL_NOTICE);
	assert_int_equal(config->dnsd.listen_count, 1);
	endpoint_format(&config->dnsd.listen[0], text, sizeof(text));
	assert_string_equal(text, "127.0.0.1:53");
	assert_memory_equal(&config->dnsd.fake, &pool, sizeof(pool));
	assert_int_equal(config->dnsd.fake_ttl_s, 1);
	assert_int_equal(config->dnsd.upstream, 0);
	assert_false(config->dnsd.reject_is_fake);
	assert_int_equal(config->dnsd.timeout_ms, 4000);
	assert_int_equal(config->routed.mode, ROUTED_MODE_POLICY);
	assert_int_equal(config->routed.capture, ROUTED_CAPTURE_ALL);
	assert_int_equal(config->routed.resolver, ROUTED_RESOLVER_AUTO);
	assert_string_equal(config->routed.tun, "ersatz0");
	assert_null(config->routed.uplink);
	assert_int_equal(config->routed.exempt.uid_count, 0);
	assert_int_equal(config->routed.serve_count, 0);
	assert_int_equal(config->routed.connect_timeout_ms, 10000);
	assert_int_equal(config->routed.flows_max, 8192);
	drop(&loaded);
}

static void built_in_outbounds_come_first(void **state)
{
	struct loaded loaded = load(PROXY);
	const struct config *config = loaded.config;
	const struct outbound_conf *proxy = &config->outbounds[OUTBOUND_FIRST];

	(void)state;
	assert_int_equal(config->outbound_count, OUTBOUND_FIRST + 1);
	assert_int_equal(config_outbound(config, "DIRECT"), OUTBOUND_DIRECT);
	assert_int_equal(config_outbound(config, "PASS"), OUTBOUND_PASS);
	assert_int_equal(config->outbounds[OUTBOUND_REJECT_DROP].type,
			 OUTBOUND_TYPE_REJECT_DROP);
	assert_int_equal(config_outbound(config, "proxy"), OUTBOUND_FIRST);
	assert_int_equal(config_outbound(config, "direct"), -ENOENT);
	assert_string_equal(proxy->name, "proxy");
	assert_int_equal(proxy->type, OUTBOUND_TYPE_SOCKS5);
	assert_int_equal(proxy->server.port, 1080);
	assert_null(proxy->username);
	assert_string_equal(proxy->password, "");
	assert_int_equal(proxy->line, 2);
	assert_int_equal(rules_at(config->rules, 0)->outbound, OUTBOUND_FIRST);
	drop(&loaded);
}

static void groups_know_what_they_lead_to(void **state)
{
	struct loaded loaded = load(
		"outbounds:\n"
		"  a: {type: latency, members: [b, p, DIRECT], tolerance: "
		"1ms,\n"
		"      probe: {destination: \"[2001:db8::1]:80\", when: "
		"always}}\n"
		"  b: {type: load-balance, members: [p, q], balance: name}\n"
		"  c: {type: fallback, members: [vpn]}\n"
		"  p: {type: socks5, server: 127.0.0.1:1080}\n"
		"  q: {type: http, server: \"unix:/run/q\", username: u}\n"
		"  vpn: {type: interface, interface: wg0}\n"
		"rules: [\"MATCH,a\"]\n");
	const struct config *config = loaded.config;
	const int first = OUTBOUND_FIRST;
	const struct group_conf *a = &config->outbounds[first].group;

	(void)state;
	assert_int_equal(a->name_count, 3);
	assert_int_equal(a->members[0], first + 1);
	assert_int_equal(a->leaf_count, 3);
	assert_int_equal(a->leaves[0], first + 3);
	assert_int_equal(a->leaves[1], first + 4);
	assert_int_equal(a->leaves[2], OUTBOUND_DIRECT);
	assert_int_equal(a->height, 2);
	assert_int_equal(a->tolerance_ms, 1);
	assert_true(a->is_probed_always);
	assert_int_equal(a->probe_interval_ms, 60000);
	assert_int_equal(a->probe->endpoint.port, 80);
	assert_int_equal(a->probe->name.length, 0);
	assert_string_equal(config->outbounds[first + 4].server_path, "/run/q");
	assert_true(config_leads_to(config, first, first + 4));
	assert_true(config_leads_to(config, first + 3, first + 3));
	assert_false(config_leads_to(config, first + 1, OUTBOUND_DIRECT));
	assert_true(config_leads_to_proxy(config, first));
	assert_false(config_leads_to_proxy(config, first + 2));
	assert_false(config_leads_to_proxy(config, OUTBOUND_DIRECT));
	drop(&loaded);
}

static void without_upstreams_there_is_the_system(void **state)
{
	struct loaded loaded = load(PROXY "upstreams: {}\n");
	const struct upstream_conf *upstream = loaded.config->upstreams;

	(void)state;
	assert_int_equal(upstream->way_count, 1);
	assert_null(upstream->ways[0].proxy);
	assert_int_equal(loaded.config->upstream_count, 1);
	assert_string_equal(upstream->name, "system");
	assert_int_equal(upstream->server_count, 1);
	assert_int_equal(upstream->servers[0].transport, UPSTREAM_SYSTEM);
	assert_int_equal(config_upstream(loaded.config, "system"), 0);
	drop(&loaded);
}

static void everything_can_be_written(void **state)
{
	struct loaded loaded = load(
		"state: /s\nrun: /r\nuser: nobody\nlog: debug\n"
		"outbounds:\n"
		"  p: {type: socks5, server: \"localhost:9050\", username: u}\n"
		"  vpn: {type: interface, interface: wg0}\n"
		"upstreams:\n"
		"  a: {servers: [system, 9.9.9.9, \"tcp://[2620:fe::fe]:5353\"]"
		", via: vpn}\n"
		"  b: {servers: udp://192.0.2.1, interface: eth1}\n"
		"rules:\n"
		"  - DOMAIN,x.example,vpn,upstream=b\n"
		"  - MATCH,p\n"
		"dnsd:\n"
		"  listen: [\"::1\", 192.0.2.7:5353]\n"
		"  fake: {ipv4: 10.64.0.0/16, ipv6: off, ttl: 10s}\n"
		"  upstream: b\n  reject: fake\n  timeout: 1500ms\n"
		"routed:\n"
		"  mode: policy\n  capture: fake\n  resolver: off\n"
		"  tun: tun9\n  uplink: eth0\n"
		"  exempt: {uid: [0, 1000-1999, nobody], mark: [0x2a, 7],"
		" cgroup: [/system.slice/tor.service, /a],"
		" address: [192.0.2.0/24, \"2001:db8::1\"]}\n"
		"  serve: [53, 5353]\n  connect-timeout: 1m\n  flows: 100\n");
	const struct config *config = loaded.config;
	const struct routed_conf *routed = &config->routed;

	(void)state;
	assert_string_equal(config->state_dir, "/s");
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(config->outbounds[OUTBOUND_FIRST].username, "u");
	assert_true(addr_is_loopback(
		&config->outbounds[OUTBOUND_FIRST].server.addr));
	assert_string_equal(config->upstreams[0].interface, "wg0");
	assert_int_equal(config->upstreams[0].servers[1].transport,
			 UPSTREAM_UDP);
	assert_int_equal(config->upstreams[0].servers[1].endpoint.port, 53);
	assert_int_equal(config->upstreams[0].servers[2].transport,
			 UPSTREAM_TCP);
	assert_int_equal(config->upstreams[0].servers[2].endpoint.port, 5353);
	assert_int_equal(config->upstreams[1].server_count, 1);
	assert_int_equal(rules_at(config->rules, 0)->upstream, 1);
	assert_int_equal(config->dnsd.listen[0].addr.family, ADDR_IPV6);
	assert_int_equal(config->dnsd.listen[0].port, 53);
	assert_int_equal(config->dnsd.fake.ipv6.addr.family, ADDR_NONE);
	assert_int_equal(config->dnsd.fake_ttl_s, 10);
	assert_int_equal(config->dnsd.upstream, 1);
	assert_true(config->dnsd.reject_is_fake);
	assert_int_equal(config->dnsd.timeout_ms, 1500);
	assert_int_equal(routed->capture, ROUTED_CAPTURE_FAKE);
	assert_int_equal(routed->resolver, ROUTED_RESOLVER_OFF);
	assert_string_equal(routed->uplink, "eth0");
	assert_int_equal(routed->exempt.uid_count, 3);
	assert_int_equal(routed->exempt.uids[1].last, 1999);
	assert_int_equal(routed->exempt.uids[2].first,
			 getpwnam("nobody")->pw_uid);
	assert_int_equal(routed->exempt.cgroup_count, 2);
	assert_string_equal(routed->exempt.cgroups[1], "/a");
	assert_int_equal(routed->exempt.marks[0].value, 42);
	assert_int_equal(routed->exempt.prefixes[1].length, 128);
	assert_int_equal(routed->serve[1], 5353);
	assert_int_equal(routed->connect_timeout_ms, 60000);
	assert_int_equal(routed->flows_max, 100);
	drop(&loaded);
}

static void sections_can_be_empty_and_values_quoted(void **state)
{
	struct loaded loaded = load(PROXY "dnsd:\nrouted:\nupstreams:\n"
					  "log: 'info'\n");

	(void)state;
	assert_int_equal(loaded.config->log_level, LOG_LEVEL_INFO);
	assert_int_equal(loaded.config->dnsd.listen_count, 1);
	drop(&loaded);
}

static void an_error_leaves_nothing_behind(void **state)
{
	struct loaded loaded = load_as(PROXY "log: loud\n", "f");

	(void)state;
	assert_int_equal(loaded.ret, ERR_CONFIG);
	assert_null(loaded.config);
	assert_int_equal(loaded.diag.errors, 1);
	drop(&loaded);
}

static void errors_of_an_earlier_file_do_not_count(void **state)
{
	struct config *config = NULL;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	diag_error(&diag, "other", 1, 1, "wrong");
	assert_int_equal(config_load(&config, PROXY, strlen(PROXY), "f", &diag),
			 0);
	config_free(config);
	diag_fini(&diag);
}

/*
 * Canonical text: what is printed loads, and prints the same again.  The
 * parts are put together at random, from a fixed seed.
 */
static const char *const heads[] = {
	"",
	"log: debug\nuser: nobody\n",
	"state: \"/a b\"\nrun: /r\n",
	"state: \"/\\u2028\\x85\\\"'\\\\\"\n",
};
static const char *const outbounds[] = {
	"proxy: {type: socks5, server: \"[2001:db8::7]:1\", udp: off}",
	"proxy: {type: socks5, server: 127.0.0.1:1080, username: \"a: b\"}",
	"proxy: {type: interface, interface: wg0}",
};
static const char *const upstreams[] = {
	"",
	"upstreams: {a: {servers: [system, \"::1:5\"], interface: x}}\n",
	"upstreams: {\"# a\": {servers: tcp://9.9.9.9}, "
	"\"null\": {servers: [system]}}\n",
	"upstreams: {b: {servers: [9.9.9.9], via: DIRECT}}\n",
};
static const char *const rules[] = {
	"rules: []\n",
	"rules: [\"MATCH,proxy\"]\n",
	"rules:\n  - DOMAIN,a.example,DIRECT\n  - ' MATCH , proxy '\n",
	"rules:\n  - IP-CIDR,10.0.0.0/8,REJECT,no-resolve\n"
	"  - IP-CIDR6,::/0,proxy,no-resolve\n  - DST-PORT,22,PASS\n",
};
static const char *const dnsds[] = {
	"",
	"dnsd: {listen: [\"::\", 127.0.0.1, 10.0.0.1:5353]}\n",
	"dnsd: {fake: {ipv4: 10.0.0.0/8, ipv6: \"fd00::/64\", ttl: 0}}\n",
	"dnsd: {fake: {ipv6: off}, reject: fake, timeout: 90s}\n",
	"dnsd: {fake: {ipv6: off}, reject: fake, timeout: 1001ms}\n",
};
static const char *const routeds[] = {
	"",
	"routed: {capture: fake, resolver: off, tun: t, uplink: u}\n",
	"routed: {exempt: {uid: [1-2, 3, nobody], mark: 0xffffffff}}\n",
	"routed: {exempt: {address: [\"::1\", 127.0.0.0/8]}, serve: 53}\n",
	"routed: {connect-timeout: 100ms, flows: 262144, gateway: off}\n",
};

#define PICK(list, seed) (list)[(size_t)rand_r(seed) % ARRAY_LEN(list)]

static void what_is_printed_loads_to_the_same(void **state)
{
	unsigned seed = 1, loads = 0;

	(void)state;
	for (int i = 0; i < 400; i++) {
		struct loaded first, second;
		char *text, *once, *twice;

		assert_true(asprintf(&text, "%soutbounds: {%s}\n%s%s%s%s",
				     PICK(heads, &seed), PICK(outbounds, &seed),
				     PICK(upstreams, &seed), PICK(rules, &seed),
				     PICK(dnsds, &seed),
				     PICK(routeds, &seed)) > 0);
		first = load_as(text, "f");
		if (first.ret) { /* pools that hide an upstream */
			drop(&first);
			free(text);
			continue;
		}
		loads++;
		once = printed(first.config);
		second = load_as(once, "f");
		if (second.ret)
			fail_msg("%s\n%s\n%s", text, once,
				 second.diag.lines[0]);
		twice = printed(second.config);
		assert_string_equal(once, twice);
		free(text);
		free(once);
		free(twice);
		drop(&first);
		drop(&second);
	}
	assert_true(loads > 200);
}

static void a_pool_of_each_length_fits_or_is_told(void **state)
{
	(void)state;
	for (int length = 6; length <= 32; length++) {
		struct loaded loaded;
		char text[256];
		int wanted = length >= 8 && length <= 28 ? 0 : ERR_CONFIG;

		snprintf(text, sizeof(text),
			 PROXY "dnsd: {fake: {ipv4: 240.0.0.0/%d, ipv6: "
			       "\"fd00::/%d\"}}\n",
			 length, 96 + length);
		loaded = load_as(text, "f");
		assert_int_equal(loaded.ret, wanted);
		drop(&loaded);
	}
}

static void paths_are_joined_by_one_slash(void **state)
{
	char *path = config_path("/run/ersatz", "dnsd.sock");

	(void)state;
	assert_string_equal(path, "/run/ersatz/dnsd.sock");
	free(path);
}

/* A folder of its own for each test that needs files. */
static int make_folder(void **state)
{
	char *folder = strdup("/tmp/test_config.XXXXXX");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	*state = folder;
	return 0;
}

static int drop_folder(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	free(*state);
	return system(command);
}

static char *write_file(const char *folder, const char *name, const char *text,
			mode_t mode)
{
	char *path = config_path(folder, name);
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static struct loaded load_password(const char *folder, const char *text,
				   mode_t mode)
{
	static const char config[] =
		"user: nobody\n"
		"outbounds:\n"
		"  p: {type: socks5, server: 127.0.0.1:1080, username: u,\n"
		"      password-file: password}\n"
		"rules: [\"MATCH,p\"]\n";
	char *path = write_file(folder, "password", text, mode);
	char *file = config_path(folder, "f");
	struct loaded loaded = load_as(config, file);

	free(path);
	free(file);
	return loaded;
}

static void password_is_the_line_of_a_file_beside_the_config(void **state)
{
	static const char *const texts[] = {"se cret", "se cret\n",
					    "se cret\r\n"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct loaded loaded = load_password(*state, texts[i], 0644);
		const struct outbound_conf *proxy;

		assert_int_equal(loaded.ret, 0);
		proxy = &loaded.config->outbounds[OUTBOUND_FIRST];
		assert_string_equal(proxy->password, "se cret");
		assert_string_equal(proxy->password_file, "password");
		drop(&loaded);
	}
}

static void password_that_socks_cannot_say_is_an_error(void **state)
{
	static const char *const texts[] = {"", "\n", "a\nb\n", "\na"};
	char long_text[300];

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct loaded loaded = load_password(*state, texts[i], 0644);

		assert_int_equal(loaded.ret, ERR_CONFIG);
		drop(&loaded);
	}
	for (size_t length = 255; length <= 256; length++) {
		struct loaded loaded;

		memset(long_text, 'x', length);
		long_text[length] = '\0';
		loaded = load_password(*state, long_text, 0644);
		assert_int_equal(loaded.ret, length == 255 ? 0 : ERR_CONFIG);
		drop(&loaded);
	}
}

static void password_for_everybody_is_warned_of(void **state)
{
	struct loaded loaded = load_password(*state, "secret\n", 0644);

	assert_int_equal(loaded.ret, 0);
	assert_int_equal(loaded.diag.warnings, 1);
	assert_non_null(strstr(loaded.diag.lines[0], "chmod 640"));
	drop(&loaded);
}

static void password_for_root_only_is_an_error_for_root_too(void **state)
{
	struct loaded loaded;

	if (geteuid() != 0)
		skip();
	loaded = load_password(*state, "secret\n", 0600);
	assert_int_equal(loaded.ret, ERR_CONFIG);
	assert_non_null(strstr(loaded.diag.lines[0], ":4:22: cannot read"));
	assert_non_null(strstr(loaded.diag.lines[0], "chgrp nobody"));
	drop(&loaded);
}

static void password_never_shows(void **state)
{
	struct loaded loaded = load_password(*state, "sesame\n", 0644);
	char *text = printed(loaded.config);

	assert_null(strstr(text, "sesame"));
	free(text);
	drop(&loaded);
	loaded = load_password(*state, "sesame\nsesame", 0644);
	assert_null(strstr(loaded.diag.lines[0], "sesame"));
	drop(&loaded);
}

static void read_fails(const char *file, const char *why)
{
	struct diag diag;
	char *text = NULL;
	size_t length;

	diag_init(&diag);
	assert_int_equal(config_read(&text, &length, file, &diag), ERR_CONFIG);
	assert_null(text);
	assert_int_equal(diag.count, 1);
	assert_memory_equal(diag.lines[0], file, strlen(file));
	assert_memory_equal(diag.lines[0] + strlen(file), why, strlen(why));
	diag_fini(&diag);
}

static void files_that_are_none_are_told_without_a_line(void **state)
{
	char *missing = config_path(*state, "missing");
	char *empty = write_file(*state, "empty", "", 0600);
	char *large = write_file(*state, "large", "", 0600);

	assert_int_equal(truncate(large, CONFIG_SIZE_MAX + 1), 0);
	read_fails(missing, ": no such file, expected");
	read_fails(*state, ": is a folder, expected");
	read_fails(empty, ": is empty, expected");
	read_fails(large, ": is too large, expected at most 8 MiB");
	free(missing);
	free(empty);
	free(large);
}

static void a_file_is_read_as_it_is(void **state)
{
	char *path = write_file(*state, "f", "a\n\xff", 0600);
	struct diag diag;
	size_t length;
	char *text;

	diag_init(&diag);
	assert_int_equal(config_read(&text, &length, path, &diag), 0);
	assert_int_equal(length, 3);
	assert_memory_equal(text, "a\n\xff", 4);
	free(text);
	free(path);
	diag_fini(&diag);
}

#define IN_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_what_the_manual_says),
		cmocka_unit_test(built_in_outbounds_come_first),
		cmocka_unit_test(groups_know_what_they_lead_to),
		cmocka_unit_test(without_upstreams_there_is_the_system),
		cmocka_unit_test(everything_can_be_written),
		cmocka_unit_test(sections_can_be_empty_and_values_quoted),
		cmocka_unit_test(an_error_leaves_nothing_behind),
		cmocka_unit_test(errors_of_an_earlier_file_do_not_count),
		cmocka_unit_test(what_is_printed_loads_to_the_same),
		cmocka_unit_test(a_pool_of_each_length_fits_or_is_told),
		cmocka_unit_test(paths_are_joined_by_one_slash),
		IN_FOLDER(password_is_the_line_of_a_file_beside_the_config),
		IN_FOLDER(password_that_socks_cannot_say_is_an_error),
		IN_FOLDER(password_for_everybody_is_warned_of),
		IN_FOLDER(password_for_root_only_is_an_error_for_root_too),
		IN_FOLDER(password_never_shows),
		IN_FOLDER(files_that_are_none_are_told_without_a_line),
		IN_FOLDER(a_file_is_read_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
