// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/packet.h"

#include "common/err.h"
#include "tests/unit/relay_packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[PACKETS_SIZE];

static void assert_endpoint(const struct endpoint *endpoint, const char *text)
{
	char out[ENDPOINT_TEXT_SIZE];

	assert_string_equal(endpoint_format(endpoint, out, sizeof(out)), text);
}

static void reads_a_syn_of_ipv4(void **state)
{
	struct packet packet;
	size_t length = packets_tcp4(bytes, PACKET_TCP_SYN, 0);

	(void)state;
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	assert_endpoint(&packet.src, "198.18.0.1:40000");
	assert_endpoint(&packet.dst, "198.18.18.103:443");
	assert_int_equal(packet.protocol, PACKET_TCP);
	assert_int_equal(packet.header_length, 20);
	assert_int_equal(packet.tcp.seq, PACKETS_SEQ);
	assert_int_equal(packet.tcp.ack, 0xa0b0c0d0);
	assert_int_equal(packet.tcp.payload, 0);
	assert_true(packet_is_opening(&packet));
	assert_false(packet_is_plain_tcp(bytes, length));
}

static void reads_a_syn_of_ipv6_behind_extension_headers(void **state)
{
	struct packet packet;
	size_t length = packets_tcp6(bytes, PACKET_TCP_SYN, 5);

	(void)state;
	length = packets_extend(bytes, length, 60, 3);
	length = packets_extend(bytes, length, 51, 3);
	length = packets_extend(bytes, length, 0, 1);
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	assert_endpoint(&packet.src, "[2001:2::1]:40000");
	assert_endpoint(&packet.dst, "[2001:2::1267]:443");
	assert_int_equal(packet.header_length, 40 + 24 + 24 + 8);
	assert_int_equal(packet.tcp.payload, 5);
	assert_true(packet_is_opening(&packet));
	assert_false(packet_is_plain_tcp(bytes, length));
}

static void only_a_syn_alone_opens_a_flow(void **state)
{
	static const uint8_t others[] = {
		0,
		PACKET_TCP_ACK,
		PACKET_TCP_RST,
		PACKET_TCP_SYN | PACKET_TCP_ACK,
		PACKET_TCP_SYN | PACKET_TCP_RST,
		PACKET_TCP_SYN | PACKET_TCP_FIN,
	};
	struct packet packet;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		size_t length = packets_tcp4(bytes, others[i], 0);

		assert_int_equal(packet_parse(&packet, bytes, length), 0);
		assert_false(packet_is_opening(&packet));
	}
	/* Congestion notification is asked for with two more flags. */
	assert_int_equal(
		packet_parse(&packet, bytes,
			     packets_tcp4(bytes, 0xc0 | PACKET_TCP_SYN, 0)),
		0);
	assert_true(packet_is_opening(&packet));
}

static void plain_tcp_goes_on_unread(void **state)
{
	size_t length = packets_tcp4(bytes, PACKET_TCP_ACK, 1000);

	(void)state;
	assert_true(packet_is_plain_tcp(bytes, length));
	assert_false(packet_is_plain_tcp(bytes, 39));
	assert_false(packet_is_plain_tcp(bytes, 0));
	bytes[0] = 0x4f; /* options to the end: no flags to look at */
	assert_false(packet_is_plain_tcp(bytes, 60));

	length = packets_tcp6(bytes, PACKET_TCP_SYN | PACKET_TCP_ACK, 0);
	assert_true(packet_is_plain_tcp(bytes, length));
	assert_false(packet_is_plain_tcp(bytes, 59));
}

static void what_is_not_plain_tcp_is_looked_at(void **state)
{
	(void)state;
	assert_false(packet_is_plain_tcp(bytes, packets_udp4(bytes, 100)));
	assert_false(packet_is_plain_tcp(bytes, packets_udp6(bytes, 100)));
	assert_false(packet_is_plain_tcp(bytes, packets_icmp4(bytes, 8)));
	packets_tcp4(bytes, PACKET_TCP_ACK, 100);
	bytes[7] = 1; /* a later piece has payload where flags would be */
	assert_false(packet_is_plain_tcp(bytes, 144));
	bytes[0] = 0x55;
	assert_false(packet_is_plain_tcp(bytes, 144));
}

static void a_piece_is_no_opening(void **state)
{
	struct packet packet;
	size_t length = packets_tcp4(bytes, PACKET_TCP_SYN, 0);

	(void)state;
	bytes[6] = 0x20;
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	assert_true(packet.is_fragment);
	assert_false(packet.is_later_piece);
	assert_false(packet_is_opening(&packet));

	bytes[7] = 3;
	assert_int_equal(packet_parse(&packet, bytes, 44), 0);
	assert_true(packet.is_later_piece);
	assert_int_equal(packet.src.port, 0);
	assert_false(packet_is_opening(&packet));
}

static void pieces_of_ipv6_are_known_by_their_header(void **state)
{
	struct packet packet;
	size_t length = packets_tcp6(bytes, PACKET_TCP_SYN, 0);

	(void)state;
	length = packets_piece6(bytes, length, 0x0051);
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	assert_true(packet.is_later_piece);
	assert_int_equal(packet.protocol, PACKET_TCP);
	assert_int_equal(packet.dst.port, 0);

	/* RFC 6946: a piece that is the whole is no piece. */
	length = packets_tcp6(bytes, PACKET_TCP_SYN, 0);
	length = packets_piece6(bytes, length, 0);
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	assert_false(packet.is_fragment);
	assert_true(packet_is_opening(&packet));
}

