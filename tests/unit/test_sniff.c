// SPDX-License-Identifier: BSD-2-Clause
/* Names out of what a client says first: TLS, HTTP, QUIC. */
#include "common/cursor.h"
#include "routed/relay/sniff/client_hello.h"
#include "routed/relay/sniff/quic.h"
#include "tests/unit/quic_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ECH = 0xfe0d, PADDING = 21, BOTH = SNIFF_TLS | SNIFF_HTTP };

static struct name name;

static void expect_name(enum sniff_result result, const char *wanted)
{
	char text[NAME_TEXT_SIZE];

	assert_int_equal(result, SNIFF_NAMED);
	assert_string_equal(name_format(&name, text, sizeof(text)), wanted);
}

/* A ClientHello; `more` bytes of the extension `type` before its name. */
struct hello {
	const char *host;
	unsigned type;
	size_t more;
};

static size_t make_hello(const struct hello *hello, uint8_t *out)
{
	struct writer writer = writer_of(out, SNIFF_SIZE_MAX);
	size_t host = strlen(hello->host);
	size_t extensions = 4 + hello->more + (host > 0 ? 4 + 2 + 3 + host : 0);

	writer_u32(&writer,
		   1U << 24 | (uint32_t)(2 + 32 + 1 + 4 + 2 + 2 + extensions));
	writer_u16(&writer, 0x0303);
	for (int i = 0; i < 8; i++)
		writer_u32(&writer, 0x01020304);
	writer_u8(&writer, 0);
	writer_u16(&writer, 2);
	writer_u16(&writer, 0x1301);
	writer_u16(&writer, 0x0100);
	writer_u16(&writer, (unsigned)extensions);
	writer_u16(&writer, hello->type);
	writer_u16(&writer, (unsigned)hello->more);
	for (size_t i = 0; i < hello->more; i++)
		writer_u8(&writer, 0);
	if (host > 0) {
		writer_u16(&writer, 0);
		writer_u16(&writer, (unsigned)(5 + host));
		writer_u16(&writer, (unsigned)(3 + host));
		writer_u8(&writer, 0);
		writer_u16(&writer, (unsigned)host);
		writer_bytes(&writer, hello->host, host);
	}
	assert_false(writer.has_failed);
	return writer_length(&writer);
}

/* The same in records of that many bytes. */
static size_t make_records(const struct hello *hello, size_t record,
			   uint8_t *out)
{
	static uint8_t bytes[SNIFF_SIZE_MAX];
	struct writer writer = writer_of(out, 2 * SNIFF_SIZE_MAX);
	size_t length = make_hello(hello, bytes);

	for (size_t at = 0; at < length; at += record) {
		size_t size = length - at < record ? length - at : record;

		writer_u8(&writer, 22);
		writer_u16(&writer, 0x0301);
		writer_u16(&writer, (unsigned)size);
		writer_bytes(&writer, bytes + at, size);
	}
	return writer_length(&writer);
}

static uint8_t stream[2 * SNIFF_SIZE_MAX];

static const struct hello plain = {"Site.Example", PADDING, 600};

static void tls_says_its_name_at_the_last_byte(void **state)
{
	size_t length = make_records(&plain, 16000, stream);

	(void)state;
	for (size_t i = 0; i < length; i++)
		assert_int_equal(sniff_stream(BOTH, stream, i, &name),
				 SNIFF_SHORT);
	expect_name(sniff_stream(BOTH, stream, length, &name), "site.example");
	/* What follows does not matter. */
	stream[length] = 0xff;
	expect_name(sniff_stream(BOTH, stream, length + 1, &name),
		    "site.example");
}

static void a_hello_may_be_cut_into_records(void **state)
{
	static const size_t sizes[] = {1, 3, 4, 100};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t length = make_records(&plain, sizes[i], stream);

		assert_int_equal(sniff_stream(BOTH, stream, length - 1, &name),
				 SNIFF_SHORT);
		expect_name(sniff_stream(BOTH, stream, length, &name),
			    "site.example");
	}
}

static void a_name_beside_ech_is_not_trusted(void **state)
{
	const struct hello outer = {"public.example", ECH, 200};
	const struct hello control = {"public.example", ECH + 1, 200};
	size_t length = make_records(&outer, 16000, stream);

	(void)state;
	assert_int_equal(sniff_stream(BOTH, stream, length, &name),
			 SNIFF_NAMELESS);
	length = make_records(&control, 16000, stream);
	expect_name(sniff_stream(BOTH, stream, length, &name),
		    "public.example");
}

static void what_is_no_name_is_none(void **state)
{
	static const char *const hosts[] = {"", ".", "192.0.2.1", "a..b",
					    "2001:db8::1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		const struct hello hello = {hosts[i], PADDING, 0};
		size_t length = make_records(&hello, 16000, stream);

		assert_int_equal(sniff_stream(BOTH, stream, length, &name),
				 SNIFF_NAMELESS);
	}
}

static void lengths_that_lie_are_no_name(void **state)
{
	static uint8_t bent[2 * SNIFF_SIZE_MAX];
	size_t length = make_records(&plain, 16000, stream);

	(void)state;
	/* Whatever a byte is, the answer is one of three. */
	for (size_t i = 5; i < length; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bent, stream, length);
			bent[i] ^= (uint8_t)(1U << bit);
			(void)sniff_stream(BOTH, bent, length, &name);
		}
	}
}

