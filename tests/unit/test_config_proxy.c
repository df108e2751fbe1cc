// SPDX-License-Identifier: BSD-2-Clause
#include "common/config.h"
#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct config *config_of(const char *url)
{
	struct config *config = NULL;
	struct diag diag;
	char *text = NULL;

	diag_init(&diag);
	assert_int_equal(config_text_for_proxy(&text, url, NULL, &diag), 0);
	if (config_load(&config, text, strlen(text), "--proxy", &diag))
		fail_msg("%s", diag.lines[0]);
	assert_int_equal(diag.count, 0);
	free(text);
	diag_fini(&diag);
	return config;
}

static void each_form_of_a_url_is_taken(void **state)
{
	static const struct {
		const char *url, *server, *username;
	} good[] = {
		{"socks5://192.0.2.7:1080", "192.0.2.7:1080", NULL},
		{"socks5://192.0.2.7", "192.0.2.7:1080", NULL},
		{"socks5://192.0.2.7:1/", "192.0.2.7:1", NULL},
		{"socks5h://127.0.0.1:9050", "127.0.0.1:9050", NULL},
		{"socks5://localhost:1081", "127.0.0.1:1081", NULL},
		{"socks5://localhost", "127.0.0.1:1080", NULL},
		{"socks5://[2001:db8::7]:1080", "[2001:db8::7]:1080", NULL},
		{"socks5://me@192.0.2.7:1080", "192.0.2.7:1080", "me"},
		{"socks5://a%40b%3a%20%22@192.0.2.7", "192.0.2.7:1080",
		 "a@b: \""},
		{"127.0.0.1:1080", "127.0.0.1:1080", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct config *config = config_of(good[i].url);
		const struct outbound_conf *proxy =
			&config->outbounds[OUTBOUND_FIRST];
		char text[ENDPOINT_TEXT_SIZE];

		endpoint_format(&proxy->server, text, sizeof(text));
		assert_string_equal(text, good[i].server);
		if (good[i].username)
			assert_string_equal(proxy->username, good[i].username);
		else
			assert_null(proxy->username);
		config_free(config);
	}
}

static void what_is_no_proxy_is_told_with_the_form_expected(void **state)
{
	static const struct {
		const char *url, *word;
	} bad[] = {
		{"http://127.0.0.1", "a port of 1 to 65535"},
		{"https://127.0.0.1:8080", "'https' is not supported"},
		{"unix:proxy.sock", "absolute path"},
		{"unix:", "absolute path"},
		{"socks4://127.0.0.1:1080", "'socks4' is not supported"},
		{"socks5://proxy.example.com:1080", "numeric"},
		{"socks5://127.0.0.1:0", "1 to 65535"},
		{"socks5://127.0.0.1:65536", "1 to 65535"},
		{"socks5://", "numeric"},
		{"socks5://me:secret@127.0.0.1", "--password-file"},
		{"socks5://@127.0.0.1", "user name"},
		{"socks5://%zz@127.0.0.1", "user name"},
		{"socks5://%00@127.0.0.1", "user name"},
		{"socks5://a%4@127.0.0.1", "user name"},
		{"socks5://%ff@127.0.0.1", "user name"},
		{"socks5://127.0.0.1/path", "path"},
		{"", "numeric"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct diag diag;
		char *text = NULL;

		diag_init(&diag);
		assert_int_equal(
			config_text_for_proxy(&text, bad[i].url, NULL, &diag),
			ERR_CONFIG);
		assert_null(text);
		assert_memory_equal(diag.lines[0], "--proxy: ", 9);
		assert_non_null(strstr(diag.lines[0], bad[i].word));
		assert_null(strstr(diag.lines[0], "secret"));
		diag_fini(&diag);
	}
}

static void other_forms_become_what_they_say(void **state)
{
	static const struct {
		const char *url, *type, *server;
	} good[] = {
		{"http://192.0.2.7:3128", "    type: http\n",
		 "    server: 192.0.2.7:3128\n"},
		{"http://localhost:3128/", "    type: http\n",
		 "    server: 127.0.0.1:3128\n"},
		{"unix:/run/a b.sock", "    type: socks5\n",
		 "    server: \"unix:/run/a b.sock\"\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct config *config;
		struct diag diag;
		char *text = NULL;

		diag_init(&diag);
		assert_int_equal(
			config_text_for_proxy(&text, good[i].url, NULL, &diag),
			0);
		assert_non_null(strstr(text, good[i].type));
		assert_non_null(strstr(text, good[i].server));
		assert_int_equal(
			config_load(&config, text, strlen(text), "p", &diag),
			0);
		config_free(config);
		diag_fini(&diag);
		free(text);
	}
}

static void a_password_file_needs_a_user_name(void **state)
{
	struct diag diag;
	char *text = NULL;

	(void)state;
	diag_init(&diag);
	assert_int_equal(
		config_text_for_proxy(&text, "socks5://127.0.0.1", "/p", &diag),
		ERR_CONFIG);
	diag_fini(&diag);
	diag_init(&diag);
	assert_int_equal(config_text_for_proxy(&text, "socks5://u@127.0.0.1",
					       "/p w", &diag),
			 0);
	assert_non_null(strstr(text, "    password-file: \"/p w\"\n"));
	free(text);
	diag_fini(&diag);
}

static void a_password_file_is_found_from_any_folder(void **state)
{
	char *folder = getcwd(NULL, 0), *line, *text = NULL;
	struct diag diag;

	(void)state;
	diag_init(&diag);
	assert_int_equal(config_text_for_proxy(&text, "socks5://u@127.0.0.1",
					       "p", &diag),
			 0);
	assert_true(asprintf(&line, "%s/p", folder) > 0);
	assert_non_null(strstr(text, line));
	free(line);
	free(text);
	free(folder);
	diag_fini(&diag);
}

static struct verdict decide(const struct config *config, const char *name,
			     const char *addr)
{
	struct name parsed;
	struct facts facts = {.is_final = true};

	if (name) {
		assert_int_equal(name_parse(&parsed, name), 0);
		facts.name = &parsed;
	}
	if (addr)
		assert_int_equal(addr_parse(&facts.dst, addr), 0);
	return rules_decide(config->rules, &facts);
}

static void all_but_what_is_private_goes_through_the_proxy(void **state)
{
	static const char *const direct_names[] = {"printer.local", "nas.lan",
						   "x.home.arpa", "localhost"};
	static const char *const direct[] = {
		"127.0.0.1",   "10.1.2.3",   "172.31.0.1",  "192.168.1.1",
		"169.254.1.1", "100.64.0.1", "224.0.0.251", "255.255.255.255",
		"::1",         "fe80::1",    "fd00::1",     "ff02::fb"};
	static const char *const carried[] = {"9.9.9.9", "172.32.0.1",
					      "2620:fe::fe"};
	struct config *config = config_of("socks5://127.0.0.1:1080");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(direct_names); i++)
		assert_int_equal(decide(config, direct_names[i], NULL).outbound,
				 OUTBOUND_DIRECT);
	for (size_t i = 0; i < ARRAY_LEN(direct); i++)
		assert_int_equal(decide(config, NULL, direct[i]).outbound,
				 OUTBOUND_DIRECT);
	for (size_t i = 0; i < ARRAY_LEN(carried); i++)
		assert_int_equal(decide(config, NULL, carried[i]).outbound,
				 OUTBOUND_FIRST);
	assert_int_equal(decide(config, "example.com", NULL).outbound,
			 OUTBOUND_FIRST);
	config_free(config);
}

/* A name must be carried at once: no query of it may leave the host. */
static void a_name_is_decided_without_looking_it_up(void **state)
{
	struct config *config = config_of("socks5://127.0.0.1:1080");
	struct name name;
	struct facts facts = {.name = &name};
	struct verdict verdict;

	(void)state;
	assert_int_equal(name_parse(&name, "example.com"), 0);
	verdict = rules_decide(config->rules, &facts);
	assert_int_equal(verdict.kind, VERDICT_MATCH);
	assert_int_equal(verdict.outbound, OUTBOUND_FIRST);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_of_a_url_is_taken),
		cmocka_unit_test(
			what_is_no_proxy_is_told_with_the_form_expected),
		cmocka_unit_test(other_forms_become_what_they_say),
		cmocka_unit_test(a_password_file_needs_a_user_name),
		cmocka_unit_test(a_password_file_is_found_from_any_folder),
		cmocka_unit_test(
			all_but_what_is_private_goes_through_the_proxy),
		cmocka_unit_test(a_name_is_decided_without_looking_it_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
