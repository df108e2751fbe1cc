// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/icmp/message.h"

#include "common/err.h"
#include "tests/unit/relay_packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ID_AT = 4, SEQ_AT = 6, DATA = 8 };

static uint8_t bytes[PACKETS_SIZE], message[PACKETS_SIZE], out[PACKETS_SIZE];
static struct packet packet;
static struct icmp_echo echo;
static struct icmp_quote quote;
static struct icmp_answer answer;

static void read_request(enum addr_family family)
{
	bool is_ipv6 = family == ADDR_IPV6;
	size_t length =
		is_ipv6 ? packets_icmp6(bytes, 128) : packets_icmp4(bytes, 8);
	uint8_t *icmp = bytes + (is_ipv6 ? 40 : 20);

	icmp[2] = 0xab; /* a checksum */
	icmp[ID_AT] = 0x12;
	icmp[ID_AT + 1] = 0x34;
	icmp[SEQ_AT + 1] = 5;
	memcpy(icmp + ICMP_HEADER_SIZE, "payload!", DATA);
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	assert_int_equal(icmp_read_echo(&packet, &echo), 0);
	icmp_quote_set(&quote, &packet, &echo);
}

static void a_request_is_read_as_it_is(void **state)
{
	(void)state;
	for (uint8_t family = ADDR_IPV4; family <= ADDR_IPV6; family += 2) {
		read_request((enum addr_family)family);
		assert_int_equal(echo.id, 0x1234);
		assert_int_equal(echo.seq, 5);
		assert_int_equal(echo.length, DATA);
		assert_memory_equal(echo.data, "payload!", DATA);
		assert_int_equal(echo.ttl, 64);
	}
}

static void nothing_else_is_a_request(void **state)
{
	(void)state;
	for (int type = 0; type < 256; type++) {
		size_t length = packets_icmp4(bytes, (uint8_t)type);

		assert_int_equal(packet_parse(&packet, bytes, length), 0);
		assert_int_equal(icmp_read_echo(&packet, &echo),
				 type == 8 ? 0 : ERR_MALFORMED);
		length = packets_icmp6(bytes, (uint8_t)type);
		assert_int_equal(packet_parse(&packet, bytes, length), 0);
		assert_int_equal(icmp_read_echo(&packet, &echo),
				 type == 128 ? 0 : ERR_MALFORMED);
	}
}

static void what_leaves_has_a_right_checksum(void **state)
{
	size_t length;

	(void)state;
	read_request(ADDR_IPV4);
	length = icmp_build_request(message, sizeof(message), ADDR_IPV4, &echo);
	assert_int_equal(length, ICMP_HEADER_SIZE + DATA);
	assert_int_equal(message[0], 8);
	assert_int_equal(packets_checksum(message, length), 0);
	assert_int_equal(
		icmp_build_request(message, length - 1, ADDR_IPV4, &echo), 0);
	read_request(ADDR_IPV6);
	assert_int_equal(
		icmp_build_request(message, sizeof(message), ADDR_IPV6, &echo),
		length);
	assert_int_equal(message[0], 128);
}

/* What a raw socket gets: the request turned into a reply. */
static size_t make_reply(enum addr_family family)
{
	size_t at = family == ADDR_IPV4 ? 20 : 0;
	size_t length;

	memset(message, 0, sizeof(message));
	if (at > 0) {
		message[0] = 0x45;
		message[8] = 57;
	}
	echo.id = 0x9999; /* the one that it was sent with */
	length = icmp_build_request(message + at, sizeof(message) - at, family,
				    &echo);
	message[at] = family == ADDR_IPV4 ? 0 : 129;
	if (family == ADDR_IPV4) {
		message[at + 2] = message[at + 3] = 0;
		uint16_t sum = packets_checksum(message + at, length);
		message[at + 2] = (uint8_t)(sum >> 8);
		message[at + 3] = (uint8_t)sum;
	}
	return at + length;
}

static void a_reply_comes_from_the_address_that_was_asked(void **state)
{
	struct packet reply;
	size_t length;

	(void)state;
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		enum addr_family family = (enum addr_family)f;

		read_request(family);
		length = make_reply(family);
		assert_int_equal(
			icmp_read_answer(&answer, family, message, length), 0);
		assert_false(answer.is_error);
		assert_int_equal(answer.id, 0x9999);
		length = icmp_build_reply(out, sizeof(out), &quote, &answer);
		assert_int_equal(packet_parse(&reply, out, length), 0);
		assert_true(addr_equal(&reply.src.addr, &packet.dst.addr));
		assert_true(addr_equal(&reply.dst.addr, &packet.src.addr));
		assert_int_equal(reply.icmp.type,
				 family == ADDR_IPV4 ? 0 : 129);
		/* The application's id, and its payload. */
		assert_memory_equal(out + reply.header_length + ID_AT,
				    "\x12\x34\x00\x05payload!", 12);
		if (family == ADDR_IPV4) {
			assert_int_equal(out[8], 57);
			assert_int_equal(packets_checksum(out, 20), 0);
			assert_int_equal(
				packets_checksum(out + 20, length - 20), 0);
		} else {
			assert_int_equal(packets_transport_checksum(&reply), 0);
		}
		assert_int_equal(
			icmp_build_reply(out, length - 1, &quote, &answer), 0);
	}
}

