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

enum { SLOT_AT = 16 };

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
	bytes[9] = 132;
	memcpy(bytes + SLOT_AT, group, 4);
	relay_fixture_send(bytes, 48);
	assert_true(relay_fixture_is_quiet(fixture.host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_protocols_are_told_so),
		TEST(groups_get_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
