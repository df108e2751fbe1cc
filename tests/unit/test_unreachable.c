// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/unreachable.h"

#include "tests/unit/relay_packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[PACKETS_SIZE];
static uint8_t out[UNREACHABLE_SIZE_MAX];

/* Builds the answer to what lies in `bytes` and reads it back. */
static size_t answer(struct packet *back, size_t length, enum refusal refusal)
{
	struct packet packet;
	size_t size;

	assert_int_equal(packet_parse(&packet, bytes, length), 0);
	size = unreachable_build(out, &packet, refusal);
	if (size == 0)
		return 0;
	assert_int_equal(packet_parse(back, out, size), 0);
	assert_int_equal(back->length, size);
	assert_true(addr_equal(&back->src.addr, &packet.dst.addr));
	assert_true(addr_equal(&back->dst.addr, &packet.src.addr));
	if (back->src.addr.family == ADDR_IPV4)
		assert_int_equal(packets_checksum(out, 20), 0);
	if (back->protocol == PACKET_ICMP)
		assert_int_equal(packets_checksum(out + 20, size - 20), 0);
	else
		assert_int_equal(packets_transport_checksum(back), 0);
	return size;
}

static void a_refused_syn_gets_a_reset(void **state)
{
	size_t (*const makers[])(uint8_t *, uint8_t, size_t) = {packets_tcp4,
								packets_tcp6};
	struct packet back;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(makers); i++) {
		size_t length = makers[i](bytes, PACKET_TCP_SYN, 0);

		assert_true(answer(&back, length, REFUSAL_RESET) > 0);
		assert_int_equal(back.tcp.flags,
				 PACKET_TCP_RST | PACKET_TCP_ACK);
		assert_int_equal(back.tcp.seq, 0);
		assert_int_equal(back.tcp.ack, PACKETS_SEQ + 1);
		assert_int_equal(back.src.port, 443);
		assert_int_equal(back.dst.port, 40000);
	}
}

static void a_reset_counts_what_came_with_the_syn(void **state)
{
	struct packet back;

	(void)state;
	answer(&back, packets_tcp4(bytes, PACKET_TCP_SYN, 100), REFUSAL_RESET);
	assert_int_equal(back.tcp.ack, PACKETS_SEQ + 101);
	answer(&back, packets_tcp4(bytes, PACKET_TCP_FIN, 0), REFUSAL_RESET);
	assert_int_equal(back.tcp.ack, PACKETS_SEQ + 1);
}

static void a_reset_to_an_ack_takes_its_number(void **state)
{
	struct packet back;

	(void)state;
	answer(&back, packets_tcp4(bytes, PACKET_TCP_ACK, 9), REFUSAL_RESET);
	assert_int_equal(back.tcp.flags, PACKET_TCP_RST);
	assert_int_equal(back.tcp.seq, 0xa0b0c0d0);
}

static void each_trouble_has_its_code(void **state)
{
	static const struct {
		enum refusal refusal;
		uint8_t ipv4, ipv6;
	} cases[] = {
		{REFUSAL_HOST, 1, 3},        {REFUSAL_NET, 0, 0},
		{REFUSAL_PROHIBITED, 13, 1}, {REFUSAL_PROTOCOL, 2, 1},
		{REFUSAL_PORT, 3, 4},        {REFUSAL_RESET, 3, 4},
	};
	struct packet back;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		answer(&back, packets_udp4(bytes, 20), cases[i].refusal);
		assert_int_equal(back.protocol, PACKET_ICMP);
		assert_int_equal(back.icmp.type, 3);
		assert_int_equal(back.icmp.code, cases[i].ipv4);
		answer(&back, packets_udp6(bytes, 20), cases[i].refusal);
		assert_int_equal(back.protocol, PACKET_ICMPV6);
		assert_int_equal(back.icmp.type, 1);
		assert_int_equal(back.icmp.code, cases[i].ipv6);
	}
}