/* Time exceeded, with the request as it travelled: real address, own id. */
static size_t make_error(enum addr_family family, const struct addr *real)
{
	size_t at = family == ADDR_IPV4 ? 20 : 0, ip = at + ICMP_HEADER_SIZE;
	size_t header = family == ADDR_IPV4 ? 20 : 40;
	uint8_t *quoted = message + ip;
	uint16_t sum;

	memset(message, 0, sizeof(message));
	message[0] = 0x45;
	message[at] = family == ADDR_IPV4 ? 11 : 3;
	quoted[0] = family == ADDR_IPV4 ? 0x45 : 0x60;
	quoted[family == ADDR_IPV4 ? 9 : 6] =
		family == ADDR_IPV4 ? PACKET_ICMP : PACKET_ICMPV6;
	memcpy(quoted + (family == ADDR_IPV4 ? 16 : 24), real->bytes,
	       addr_size(real));
	quoted[header] = family == ADDR_IPV4 ? 8 : 128;
	quoted[header + ID_AT] = 0x99;
	quoted[header + SEQ_AT + 1] = 5;
	if (family == ADDR_IPV4) {
		sum = packets_checksum(message + at, 8 + header + 8);
		message[at + 2] = (uint8_t)(sum >> 8);
		message[at + 3] = (uint8_t)sum;
	}
	return ip + header + 8;
}

static void an_error_quotes_what_the_application_sent(void **state)
{
	struct packet error, quoted;
	size_t length;

	(void)state;
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		enum addr_family family = (enum addr_family)f;
		struct addr real = {.family = f, .bytes = {203, 0, 113, 7}};
		struct addr router = {.family = f, .bytes = {192, 0, 2, 1}};

		read_request(family);
		length = make_error(family, &real);
		assert_int_equal(
			icmp_read_answer(&answer, family, message, length), 0);
		assert_true(answer.is_error);
		assert_true(addr_equal(&answer.dst, &real));
		assert_int_equal(answer.id, 0x9900);
		assert_int_equal(answer.seq, 5);
		length = icmp_build_error(out, sizeof(out), &quote, &router,
					  &answer);
		assert_int_equal(packet_parse(&error, out, length), 0);
		assert_true(addr_equal(&error.src.addr, &router));
		assert_true(addr_equal(&error.dst.addr, &packet.src.addr));
		if (family == ADDR_IPV6)
			assert_int_equal(packets_transport_checksum(&error), 0);
		/* What is quoted says how long it was, not how long it is. */
		memcpy(message, out + error.header_length + 8, 48);
		memset(message + 48, 0, 64);
		assert_int_equal(packet_parse(&quoted, message, 112), 0);
		assert_true(addr_equal(&quoted.dst.addr, &packet.dst.addr));
		assert_int_equal(quoted.length, packet.length);
		assert_memory_equal(message + quoted.header_length + 2,
				    bytes + packet.header_length + 2, 6);
	}
}

static void nothing_is_read_beyond_the_end(void **state)
{
	struct addr real = {.family = ADDR_IPV4, .bytes = {203, 0, 113, 7}};
	size_t length;

	(void)state;
	read_request(ADDR_IPV4);
	length = make_error(ADDR_IPV4, &real);
	for (size_t n = 0; n < length; n++)
		assert_int_equal(
			icmp_read_answer(&answer, ADDR_IPV4, message, n),
			ERR_MALFORMED);
	real.family = ADDR_IPV6;
	length = make_error(ADDR_IPV6, &real);
	for (size_t n = 0; n < length; n++)
		assert_int_equal(
			icmp_read_answer(&answer, ADDR_IPV6, message, n),
			ERR_MALFORMED);
}

static void a_damaged_answer_is_nobodys(void **state)
{
	size_t length;

	(void)state;
	read_request(ADDR_IPV4);
	length = make_reply(ADDR_IPV4);
	message[length - 1] ^= 1;
	assert_int_equal(icmp_read_answer(&answer, ADDR_IPV4, message, length),
			 ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_as_it_is),
		cmocka_unit_test(nothing_else_is_a_request),
		cmocka_unit_test(what_leaves_has_a_right_checksum),
		cmocka_unit_test(a_reply_comes_from_the_address_that_was_asked),
		cmocka_unit_test(an_error_quotes_what_the_application_sent),
		cmocka_unit_test(nothing_is_read_beyond_the_end),
		cmocka_unit_test(a_damaged_answer_is_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
