// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/http_connect.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct http_connect http;

static void start(const char *host, const struct socks_login *login)
{
	struct socks_target target = {.name = NULL};
	static struct name name;

	if (endpoint_parse(&target.endpoint, host, 0) < 0) {
		assert_int_equal(name_parse(&name, host), 0);
		target.name = &name;
		target.endpoint.port = 443;
	}
	assert_int_equal(http_connect_start(&http, &target, login), 0);
}

static void expect_output(const char *text)
{
	size_t length, done = 0;

	while (http_connect_need(&http) == SOCKS_SEND) {
		const uint8_t *out = http_connect_output(&http, &length);
		size_t now = length < 7 ? length : 7;

		assert_true(done + now <= strlen(text));
		assert_memory_equal(out, text + done, now);
		http_connect_sent(&http, now);
		done += now;
	}
	assert_int_equal(done, strlen(text));
	assert_int_equal(http_connect_need(&http), SOCKS_RECEIVE);
}

static void ask(void)
{
	size_t length;

	start("site.example", NULL);
	http_connect_output(&http, &length);
	http_connect_sent(&http, length);
}

/* How much of the text it took, shown in pieces. */
static size_t feed(const char *text, size_t piece)
{
	size_t done = 0, length = strlen(text);

	while (http_connect_need(&http) == SOCKS_RECEIVE && done < length) {
		size_t now = length - done < piece ? length - done : piece;

		done += http_connect_received(
			&http, (const uint8_t *)text + done, now);
	}
	return done;
}

static void it_asks_for_the_name_or_the_address(void **state)
{
	const struct socks_login login = {"Aladdin", "open sesame"};

	(void)state;
	start("site.example", NULL);
	expect_output("CONNECT site.example:443 HTTP/1.1\r\n"
		      "Host: site.example:443\r\n\r\n");
	start("[2001:db8::1]:80", NULL);
	expect_output("CONNECT [2001:db8::1]:80 HTTP/1.1\r\n"
		      "Host: [2001:db8::1]:80\r\n\r\n");
	/* The example of RFC 7617, 2. */
	start("192.0.2.1:80", &login);
	expect_output("CONNECT 192.0.2.1:80 HTTP/1.1\r\n"
		      "Host: 192.0.2.1:80\r\nProxy-Authorization: Basic "
		      "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
}

static void base64_is_padded_as_it_should_be(void **state)
{
	static const struct {
		const char *user, *password, *expected;
	} cases[] = {
		{"", "", "Og=="},
		{"a", "", "YTo="},
		{"a", "b", "YTpi"},
		{"\377", "\377\377", "/zr//w=="},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct socks_login login = {cases[i].user,
						  cases[i].password};
		char expected[64];
		size_t length;

		start("192.0.2.1:80", &login);
		snprintf(expected, sizeof(expected), "Basic %s\r\n",
			 cases[i].expected);
		assert_non_null(strstr(
			(const char *)http_connect_output(&http, &length),
			expected));
	}
}

static void the_longest_of_all_fits(void **state)
{
	static char text[256], label[64], host[254];
	struct socks_login login = {text, text};
	struct socks_target target = {.endpoint.port = 65535};
	struct name name;

	(void)state;
	memset(text, 'a', 255);
	memset(label, 'b', 63);
	snprintf(host, sizeof(host), "%s.%s.%s.%.61s", label, label, label,
		 label);
	assert_int_equal(name_parse(&name, host), 0);
	target.name = &name;
	assert_int_equal(http_connect_start(&http, &target, &login), 0);
	text[10] = ':';
	assert_int_equal(http_connect_start(&http, &target, &login), -EINVAL);
	assert_int_equal(name_parse(&name, "a\\.b.example"), 0);
	assert_int_equal(http_connect_start(&http, &target, NULL), -EINVAL);
}

static void not_a_byte_of_the_stream_is_taken(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 Connection established\r\n\r\n",
		"HTTP/1.0 200\r\nServer: x\r\nContent-Length: 5\r\n\r\n",
		"HTTP/1.1 204 \n\n",
		"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		for (size_t piece = 1; piece < 90; piece += 8) {
			char text[256];

			snprintf(text, sizeof(text), "%s\r\nSSH-2.0\r\n",
				 answers[i]);
			ask();
			assert_int_equal(feed(text, piece), strlen(answers[i]));
			assert_int_equal(http_connect_need(&http), SOCKS_DONE);
		}
	}
}

