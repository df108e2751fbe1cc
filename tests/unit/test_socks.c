// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/socks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct socks socks;

static struct socks_target target_by_address(const char *text)
{
	struct socks_target target = {.name = NULL};

	assert_int_equal(endpoint_parse(&target.endpoint, text, 0), 0);
	return target;
}

static struct socks_target target_by_name(struct name *name, const char *text)
{
	struct socks_target target = {.name = name, .endpoint.port = 443};

	assert_int_equal(name_parse(name, text), 0);
	return target;
}

/* What the machine sends now is this, sent in pieces of `piece` bytes. */
static void expect_output(const void *bytes, size_t length, size_t piece)
{
	size_t done = 0;

	while (socks_need(&socks) == SOCKS_SEND) {
		size_t left;
		const uint8_t *out = socks_output(&socks, &left);
		size_t now = left < piece ? left : piece;

		assert_true(left > 0);
		assert_true(done + now <= length);
		assert_memory_equal(out, (const uint8_t *)bytes + done, now);
		socks_sent(&socks, now);
		done += now;
	}
	assert_int_equal(done, length);
}

/*
 * The server has `length` bytes for us, which arrive in pieces; returns how
 * many the machine took before it wanted no more.
 */
static size_t feed(const void *bytes, size_t length, size_t piece)
{
	size_t done = 0;

	while (socks_need(&socks) == SOCKS_RECEIVE && done < length) {
		size_t room, now = piece;
		uint8_t *in = socks_input(&socks, &room);

		assert_true(room > 0);
		if (now > room)
			now = room;
		if (now > length - done)
			now = length - done;
		memcpy(in, (const uint8_t *)bytes + done, now);
		socks_received(&socks, now);
		done += now;
	}
	return done;
}

static void start(const char *address)
{
	struct socks_target target = target_by_address(address);

	assert_int_equal(socks_start(&socks, &target, NULL), 0);
	expect_output("\5\1\0", 3, 3);
}

static void start_asking(void)
{
	start("192.0.2.1:80");
	assert_int_equal(feed("\5\0", 2, 2), 2);
	expect_output("\5\1\0\1\300\0\2\1\0\120", 10, 10);
}

static void expect_failure(enum refusal refusal)
{
	assert_int_equal(socks_need(&socks), SOCKS_FAILED);
	assert_int_equal(socks_refusal(&socks), refusal);
	assert_non_null(socks_reason(&socks));
}

static void a_name_goes_to_the_server(void **state)
{
	struct name name;
	struct socks_target target = target_by_name(&name, "www.example.com");

	(void)state;
	for (size_t piece = 1; piece <= 32; piece++) {
		assert_int_equal(socks_start(&socks, &target, NULL), 0);
		expect_output("\5\1\0", 3, piece);
		assert_int_equal(feed("\5\0", 2, piece), 2);
		expect_output("\5\1\0\3\17www.example.com\1\273", 22, piece);
		assert_int_equal(feed("\5\0\0\1\0\0\0\0\0\0", 10, piece), 10);
		assert_int_equal(socks_need(&socks), SOCKS_DONE);
	}
}

static void an_address_goes_as_an_address(void **state)
{
	(void)state;
	start_asking();
	start("[2001:db8::1]:443");
	assert_int_equal(feed("\5\0", 2, 1), 2);
	expect_output("\5\1\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\273", 22,
		      5);
}

static void logs_in_when_asked_to(void **state)
{
	static const struct socks_login login = {"user", "secret"};
	struct socks_target target = target_by_address("192.0.2.1:80");

	(void)state;
	for (size_t piece = 1; piece < 16; piece++) {
		assert_int_equal(socks_start(&socks, &target, &login), 0);
		expect_output("\5\2\0\2", 4, piece);
		assert_int_equal(feed("\5\2", 2, piece), 2);
		expect_output("\1\4user\6secret", 13, piece);
		assert_int_equal(feed("\1\0", 2, piece), 2);
		expect_output("\5\1\0\1\300\0\2\1\0\120", 10, piece);
	}
}

static void a_server_may_waive_the_login(void **state)
{
	static const struct socks_login login = {"user", ""};
	struct socks_target target = target_by_address("192.0.2.1:80");

	(void)state;
	assert_int_equal(socks_start(&socks, &target, &login), 0);
	expect_output("\5\2\0\2", 4, 4);
	assert_int_equal(feed("\5\0", 2, 2), 2);
	expect_output("\5\1\0\1\300\0\2\1\0\120", 10, 10);
}

