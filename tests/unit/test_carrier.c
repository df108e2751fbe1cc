// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/carrier.h"

#include "tests/unit/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

static uint8_t frame[CARRIER_HEADER_SIZE + PACKETS_SIZE];
static uint8_t *const packet = frame + CARRIER_HEADER_SIZE;

/* The frame comes out at the other end, header and all. */
static void expect_carried(int from, int to, size_t length)
{
	uint8_t got[sizeof(frame) + 1];

	length += CARRIER_HEADER_SIZE;
	assert_int_equal(write(from, frame, length), length);
	relay_fixture_run();
	assert_int_equal(read(to, got, sizeof(got)), length);
	assert_memory_equal(got, frame, length);
}

static void tcp_goes_through_unchanged_both_ways(void **state)
{
	static const uint8_t flags[] = {
		PACKET_TCP_ACK,
		PACKET_TCP_FIN | PACKET_TCP_ACK,
		PACKET_TCP_RST,
		PACKET_TCP_SYN | PACKET_TCP_ACK,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		/* A header that asks for much is copied as it is. */
		for (uint8_t j = 0; j < CARRIER_HEADER_SIZE; j++)
			frame[j] = (uint8_t)(i * 16 + j);
		expect_carried(fixture.host, fixture.inner,
			       packets_tcp4(packet, flags[i], 1200));
		expect_carried(fixture.inner, fixture.host,
			       packets_tcp6(packet, flags[i], 1200));
	}
	assert_int_equal(fixture.packets_to_intake, 0);
	assert_int_equal(carrier_counters(fixture.parts.carrier)->in, 4);
	assert_int_equal(carrier_counters(fixture.parts.carrier)->out, 4);
}

static void a_syn_does_not_go_through_unseen(void **state)
{
	(void)state;
	relay_fixture_send(packet, packets_tcp4(packet, PACKET_TCP_SYN, 0));
	assert_int_equal(fixture.packets_to_intake, 1);
	assert_true(relay_fixture_is_quiet(fixture.inner));
}

static void only_tcp_leaves_the_namespace(void **state)
{
	size_t length = packets_udp4(packet, 20) + CARRIER_HEADER_SIZE;

	(void)state;
	assert_int_equal(write(fixture.inner, frame, length), length);
	length = packets_icmp6(packet, 133) + CARRIER_HEADER_SIZE;
	assert_int_equal(write(fixture.inner, frame, length), length);
	assert_int_equal(write(fixture.inner, frame, 3), 3);
	relay_fixture_run();
	assert_true(relay_fixture_is_quiet(fixture.host));
}

static void a_long_queue_is_carried_in_order(void **state)
{
	uint8_t got[sizeof(frame)];

	(void)state;
	for (uint16_t i = 0; i < 200; i++) {
		size_t length = packets_tcp4(packet, PACKET_TCP_ACK, 2);

		packet[44] = (uint8_t)i;
		length += CARRIER_HEADER_SIZE;
		assert_int_equal(write(fixture.host, frame, length), length);
	}
	for (uint16_t i = 0; i < 200; i++) {
		while (read(fixture.inner, got, sizeof(got)) < 0)
			relay_fixture_run();
		assert_int_equal(got[CARRIER_HEADER_SIZE + 44], (uint8_t)i);
	}
}

static void a_turn_serves_both_ways(void **state)
{
	size_t length = packets_tcp4(packet, PACKET_TCP_ACK, 0);
	uint8_t got[sizeof(frame)];

	(void)state;
	length += CARRIER_HEADER_SIZE;
	/* The first packet comes as an event, and with it the need of turns. */
	assert_int_equal(write(fixture.host, frame, length), length);
	carrier_turn(fixture.parts.carrier);
	assert_int_equal(read(fixture.inner, got, sizeof(got)), -1);
	relay_fixture_run();
	assert_int_equal(read(fixture.inner, got, sizeof(got)), length);
	assert_int_equal(write(fixture.host, frame, length), length);
	assert_int_equal(write(fixture.inner, frame, length), length);
	carrier_turn(fixture.parts.carrier);
	assert_int_equal(read(fixture.host, got, sizeof(got)), length);
	assert_int_equal(read(fixture.inner, got, sizeof(got)), length);
}

static void flush_empties_the_namespace(void **state)
{
	size_t length = packets_tcp4(packet, PACKET_TCP_RST, 0);
	uint8_t got[sizeof(frame)];

	(void)state;
	length += CARRIER_HEADER_SIZE;
	for (int i = 0; i < 100; i++)
		assert_int_equal(write(fixture.inner, frame, length), length);
	carrier_flush(fixture.parts.carrier);
	for (int i = 0; i < 100; i++)
		assert_int_equal(read(fixture.host, got, sizeof(got)), length);
}

static void what_cannot_be_written_is_counted(void **state)
{
	(void)state;
	close(fixture.inner);
	fixture.inner = -1;
	relay_fixture_send(packet, packets_tcp4(packet, PACKET_TCP_ACK, 0));
	assert_int_equal(carrier_counters(fixture.parts.carrier)->dropped, 1);
}

static void a_tun_that_is_gone_is_told_once(void **state)
{
	size_t length = packets_tcp4(packet, PACKET_TCP_ACK, 0);

	(void)state;
	/* An end with unread packets that is closed makes the other fail. */
	length += CARRIER_HEADER_SIZE;
	carrier_inject(fixture.parts.carrier, frame, length);
	close(fixture.inner);
	fixture.inner = -1;
	relay_fixture_run();
	assert_true(fixture.gone < 0);
	fixture.gone = 0;
	relay_fixture_run();
	assert_int_equal(fixture.gone, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcp_goes_through_unchanged_both_ways),
		TEST(a_syn_does_not_go_through_unseen),
		TEST(only_tcp_leaves_the_namespace),
		TEST(a_long_queue_is_carried_in_order),
		TEST(a_turn_serves_both_ways),
		TEST(flush_empties_the_namespace),
		TEST(what_cannot_be_written_is_counted),
		TEST(a_tun_that_is_gone_is_told_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
