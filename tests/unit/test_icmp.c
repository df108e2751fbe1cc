// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/icmp/icmp.h"

#include "common/clock.h"
#include "tests/unit/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

enum { DST_AT = 16, ECHO_REPLY = 0, ECHO_REQUEST = 8, UNREACHABLE = 3 };

static uint8_t bytes[PACKETS_SIZE], out[PACKETS_SIZE];
static struct packet packet;
static int64_t now_us = 5000000;

int64_t __wrap_clock_monotonic_us(void);
int64_t __wrap_clock_monotonic_us(void)
{
	return now_us;
}

static void ping(uint32_t slot)
{
	const struct fake_pool pool = fake_pool_default();
	struct addr addr = fake_ipv4(&pool, slot);
	size_t length = packets_icmp4(bytes, ECHO_REQUEST);

	memcpy(bytes + DST_AT, addr.bytes, 4);
	relay_fixture_send(bytes, length);
}

static void expect(uint8_t type, uint8_t code)
{
	relay_fixture_receive(fixture.host, out, &packet);
	assert_int_equal(packet.protocol, PACKET_ICMP);
	assert_int_equal(packet.icmp.type, type);
	assert_int_equal(packet.icmp.code, code);
}

static bool is_quiet(void)
{
	return relay_fixture_is_quiet(fixture.host);
}

/* The proxy is asked for that port of the site; its end. */
static int asked_for_port(uint16_t port)
{
	char request[] = "\5\1\0\3\14site.example\0\0";
	int fd = relay_fixture_accept(fixture.proxy);

	request[17] = (char)(port >> 8);
	request[18] = (char)port;
	relay_fixture_expect(fd, "\5\1\0", 3);
	relay_fixture_say(fd, "\5\0", 2);
	relay_fixture_expect(fd, request, 19);
	return fd;
}

static void say_reply(int fd, char code)
{
	const char reply[] = {5, code, 0, 1, 0, 0, 0, 0, 0, 0};

	relay_fixture_say(fd, reply, sizeof(reply));
	close(fd);
}

static void an_echo_waits_for_a_connection(void **state)
{
	int fd;

	(void)state;
	ping(SLOT_SITE);
	fd = asked_for_port(443);
	assert_true(is_quiet());
	say_reply(fd, 0);
	expect(ECHO_REPLY, 0);
	assert_int_equal(fixture.parts.counters.echoes_answered, 1);
}

static void a_second_is_answered_by_one_probe(void **state)
{
	(void)state;
	ping(SLOT_SITE);
	say_reply(asked_for_port(443), 0);
	expect(ECHO_REPLY, 0);
	now_us += 999999;
	ping(SLOT_SITE);
	expect(ECHO_REPLY, 0);
	assert_int_equal(accept(fixture.proxy, NULL, NULL), -1);
	/* The control: one microsecond later it is asked again. */
	now_us += 1;
	ping(SLOT_SITE);
	assert_true(is_quiet());
	say_reply(asked_for_port(443), 0);
	expect(ECHO_REPLY, 0);
}

static void an_answer_out_of_memory_takes_as_long(void **state)
{
	int fd;

	(void)state;
	ping(SLOT_SITE);
	fd = asked_for_port(443);
	now_us += 100000;
	say_reply(fd, 0);
	expect(ECHO_REPLY, 0);
	ping(SLOT_SITE);
	assert_true(is_quiet());
	expect(ECHO_REPLY, 0);
}

static void refused_by_the_far_host_is_alive(void **state)
{
	(void)state;
	ping(SLOT_SITE);
	say_reply(asked_for_port(443), 5);
	expect(ECHO_REPLY, 0);
}

static void two_ports_are_tried(void **state)
{
	(void)state;
	ping(SLOT_SITE);
	say_reply(asked_for_port(443), 4);
	say_reply(asked_for_port(80), 0);
	expect(ECHO_REPLY, 0);
}

static void who_cannot_be_reached_is_said_to_be(void **state)
{
	(void)state;
	ping(SLOT_SITE);
	say_reply(asked_for_port(443), 4);
	say_reply(asked_for_port(80), 4);
	expect(UNREACHABLE, 1);
	ping(SLOT_SITE);
	expect(UNREACHABLE, 1);
	assert_int_equal(fixture.parts.counters.echoes_refused, 2);
	assert_int_equal(fixture.parts.counters.echoes_answered, 0);
}

static void the_port_used_lately_is_asked_first(void **state)
{
	const struct fake_pool pool = fake_pool_default();
	const struct endpoint dst = {.addr = fake_ipv4(&pool, SLOT_SITE),
				     .port = 8080};

	(void)state;
	icmp_on_connected(fixture.parts.icmp, &dst);
	ping(SLOT_SITE);
	say_reply(asked_for_port(8080), 0);
	expect(ECHO_REPLY, 0);
}

static void what_is_under_way_ends_with_the_relay(void **state)
{
	int fd;

	(void)state;
	ping(SLOT_SITE);
	ping(SLOT_SITE);
	fd = relay_fixture_accept(fixture.proxy);
	close(fd);
	/* The teardown frees it all; policies must have gone back. */
}

static void unknown_and_rejected_names_are_told_at_once(void **state)
{
	(void)state;
	ping(SLOT_UNKNOWN);
	expect(UNREACHABLE, 1);
	ping(SLOT_REJECT);
	expect(UNREACHABLE, 13);
	ping(SLOT_DROP);
	assert_true(is_quiet());
}

static void a_name_without_a_resolver_is_unreachable(void **state)
{
	(void)state;
	ping(SLOT_DIRECT);
	expect(UNREACHABLE, 1);
}

static void other_messages_are_no_protocol_of_ours(void **state)
{
	(void)state;
	relay_fixture_send(bytes, packets_icmp4(bytes, 13));
	expect(UNREACHABLE, 2);
	/* But an error gets none back. */
	relay_fixture_send(bytes, packets_icmp4(bytes, 3));
	assert_true(is_quiet());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_echo_waits_for_a_connection),
		TEST(a_second_is_answered_by_one_probe),
		TEST(an_answer_out_of_memory_takes_as_long),
		TEST(refused_by_the_far_host_is_alive),
		TEST(two_ports_are_tried),
		TEST(who_cannot_be_reached_is_said_to_be),
		TEST(the_port_used_lately_is_asked_first),
		TEST(what_is_under_way_ends_with_the_relay),
		TEST(unknown_and_rejected_names_are_told_at_once),
		TEST(a_name_without_a_resolver_is_unreachable),
		TEST(other_messages_are_no_protocol_of_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