static void a_wrong_login_is_prohibited(void **state)
{
	static const struct socks_login login = {"user", "wrong"};
	struct socks_target target = target_by_address("192.0.2.1:80");

	(void)state;
	assert_int_equal(socks_start(&socks, &target, &login), 0);
	expect_output("\5\2\0\2", 4, 4);
	assert_int_equal(feed("\5\2", 2, 2), 2);
	expect_output("\1\4user\5wrong", 12, 12);
	assert_int_equal(feed("\1\1", 2, 2), 2);
	expect_failure(REFUSAL_PROHIBITED);
	assert_true(socks_is_servers_fault(&socks));
}

static void no_acceptable_method_is_prohibited(void **state)
{
	(void)state;
	start("192.0.2.1:80");
	assert_int_equal(feed("\5\377", 2, 2), 2);
	expect_failure(REFUSAL_PROHIBITED);
}

static void a_method_that_was_not_offered_fails(void **state)
{
	(void)state;
	start("192.0.2.1:80");
	assert_int_equal(feed("\5\2", 2, 2), 2);
	expect_failure(REFUSAL_NET);
	start("192.0.2.1:80");
	assert_int_equal(feed("\5\1", 2, 2), 2);
	expect_failure(REFUSAL_NET);
}

static void another_protocol_fails(void **state)
{
	(void)state;
	start("192.0.2.1:80");
	assert_int_equal(feed("HTTP/1.1 400", 12, 12), 2);
	expect_failure(REFUSAL_NET);
	start_asking();
	assert_int_equal(feed("\4\0\0\1\0\0\0\0\0\0", 10, 10), 5);
	expect_failure(REFUSAL_NET);
}

static void the_stream_behind_the_reply_is_left_alone(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} answers[] = {
		{"\5\0\0\1\1\2\3\4\0\120", 10},
		{"\5\0\0\4aaaabbbbccccdddd\0\120", 22},
		{"\5\0\0\3\0\0\120", 7},
		{"\5\0\0\3\1a\0\120", 8},
		{"\5\0\377\3\7site.me\0\120", 14},
	};
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		size_t length = answers[i].length;

		for (size_t piece = 1; piece <= 32; piece++) {
			start_asking();
			memcpy(bytes, answers[i].bytes, length);
			memcpy(bytes + length, "220 hello\r\n", 11);
			assert_int_equal(feed(bytes, length + 11, piece),
					 length);
			assert_int_equal(socks_need(&socks), SOCKS_DONE);
		}
	}
}

static void each_reply_has_its_refusal(void **state)
{
	static const enum refusal wanted[] = {
		[1] = REFUSAL_HOST,       [2] = REFUSAL_PROHIBITED,
		[3] = REFUSAL_NET,        [4] = REFUSAL_HOST,
		[5] = REFUSAL_RESET,      [6] = REFUSAL_HOST,
		[7] = REFUSAL_PROHIBITED, [8] = REFUSAL_HOST,
		[9] = REFUSAL_HOST,
	};

	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(wanted); i++) {
		uint8_t reply[10] = {5, (uint8_t)i, 0, 1};

		start_asking();
		feed(reply, sizeof(reply), 10);
		expect_failure(wanted[i]);
		assert_false(socks_is_servers_fault(&socks));
	}
	start_asking();
	feed("\5\377\0\1\0\0\0\0\0\0", 10, 10);
	expect_failure(REFUSAL_HOST);
}

static void a_short_refusal_is_one_all_the_same(void **state)
{
	(void)state;
	start_asking();
	assert_int_equal(feed("\5\5", 2, 2), 2);
	assert_int_equal(socks_need(&socks), SOCKS_RECEIVE);
	socks_ended(&socks);
	expect_failure(REFUSAL_RESET);
}

static void hanging_up_is_told(void **state)
{
	(void)state;
	start("192.0.2.1:80");
	socks_ended(&socks);
	expect_failure(REFUSAL_NET);
	start_asking();
	socks_ended(&socks);
	expect_failure(REFUSAL_HOST);
	start_asking();
	feed("\5\0\0\1\0\0\0", 7, 7);
	socks_ended(&socks);
	expect_failure(REFUSAL_HOST);
}

static void an_unknown_address_type_fails(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		uint8_t reply[5] = {5, 0, 0, (uint8_t)type, 0};

		start_asking();
		feed(reply, sizeof(reply), 5);
		if (type == 1 || type == 3 || type == 4)
			assert_int_equal(socks_need(&socks), SOCKS_RECEIVE);
		else
			expect_failure(REFUSAL_NET);
	}
}

static void names_that_cannot_be_sent_are_refused(void **state)
{
	static const char *const texts[] = {".", "a\\.b.example",
					    "a\\000b.example", "\\255.example"};
	struct name name;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct socks_target target = target_by_name(&name, texts[i]);

		assert_int_equal(socks_start(&socks, &target, NULL), -EINVAL);
	}
}

