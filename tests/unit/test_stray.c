// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/stray.h"

#include "tests/unit/relay_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

enum { SLOT_AT = 16, SRC_PORT_AT = 20 };

static uint8_t bytes[PACKETS_SIZE], out[PACKETS_SIZE];
static struct packet packet;

static void send_to_slot(size_t length, uint32_t slot)
{
	const struct fake_pool pool = fake_pool_default();
	struct addr addr = fake_ipv4(&pool, slot);

	memcpy(bytes + SLOT_AT, addr.bytes, 4);
	relay_fixture_send(bytes, length);
}

static void expect_icmp(uint8_t code)
{
	relay_fixture_receive(fixture.host, out, &packet);
	assert_int_equal(packet.protocol, PACKET_ICMP);
	assert_int_equal(packet.icmp.type, 3);
	assert_int_equal(packet.icmp.code, code);
}

static void udp_is_told_that_the_port_is_unreachable(void **state)
{
	static const uint32_t slots[] = {SLOT_SITE, SLOT_DIRECT, SLOT_REJECT,
					 SLOT_UNKNOWN};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
		send_to_slot(packets_udp4(bytes, 20), slots[i]);
		expect_icmp(3);
	}
	relay_fixture_send(bytes, packets_udp6(bytes, 20));
	relay_fixture_receive(fixture.host, out, &packet);
	assert_int_equal(packet.protocol, PACKET_ICMPV6);
	assert_int_equal(packet.icmp.code, 4);
}

static void only_reject_drop_is_silent(void **state)
{
	(void)state;
	send_to_slot(packets_udp4(bytes, 20), SLOT_DROP);
	assert_true(relay_fixture_is_quiet(fixture.host));
	assert_int_equal(carrier_counters(fixture.parts.carrier)->dropped, 1);
}

static void other_protocols_are_told_so(void **state)
{
	size_t length = packets_udp4(bytes, 20);

	(void)state;
	bytes[9] = 132; /* SCTP */
	send_to_slot(length, SLOT_SITE);
	expect_icmp(2);
}

static void groups_get_no_answer(void **state)
{
	static const uint8_t group[] = {224, 0, 0, 251};

	(void)state;
	packets_udp4(bytes, 20);
	memcpy(bytes + SLOT_AT, group, 4);
	relay_fixture_send(bytes, 48);
	assert_true(relay_fixture_is_quiet(fixture.host));
}

static void send_from_port(uint16_t port)
{
	packets_udp4(bytes, 20);
	bytes[SRC_PORT_AT] = (uint8_t)(port >> 8);
	bytes[SRC_PORT_AT + 1] = (uint8_t)port;
	send_to_slot(48, SLOT_SITE);
	expect_icmp(3);
}

static void a_server_is_told_of_once(void **state)
{
	struct link_message message;
	struct link_fds fds;

	(void)state;
	send_from_port(123);
	send_from_port(123);
	send_from_port(40000);
	send_from_port(124);
	for (uint16_t port = 123; port < 125; port++) {
		assert_int_equal(link_recv(fixture.link, &message, &fds), 1);
		assert_int_equal(message.type, LINK_UDP_SERVER);
		assert_int_equal(message.server.port, port);
		assert_int_equal(message.server.addr.family, ADDR_IPV4);
	}
	assert_int_equal(link_recv(fixture.link, &message, &fds), -EAGAIN);
}

static void a_client_behind_us_is_no_server(void **state)
{
	struct link_message message;
	struct link_fds fds;

	(void)state;
	packets_udp4(bytes, 20);
	bytes[15] = 77; /* not the TUN's own address */
	bytes[SRC_PORT_AT] = 0;
	bytes[SRC_PORT_AT + 1] = 123;
	send_to_slot(48, SLOT_SITE);
	expect_icmp(3);
	assert_int_equal(link_recv(fixture.link, &message, &fds), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(udp_is_told_that_the_port_is_unreachable),
		TEST(only_reject_drop_is_silent),
		TEST(other_protocols_are_told_so),
		TEST(groups_get_no_answer),
		TEST(a_server_is_told_of_once),
		TEST(a_client_behind_us_is_no_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
