// SPDX-License-Identifier: BSD-2-Clause
/* Flows that wait until routed's parent has said whose they are. */
#include "routed/relay/intake.h"

#include "tests/unit/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

static uint8_t bytes[PACKETS_SIZE], out[PACKETS_SIZE];
static struct packet packet;

static void send_syn(uint32_t slot)
{
	relay_fixture_send(bytes, relay_fixture_syn(bytes, slot, 443));
}

static struct flow *the_flow(void)
{
	return flows_at(fixture.parts.flows, 0);
}

static void expect(uint8_t protocol, uint8_t icmp_code)
{
	relay_fixture_receive(fixture.host, out, &packet);
	assert_int_equal(packet.protocol, protocol);
	if (protocol == PACKET_TCP)
		assert_int_equal(packet.tcp.flags,
				 PACKET_TCP_RST | PACKET_TCP_ACK);
	else
		assert_int_equal(packet.icmp.code, icmp_code);
}

/* A flow from the TUN's own address may be one of the proxy's. */
static struct link_message ask_for_owner(void)
{
	struct link_message message;
	struct link_fds fds;

	policy_look_around(fixture.parts.policy, &fixture.state);
	assert_true(fixture.parts.policy->has_local_server);
	send_syn(SLOT_SITE);
	assert_int_equal(link_recv(fixture.link, &message, &fds), 1);
	assert_int_equal(message.type, LINK_OWNER);
	assert_int_equal(message.flow.src.port, 40000);
	assert_int_equal(message.flow.dst.port, 443);
	assert_int_equal(the_flow()->state, FLOW_HELD);
	return message;
}

static const struct link_owner nobody = {.outbound = -1};
static const struct link_owner server = {.outbound = 4};

static void a_flow_of_others_is_dialled_after_the_answer(void **state)
{
	struct link_message message = ask_for_owner();

	(void)state;
	intake_on_owner(&fixture.parts, message.id, &nobody);
	close(relay_fixture_accept(fixture.proxy));
	assert_int_equal(fixture.parts.counters.own_flows, 0);
}

static void a_flow_of_the_proxy_itself_goes_directly(void **state)
{
	struct link_message message = ask_for_owner();

	(void)state;
	intake_on_owner(&fixture.parts, message.id, &server);
	/* Directly means by dnsd, which is not running here. */
	expect(PACKET_ICMP, 1);
	assert_int_equal(fixture.parts.counters.own_flows, 1);
	/* An answer that is late finds nobody. */
	intake_on_owner(&fixture.parts, message.id, &server);
	assert_int_equal(fixture.parts.counters.own_flows, 1);
}

/* Three rules by the owner; who it is decides. */
static struct link_message ask_by_rule(void)
{
	struct link_message message;
	struct link_fds fds;

	relay_fixture_follow("  - UID,1000,proxy\n"
			     "  - PROCESS-NAME,curl,REJECT\n"
			     "  - CGROUP,/system.slice,DIRECT\n"
			     "  - MATCH,REJECT-DROP\n");
	send_syn(SLOT_SITE);
	assert_int_equal(link_recv(fixture.link, &message, &fds), 1);
	assert_int_equal(message.type, LINK_OWNER);
	assert_true(message.flow.wants_process);
	assert_int_equal(the_flow()->state, FLOW_HELD);
	return message;
}

static void a_rule_by_user_waits_for_the_owner(void **state)
{
	const struct link_owner owner = {
		.outbound = -1, .is_known = 1, .uid = 1000};
	struct link_message message = ask_by_rule();

	(void)state;
	intake_on_owner(&fixture.parts, message.id, &owner);
	close(relay_fixture_accept(fixture.proxy));
	assert_int_equal(fixture.parts.counters.own_flows, 0);
}

static void a_rule_by_process_can_reject(void **state)
{
	const struct link_owner owner = {.outbound = -1,
					 .is_known = 1,
					 .uid = 7,
					 .process = "/usr/bin/curl"};
	struct link_message message = ask_by_rule();

	(void)state;
	intake_on_owner(&fixture.parts, message.id, &owner);
	expect(PACKET_TCP, 0);
	assert_int_equal(flows_count(fixture.parts.flows), 0);
}

static void whom_nobody_knows_no_such_rule_matches(void **state)
{
	struct link_message message = ask_by_rule();

	(void)state;
	intake_on_owner(&fixture.parts, message.id, &nobody);
	assert_true(relay_fixture_is_quiet(fixture.host));
	assert_int_equal(flows_count(fixture.parts.flows), 0);
}

static void a_server_of_ours_goes_directly_whatever_rules_say(void **state)
{
	struct link_message message = ask_by_rule();

	(void)state;
	intake_on_owner(&fixture.parts, message.id, &server);
	assert_int_equal(fixture.parts.counters.own_flows, 1);
	expect(PACKET_ICMP,
	       1); /* directly means by dnsd, which is not running */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flow_of_others_is_dialled_after_the_answer),
		TEST(a_flow_of_the_proxy_itself_goes_directly),
		TEST(a_rule_by_user_waits_for_the_owner),
		TEST(a_rule_by_process_can_reject),
		TEST(whom_nobody_knows_no_such_rule_matches),
		TEST(a_server_of_ours_goes_directly_whatever_rules_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