static void the_longest_name_fits(void **state)
{
	static char text[256];
	struct name name;
	struct socks_target target;
	size_t length;

	(void)state;
	memset(text, 'a', 253);
	text[63] = text[127] = text[191] = '.';
	target = target_by_name(&name, text);
	assert_int_equal(socks_start(&socks, &target, NULL), 0);
	expect_output("\5\1\0", 3, 3);
	feed("\5\0", 2, 2);
	socks_output(&socks, &length);
	assert_int_equal(length, 4 + 1 + 253 + 2);
}

static void a_login_that_is_too_long_is_refused(void **state)
{
	static char text[257];
	struct socks_target target = target_by_address("192.0.2.1:80");
	struct socks_login login = {text, text};
	size_t length;

	(void)state;
	assert_int_equal(socks_start(&socks, &target, &login), -EINVAL);
	memset(text, 'a', 255);
	assert_int_equal(socks_start(&socks, &target, &login), 0);
	expect_output("\5\2\0\2", 4, 4);
	feed("\5\2", 2, 2);
	socks_output(&socks, &length);
	assert_int_equal(length, 513);
	text[255] = 'a';
	assert_int_equal(socks_start(&socks, &target, &login), -EINVAL);
}

static void everything_fits_in_one_packet(void **state)
{
	static char text[256], label[64];
	char host[254];
	struct socks_login login = {text, text};
	struct socks_target target;
	struct name name;
	size_t length;

	(void)state;
	memset(text, 'a', 255);
	memset(label, 'b', 63);
	snprintf(host, sizeof(host), "%s.%s.%s.%.61s", label, label, label,
		 label);
	target = target_by_name(&name, host);
	assert_int_equal(socks_start(&socks, &target, &login), 0);
	socks_pipeline(&socks);
	socks_output(&socks, &length);
	assert_int_equal(length, 3 + 513 + 4 + 1 + 253 + 2);
	assert_true(length <= SOCKS_OUTPUT_MAX);
}

static void start_pipelined(const struct socks_login *login)
{
	struct socks_target target = target_by_address("192.0.2.1:80");

	assert_int_equal(socks_start(&socks, &target, login), 0);
	socks_pipeline(&socks);
	if (login)
		expect_output("\5\1\2\1\1u\1p\5\1\0\1\300\0\2\1\0\120", 18, 7);
	else
		expect_output("\5\1\0\5\1\0\1\300\0\2\1\0\120", 13, 4);
}

static void pipelined_it_only_listens(void **state)
{
	const struct socks_login login = {"u", "p"};

	(void)state;
	start_pipelined(NULL);
	assert_false(socks_is_greeted(&socks));
	assert_int_equal(feed("\5\0\5\0\0\1\0\0\0\0\0\0more", 16, 5), 12);
	assert_int_equal(socks_need(&socks), SOCKS_DONE);
	assert_true(socks_is_answered(&socks));
	start_pipelined(&login);
	assert_int_equal(feed("\5\2\1\0\5\0\0\1\0\0\0\0\0\0", 14, 14), 14);
	assert_int_equal(socks_need(&socks), SOCKS_DONE);
	start_pipelined(&login);
	assert_int_equal(feed("\5\2\1\1", 4, 4), 4);
	assert_int_equal(socks_need(&socks), SOCKS_FAILED);
	assert_false(socks_is_answered(&socks));
	/* A method that was not offered: the login would be the request. */
	start_pipelined(&login);
	assert_int_equal(feed("\5\0", 2, 2), 2);
	assert_int_equal(socks_need(&socks), SOCKS_FAILED);
	start_pipelined(NULL);
	assert_int_equal(feed("\5\0\5\5\0\1\0", 7, 7), 7);
	assert_int_equal(socks_refusal(&socks), REFUSAL_RESET);
	assert_true(socks_is_answered(&socks));
}

static void without_a_target_the_greeting_is_all(void **state)
{
	const struct socks_login login = {"u", "p"};

	(void)state;
	assert_int_equal(socks_start_greeting(&socks, NULL), 0);
	expect_output("\5\1\0", 3, 3);
	feed("\5\0", 2, 2);
	assert_int_equal(socks_need(&socks), SOCKS_DONE);
	assert_int_equal(socks_start_greeting(&socks, &login), 0);
	expect_output("\5\2\0\2", 4, 4);
	feed("\5\2", 2, 2);
	expect_output("\1\1u\1p", 5, 5);
	feed("\1\0", 2, 2);
	assert_int_equal(socks_need(&socks), SOCKS_DONE);
}