static void a_status_is_a_refusal(void **state)
{
	static const struct {
		const char *answer;
		enum refusal refusal;
		bool is_proxys_fault;
		const char *reason;
	} cases[] = {
		{"HTTP/1.1 403 Forbidden\r\n\r\n", REFUSAL_PROHIBITED, false,
		 "not allowed by its rules (status 403)"},
		{"HTTP/1.1 405 No\r\n\r\n", REFUSAL_PROHIBITED, true,
		 "the proxy takes no CONNECT (status 405)"},
		{"HTTP/1.1 407 Who\r\n\r\n", REFUSAL_PROHIBITED, true,
		 "the proxy wants a login (status 407)"},
		{"HTTP/1.1 418 Teapot\r\n\r\n", REFUSAL_HOST, false,
		 "the proxy answers with status 418"},
		{"HTTP/1.1 503 Oh\r\n\r\n", REFUSAL_HOST, false,
		 "the proxy cannot connect (status 503)"},
		{"HTTP/1.1 503 Oh\r\nX-Squid-Error: ERR_CONNECT_FAIL "
		 "111\r\n\r\n",
		 REFUSAL_RESET, false, "connection refused"},
		{"HTTP/1.1 503 Oh\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n",
		 REFUSAL_HOST, false, "the proxy does not know the name"},
		{"HTTP/1.1 502 Bad\r\nproxy-status: p; "
		 "error=connection_refused\r\n\r\n",
		 REFUSAL_RESET, false, "connection refused"},
		{"HTTP/1.1 302 Moved\r\n\r\n", REFUSAL_HOST, false,
		 "the proxy answers with status 302"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ask();
		feed(cases[i].answer, 5);
		assert_int_equal(http_connect_need(&http), SOCKS_FAILED);
		assert_int_equal(http_connect_refusal(&http), cases[i].refusal);
		assert_int_equal(http_connect_is_proxys_fault(&http),
				 cases[i].is_proxys_fault);
		assert_string_equal(http_connect_reason(&http),
				    cases[i].reason);
		assert_true(http_connect_is_answered(&http));
	}
}

static void a_login_that_is_refused_is_said_so(void **state)
{
	const struct socks_login login = {"u", "p"};
	size_t length;

	(void)state;
	start("site.example", &login);
	http_connect_output(&http, &length);
	http_connect_sent(&http, length);
	feed("HTTP/1.1 407 Who\r\n\r\n", 99);
	assert_string_equal(http_connect_reason(&http),
			    "the proxy refuses username or password");
}

static void what_is_no_http_fails_at_its_first_byte(void **state)
{
	static const char *const answers[] = {
		"\5",
		"SSH-2.0",
		"HTTP/2 200\r\n",
		"HTTP/1.1 2x0 OK\r\n",
		"HTTP/1.1 99 OK\r\n",
		"HTTP/1.1200 OK\r\n",
		"\n",
		"HTTP/1.1 600 OK\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		ask();
		feed(answers[i], 1);
		assert_int_equal(http_connect_need(&http), SOCKS_FAILED);
		assert_int_equal(http_connect_refusal(&http), REFUSAL_NET);
		assert_true(http_connect_is_proxys_fault(&http));
		assert_false(http_connect_is_answered(&http));
	}
}

static void an_answer_without_an_end_fails(void **state)
{
	const char *pieces[] = {"HTTP/1.1 200 ", "a", "b: c\r\n"};
	size_t fed = 0;

	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(pieces); i++) {
		ask();
		feed(i == 1 ? pieces[0] : "HTTP/1.1 200\r\n", 99);
		while (http_connect_need(&http) == SOCKS_RECEIVE)
			fed += feed(pieces[i], 99);
		assert_true(fed <= (size_t)2 * HTTP_CONNECT_ANSWER_MAX + 2);
		assert_string_equal(http_connect_reason(&http),
				    "the proxy's answer has no end");
	}
}

static void an_end_is_a_failure_too(void **state)
{
	(void)state;
	ask();
	http_connect_ended(&http);
	assert_int_equal(http_connect_refusal(&http), REFUSAL_NET);
	assert_true(http_connect_is_proxys_fault(&http));
	ask();
	feed("HTTP/1.1 403 Forbidden\r\nServer: x", 99);
	http_connect_ended(&http);
	assert_int_equal(http_connect_refusal(&http), REFUSAL_PROHIBITED);
	ask();
	feed("HTTP/1.1 200 OK\r\nServer: x", 99);
	http_connect_ended(&http);
	assert_int_equal(http_connect_refusal(&http), REFUSAL_NET);
}

/* A proxy that says anything at all: it ends, and in bounds. */
static void any_answer_ends(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		ask();
		if (round & 1)
			feed("HTTP/1.1 200 OK\r\n", 99);
		for (int i = 0; i < HTTP_CONNECT_ANSWER_MAX + 2 &&
				http_connect_need(&http) == SOCKS_RECEIVE;
		     i++) {
			static const char bytes[] =
				"\r\n\r\nHTTP/1. 23:a\t\377";
			uint8_t byte;

			random = random * 1103515245 + 12345;
			byte = (uint8_t)
				bytes[(random >> 16) % (sizeof(bytes) - 1)];
			http_connect_received(&http, &byte, 1);
		}
		assert_int_not_equal(http_connect_need(&http), SOCKS_RECEIVE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_asks_for_the_name_or_the_address),
		cmocka_unit_test(base64_is_padded_as_it_should_be),
		cmocka_unit_test(the_longest_of_all_fits),
		cmocka_unit_test(not_a_byte_of_the_stream_is_taken),
		cmocka_unit_test(a_status_is_a_refusal),
		cmocka_unit_test(a_login_that_is_refused_is_said_so),
		cmocka_unit_test(what_is_no_http_fails_at_its_first_byte),
		cmocka_unit_test(an_answer_without_an_end_fails),
		cmocka_unit_test(an_end_is_a_failure_too),
		cmocka_unit_test(any_answer_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