static void tcp_is_told_of_the_host_by_icmp(void **state)
{
	struct packet back;
	size_t length = packets_tcp4(bytes, PACKET_TCP_SYN, 0);

	(void)state;
	assert_int_equal(answer(&back, length, REFUSAL_HOST), 28 + length);
	assert_int_equal(back.protocol, PACKET_ICMP);
	assert_memory_equal(out + 28, bytes, length);
	assert_int_equal(out[1], 0xc0);
}

static void a_quotation_has_its_bound(void **state)
{
	struct packet back;

	(void)state;
	assert_int_equal(answer(&back, packets_udp4(bytes, 1500), REFUSAL_PORT),
			 576);
	assert_memory_equal(out + 28, bytes, 576 - 28);
	assert_int_equal(answer(&back, packets_udp6(bytes, 1500), REFUSAL_PORT),
			 1280);
	assert_memory_equal(out + 48, bytes, 1280 - 48);
	assert_int_equal(answer(&back, packets_udp4(bytes, 0), REFUSAL_PORT),
			 28 + 28);
}

static void an_echo_is_answered(void **state)
{
	struct packet back;

	(void)state;
	assert_true(answer(&back, packets_icmp4(bytes, 8), REFUSAL_HOST) > 0);
	assert_true(answer(&back, packets_icmp6(bytes, 128), REFUSAL_HOST) > 0);
}

static void an_error_gets_no_error(void **state)
{
	static const uint8_t ipv4[] = {3, 4, 5, 11, 12};
	static const uint8_t ipv6[] = {0, 1, 2, 3, 4, 127, 137};
	struct packet back;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ipv4); i++)
		assert_int_equal(answer(&back, packets_icmp4(bytes, ipv4[i]),
					REFUSAL_HOST),
				 0);
	for (size_t i = 0; i < ARRAY_LEN(ipv6); i++)
		assert_int_equal(answer(&back, packets_icmp6(bytes, ipv6[i]),
					REFUSAL_HOST),
				 0);
	assert_int_equal(answer(&back, packets_tcp4(bytes, PACKET_TCP_RST, 0),
				REFUSAL_RESET),
			 0);
}

static void many_get_no_answer(void **state)
{
	static const uint8_t group[] = {224, 0, 0, 251};
	struct packet back;
	size_t length = packets_udp4(bytes, 20);

	(void)state;
	memcpy(bytes + 16, group, 4);
	assert_int_equal(answer(&back, length, REFUSAL_PORT), 0);
	packets_udp4(bytes, 20);
	memset(bytes + 12, 0, 4);
	assert_int_equal(answer(&back, length, REFUSAL_PORT), 0);
	length = packets_udp6(bytes, 20);
	bytes[24] = 0xff;
	assert_int_equal(answer(&back, length, REFUSAL_PORT), 0);
}

static void a_later_piece_gets_no_answer(void **state)
{
	struct packet back;
	size_t length = packets_udp4(bytes, 20);

	(void)state;
	bytes[7] = 5;
	assert_int_equal(answer(&back, length, REFUSAL_PORT), 0);
	bytes[7] = 0;
	bytes[6] = 0x20;
	assert_true(answer(&back, length, REFUSAL_PORT) > 0);
}

static void silence_is_kept(void **state)
{
	struct packet back;

	(void)state;
	assert_int_equal(answer(&back, packets_tcp4(bytes, PACKET_TCP_SYN, 0),
				REFUSAL_SILENT),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_syn_gets_a_reset),
		cmocka_unit_test(a_reset_counts_what_came_with_the_syn),
		cmocka_unit_test(a_reset_to_an_ack_takes_its_number),
		cmocka_unit_test(each_trouble_has_its_code),
		cmocka_unit_test(tcp_is_told_of_the_host_by_icmp),
		cmocka_unit_test(a_quotation_has_its_bound),
		cmocka_unit_test(an_echo_is_answered),
		cmocka_unit_test(an_error_gets_no_error),
		cmocka_unit_test(many_get_no_answer),
		cmocka_unit_test(a_later_piece_gets_no_answer),
		cmocka_unit_test(silence_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