/* One step with a server that says something at random. */
static void step_at_random(uint32_t *random)
{
	size_t room;

	if (socks_need(&socks) == SOCKS_SEND) {
		socks_output(&socks, &room);
		socks_sent(&socks, room);
		return;
	}
	*random = *random * 1664525 + 1013904223;
	*socks_input(&socks, &room) = (*random >> 30)
					      ? (uint8_t)(*random >> 24) % 6
					      : (uint8_t)(*random >> 20);
	socks_received(&socks, 1);
}

/* Whatever a server says, the machine ends and stays within its buffers. */
static void expect_bound(const void *reply, size_t length, const char *text)
{
	struct endpoint bound, expected;

	assert_int_equal(socks_start_udp(&socks, NULL), 0);
	expect_output("\5\1\0", 3, 3);
	assert_int_equal(feed("\5\0", 2, 2), 2);
	expect_output("\5\3\0\1\0\0\0\0\0\0", 10, 3);
	assert_int_equal(feed(reply, length, 4), length);
	assert_int_equal(socks_need(&socks), SOCKS_DONE);
	bound = socks_bound(&socks);
	assert_int_equal(endpoint_parse(&expected, text, 0), 0);
	if (bound.addr.family == ADDR_NONE)
		assert_int_equal(bound.port, expected.port);
	else
		assert_true(endpoint_equal(&bound, &expected));
}

static void an_association_tells_where_it_is(void **state)
{
	(void)state;
	expect_bound("\5\0\0\1\300\0\2\1\37\220", 10, "192.0.2.1:8080");
	expect_bound("\5\0\0\4\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\0\65", 22,
		     "[2001:db8::1]:53");
	expect_bound("\5\0\0\3\3abc\0\65", 10, "0.0.0.0:53");
	assert_int_equal(socks_bound(&socks).addr.family, ADDR_NONE);
}

static void a_server_without_udp_is_known(void **state)
{
	(void)state;
	for (char reply = 1; reply < 9; reply++) {
		const char bytes[] = {5, reply, 0, 1, 0, 0, 0, 0, 0, 0};

		assert_int_equal(socks_start_udp(&socks, NULL), 0);
		expect_output("\5\1\0", 3, 3);
		assert_int_equal(feed("\5\0", 2, 2), 2);
		expect_output("\5\3\0\1\0\0\0\0\0\0", 10, 10);
		feed(bytes, sizeof(bytes), 10);
		assert_int_equal(socks_need(&socks), SOCKS_FAILED);
		assert_int_equal(socks_is_unsupported(&socks), reply == 7);
	}
	/* OpenSSH just hangs up. */
	assert_int_equal(socks_start_udp(&socks, NULL), 0);
	expect_output("\5\1\0", 3, 3);
	assert_int_equal(feed("\5\0", 2, 2), 2);
	expect_output("\5\3\0\1\0\0\0\0\0\0", 10, 10);
	socks_ended(&socks);
	assert_true(socks_is_unsupported(&socks));
}

static void any_answer_ends(void **state)
{
	static const struct socks_login login = {"user", "secret"};
	struct socks_target target = target_by_address("192.0.2.1:80");
	uint32_t random = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		int steps = 0;

		assert_int_equal(socks_start(&socks, &target, &login), 0);
		while (socks_need(&socks) <= SOCKS_RECEIVE) {
			assert_true(++steps < 700);
			step_at_random(&random);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_goes_to_the_server),
		cmocka_unit_test(an_address_goes_as_an_address),
		cmocka_unit_test(logs_in_when_asked_to),
		cmocka_unit_test(a_server_may_waive_the_login),
		cmocka_unit_test(a_wrong_login_is_prohibited),
		cmocka_unit_test(no_acceptable_method_is_prohibited),
		cmocka_unit_test(a_method_that_was_not_offered_fails),
		cmocka_unit_test(another_protocol_fails),
		cmocka_unit_test(the_stream_behind_the_reply_is_left_alone),
		cmocka_unit_test(each_reply_has_its_refusal),
		cmocka_unit_test(a_short_refusal_is_one_all_the_same),
		cmocka_unit_test(hanging_up_is_told),
		cmocka_unit_test(an_unknown_address_type_fails),
		cmocka_unit_test(names_that_cannot_be_sent_are_refused),
		cmocka_unit_test(the_longest_name_fits),
		cmocka_unit_test(a_login_that_is_too_long_is_refused),
		cmocka_unit_test(an_association_tells_where_it_is),
		cmocka_unit_test(a_server_without_udp_is_known),
		cmocka_unit_test(everything_fits_in_one_packet),
		cmocka_unit_test(pipelined_it_only_listens),
		cmocka_unit_test(without_a_target_the_greeting_is_all),
		cmocka_unit_test(any_answer_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