static void a_truncated_packet_is_malformed(void **state)
{
	size_t (*const makers[])(uint8_t *, size_t) = {packets_udp4,
						       packets_udp6};
	struct packet packet;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(makers); i++) {
		size_t length = makers[i](bytes, 30);

		for (size_t cut = 0; cut < length; cut++) {
			/* On the heap, so that a sanitizer sees a step over. */
			uint8_t *copy = malloc(cut ? cut : 1);

			memcpy(copy, bytes, cut);
			assert_int_equal(packet_parse(&packet, copy, cut),
					 ERR_MALFORMED);
			assert_false(packet_is_plain_tcp(copy, cut));
			free(copy);
		}
		assert_int_equal(packet_parse(&packet, bytes, length), 0);
	}
}

static void bytes_behind_the_packet_are_left_out(void **state)
{
	struct packet packet;
	size_t length = packets_tcp4(bytes, PACKET_TCP_SYN, 7);

	(void)state;
	assert_int_equal(packet_parse(&packet, bytes, length + 50), 0);
	assert_int_equal(packet.length, length);
	assert_int_equal(packet.tcp.payload, 7);
}

static void lying_lengths_are_malformed(void **state)
{
	struct packet packet;
	size_t length = packets_tcp4(bytes, PACKET_TCP_SYN, 0);

	(void)state;
	bytes[0] = 0x44; /* a header below 20 bytes */
	assert_int_equal(packet_parse(&packet, bytes, length), ERR_MALFORMED);
	bytes[0] = 0x4f; /* a header beyond the packet */
	assert_int_equal(packet_parse(&packet, bytes, length), ERR_MALFORMED);
	packets_tcp4(bytes, PACKET_TCP_SYN, 0);
	bytes[32] = 4 << 4; /* TCP below 20 bytes */
	assert_int_equal(packet_parse(&packet, bytes, length), ERR_MALFORMED);
	bytes[32] = 15 << 4; /* options beyond the packet */
	assert_int_equal(packet_parse(&packet, bytes, length), ERR_MALFORMED);
	length = packets_tcp6(bytes, PACKET_TCP_SYN, 0);
	length = packets_extend(bytes, length, 60, 1);
	bytes[41] = 255;
	assert_int_equal(packet_parse(&packet, bytes, length), ERR_MALFORMED);
}

static void a_chain_of_extensions_ends(void **state)
{
	struct packet packet;
	size_t length = packets_tcp6(bytes, PACKET_TCP_SYN, 0);

	(void)state;
	for (int i = 0; i < 7; i++)
		length = packets_extend(bytes, length, 60, 1);
	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	length = packets_extend(bytes, length, 60, 1);
	assert_int_equal(packet_parse(&packet, bytes, length), ERR_MALFORMED);
}

/* Nothing to assert but that the sanitizers stay quiet and lengths hold. */
static void any_bytes_can_be_read(void **state)
{
	struct packet packet;
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t *copy;
		size_t length = packets_tcp6(bytes, PACKET_TCP_SYN, 20);

		length = packets_extend(bytes, length, 44, 1);
		for (int i = 0; i < 4; i++) {
			random = random * 1664525 + 1013904223;
			bytes[(random >> 8) % length] = (uint8_t)(random >> 24);
		}
		length = length * (random >> 16) >> 16;
		copy = malloc(length ? length : 1);
		memcpy(copy, bytes, length);
		if (packet_parse(&packet, copy, length) == 0) {
			assert_true(packet.length <= length);
			assert_true(packet.header_length <= packet.length);
			assert_true(packet.tcp.payload <= packet.length);
		}
		(void)packet_is_plain_tcp(copy, length);
		free(copy);
	}
}

static void groups_are_for_many(void **state)
{
	static const struct {
		const char *text;
		bool is_for_many;
	} cases[] = {
		{"224.0.0.251", true}, {"255.255.255.255", true},
		{"0.0.0.0", true},     {"198.18.0.1", false},
		{"127.0.0.1", false},  {"ff02::1", true},
		{"::", true},          {"::1", false},
		{"fe80::1", false},
	};
	struct addr addr;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(addr_parse(&addr, cases[i].text), 0);
		assert_int_equal(packet_is_for_many(&addr),
				 cases[i].is_for_many);
	}
}

static void sums_like_rfc_1071(void **state)
{
	/* The example of its section 3. */
	static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03,
					  0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	assert_int_equal(packet_sum_fold(packet_sum(0, example, 8)),
			 (uint16_t)~0xddf2);
	for (size_t length = 0; length < sizeof(bytes); length += 37)
		assert_int_equal(packet_sum_fold(packet_sum(0, bytes, length)),
				 packets_checksum(bytes, length));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_syn_of_ipv4),
		cmocka_unit_test(reads_a_syn_of_ipv6_behind_extension_headers),
		cmocka_unit_test(only_a_syn_alone_opens_a_flow),
		cmocka_unit_test(plain_tcp_goes_on_unread),
		cmocka_unit_test(what_is_not_plain_tcp_is_looked_at),
		cmocka_unit_test(a_piece_is_no_opening),
		cmocka_unit_test(pieces_of_ipv6_are_known_by_their_header),
		cmocka_unit_test(a_truncated_packet_is_malformed),
		cmocka_unit_test(bytes_behind_the_packet_are_left_out),
		cmocka_unit_test(lying_lengths_are_malformed),
		cmocka_unit_test(a_chain_of_extensions_ends),
		cmocka_unit_test(any_bytes_can_be_read),
		cmocka_unit_test(groups_are_for_many),
		cmocka_unit_test(sums_like_rfc_1071),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