static void more_than_is_looked_at_is_nameless(void **state)
{
	const struct hello large = {"site.example", PADDING, 16000};
	size_t length = make_hello(&large, stream);

	(void)state;
	expect_name(client_hello_name(stream, length, &name), "site.example");
	stream[1] = 1; /* more than 64 KiB */
	assert_int_equal(client_hello_name(stream, length, &name),
			 SNIFF_NAMELESS);
	memset(stream, 'A', sizeof(stream));
	memcpy(stream, "GET /", 5);
	assert_int_equal(sniff_stream(BOTH, stream, SNIFF_SIZE_MAX - 1, &name),
			 SNIFF_SHORT);
	assert_int_equal(sniff_stream(BOTH, stream, SNIFF_SIZE_MAX, &name),
			 SNIFF_NAMELESS);
}

static enum sniff_result say(const char *text)
{
	return sniff_stream(BOTH, (const uint8_t *)text, strlen(text), &name);
}

static void http_says_its_host(void **state)
{
	(void)state;
	expect_name(say("GET / HTTP/1.1\r\nHost: site.example\r\n"),
		    "site.example");
	expect_name(say("POST /a b HTTP/1.0\r\nA: b\r\nhOsT:Site.Example:8080 "
			"\r\n\r\n"),
		    "site.example");
	expect_name(say("GET / HTTP/1.1\nHost: bare.example\n"),
		    "bare.example");
	assert_int_equal(say("GE"), SNIFF_SHORT);
	assert_int_equal(say("GET / HTTP/1.1\r\nHost: site.exam"), SNIFF_SHORT);
	assert_int_equal(say("GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n"),
			 SNIFF_NAMELESS);
	assert_int_equal(say("GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n"),
			 SNIFF_NAMELESS);
	assert_int_equal(say("GET / HTTP/1.1\r\nA: b\r\n\r\n"), SNIFF_NAMELESS);
}

static void other_protocols_are_nameless_at_once(void **state)
{
	static const char *const texts[] = {
		"SSH-2.0-OpenSSH\r\n",
		"NICK somebody\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"\x13"
		"BitTorrent protocol",
		"hello",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(say(texts[i]), SNIFF_NAMELESS);
	assert_int_equal(say(""), SNIFF_SHORT);
}

static void only_what_is_asked_for_is_looked_at(void **state)
{
	size_t length = make_records(&plain, 16000, stream);
	static const char get[] = "GET / HTTP/1.1\r\nHost: a.example\r\n";

	(void)state;
	assert_int_equal(sniff_stream(SNIFF_HTTP, stream, length, &name),
			 SNIFF_NAMELESS);
	assert_int_equal(sniff_stream(SNIFF_TLS, (const uint8_t *)get,
				      sizeof(get) - 1, &name),
			 SNIFF_NAMELESS);
}

static void servers_that_speak_first_are_not_waited_for(void **state)
{
	(void)state;
	assert_true(sniff_is_hopeless(22));
	assert_true(sniff_is_hopeless(25));
	assert_false(sniff_is_hopeless(443));
	assert_false(sniff_is_hopeless(80));
}

#ifdef HAVE_NETTLE
static struct quic_hello quic;

static size_t unhex(const char *text, uint8_t *out)
{
	size_t length = strlen(text) / 2;

	for (size_t i = 0; i < length; i++) {
		const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return length;
}

static bool add(const char *text)
{
	uint8_t bytes[QUIC_DATAGRAM_MAX];

	return quic_hello_add(&quic, bytes, unhex(text, bytes));
}

static void initial_packets_of_the_rfcs_are_read(void **state)
{
	(void)state;
	quic_hello_init(&quic);
	assert_true(add(QUIC_V1_INITIAL));
	expect_name(quic_hello_name(&quic, &name), "example.com");
	quic_hello_init(&quic);
	assert_true(add(QUIC_V2_INITIAL));
	expect_name(quic_hello_name(&quic, &name), "example.com");
}

static void frames_come_in_any_order(void **state)
{
	(void)state;
	quic_hello_init(&quic);
	assert_true(add(QUIC_SPLIT_SECOND));
	assert_int_equal(quic_hello_name(&quic, &name), SNIFF_SHORT);
	assert_true(add(QUIC_SPLIT_FIRST));
	expect_name(quic_hello_name(&quic, &name), "split.example");
}

static void what_was_changed_on_the_way_is_not_read(void **state)
{
	uint8_t bytes[QUIC_DATAGRAM_MAX];
	size_t length = unhex(QUIC_V1_INITIAL, bytes);

	(void)state;
	for (size_t i = 0; i < length; i++) {
		quic_hello_init(&quic);
		bytes[i] ^= 1;
		assert_false(quic_hello_add(&quic, bytes, length));
		bytes[i] ^= 1;
		assert_false(quic_hello_add(&quic, bytes, i));
	}
	quic_hello_init(&quic);
	assert_true(quic_hello_add(&quic, bytes, length));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_says_its_name_at_the_last_byte),
		cmocka_unit_test(a_hello_may_be_cut_into_records),
		cmocka_unit_test(a_name_beside_ech_is_not_trusted),
		cmocka_unit_test(what_is_no_name_is_none),
		cmocka_unit_test(lengths_that_lie_are_no_name),
		cmocka_unit_test(more_than_is_looked_at_is_nameless),
		cmocka_unit_test(http_says_its_host),
		cmocka_unit_test(other_protocols_are_nameless_at_once),
		cmocka_unit_test(only_what_is_asked_for_is_looked_at),
		cmocka_unit_test(servers_that_speak_first_are_not_waited_for),
#ifdef HAVE_NETTLE
		cmocka_unit_test(initial_packets_of_the_rfcs_are_read),
		cmocka_unit_test(frames_come_in_any_order),
		cmocka_unit_test(what_was_changed_on_the_way_is_not_read),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
