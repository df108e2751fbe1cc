// SPDX-License-Identifier: BSD-2-Clause
/* From the first SYN to the end of the flow; see relay_fixture.h. */
#include "routed/relay/intake.h"

#include "routed/relay/passage.h"
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

static uint8_t bytes[PACKETS_SIZE], out[PACKETS_SIZE];
static struct packet packet;

static void send_syn(uint32_t slot)
{
	relay_fixture_send(bytes, relay_fixture_syn(bytes, slot, 443));
}

static void host_gets(void)
{
	relay_fixture_receive(fixture.host, out, &packet);
}

static void inner_gets(void)
{
	relay_fixture_receive(fixture.inner, out, &packet);
}

static void expect_reset(void)
{
	host_gets();
	assert_int_equal(packet.protocol, PACKET_TCP);
	assert_int_equal(packet.tcp.flags, PACKET_TCP_RST | PACKET_TCP_ACK);
	assert_int_equal(packet.tcp.ack, PACKETS_SEQ + 1);
}

static void expect_icmp(uint8_t code)
{
	host_gets();
	assert_int_equal(packet.protocol, PACKET_ICMP);
	assert_int_equal(packet.icmp.code, code);
}

/* The proxy hears the whole request; its end of the connection. */
static int asked_for_site(void)
{
	int fd = relay_fixture_accept(fixture.proxy);

	relay_fixture_expect(fd, "\5\1\0", 3);
	relay_fixture_say(fd, "\5\0", 2);
	relay_fixture_expect(fd, "\5\1\0\3\14site.example\1\273", 19);
	return fd;
}

static struct tuple tuple_of_packet(void)
{
	return (struct tuple){.src = packet.src, .dst = packet.dst};
}

static struct flow *the_flow(void)
{
	struct parts *parts = &fixture.parts;
	struct flow *flow =
		flows_end(parts->flows) ? flows_at(parts->flows, 0) : NULL;

	if (!flow)
		abort();
	return flow;
}

/* A flow that is open: the application's end and the proxy's. */
static void open_flow(int *app, int *proxy)
{
	struct tuple tuple;
	int pair[2];

	send_syn(SLOT_SITE);
	*proxy = asked_for_site();
	relay_fixture_say(*proxy, "\5\0\0\1\0\0\0\0\0\0", 10);
	inner_gets();
	tuple = tuple_of_packet();
	relay_fixture_tcp_pair(pair);
	*app = pair[0];
	intake_on_accepted(&fixture.parts, pair[1], &tuple);
	relay_fixture_run();
	assert_int_equal(the_flow()->state, FLOW_OPEN);
}

static void a_syn_is_held_until_the_outbound_is_there(void **state)
{
	int fd;

	(void)state;
	send_syn(SLOT_SITE);
	fd = asked_for_site();
	assert_true(relay_fixture_is_quiet(fixture.inner));
	assert_int_equal(the_flow()->state, FLOW_HELD);
	relay_fixture_say(fd, "\5\0\0\1\0\0\0\0\0\0", 10);
	inner_gets();
	assert_true(packet_is_opening(&packet));
	assert_memory_equal(out, bytes, packet.length);
	assert_true(relay_fixture_is_quiet(fixture.host));
	assert_int_equal(the_flow()->state, FLOW_ENTERING);
	close(fd);
}

static void the_newest_syn_enters(void **state)
{
	int fd;

	(void)state;
	send_syn(SLOT_SITE);
	fd = asked_for_site();
	relay_fixture_syn(bytes, SLOT_SITE, 443);
	bytes[35] ^= 0x55; /* another window: another packet */
	relay_fixture_send(bytes, 44);
	assert_int_equal(flows_count(fixture.parts.flows), 1);
	relay_fixture_say(fd, "\5\0\0\1\0\0\0\0\0\0", 10);
	inner_gets();
	assert_memory_equal(out, bytes, 44);
	assert_true(relay_fixture_is_quiet(fixture.inner));
	/* One that comes when it has entered goes on as it is. */
	relay_fixture_send(bytes, 44);
	inner_gets();
	close(fd);
}

static void bytes_pass_and_the_end_too(void **state)
{
	int app, proxy;

	(void)state;
	open_flow(&app, &proxy);
	relay_fixture_say(app, "hello", 5);
	relay_fixture_expect(proxy, "hello", 5);
	relay_fixture_say(proxy, "good day", 8);
	relay_fixture_expect(app, "good day", 8);
	close(proxy);
	relay_fixture_expect_end(app);
	close(app);
	RUN_UNTIL(flows_count(fixture.parts.flows) == 0);
	assert_int_equal(fixture.parts.counters.bytes_up, 5);
	assert_int_equal(fixture.parts.counters.bytes_down, 8);
}

static void what_the_proxy_sends_early_is_not_lost(void **state)
{
	struct tuple tuple;
	int pair[2], fd;

	(void)state;
	send_syn(SLOT_SITE);
	fd = asked_for_site();
	relay_fixture_say(fd, "\5\0\0\1\0\0\0\0\0\0ready", 15);
	inner_gets();
	relay_fixture_say(fd, " steady", 7);
	tuple = tuple_of_packet();
	relay_fixture_tcp_pair(pair);
	intake_on_accepted(&fixture.parts, pair[1], &tuple);
	relay_fixture_expect(pair[0], "ready steady", 12);
	close(fd);
	close(pair[0]);
}

static void refusals_of_the_proxy_reach_the_host(void **state)
{
	int fd;

	(void)state;
	send_syn(SLOT_SITE);
	fd = asked_for_site();
	relay_fixture_say(fd, "\5\5\0\1\0\0\0\0\0\0", 10);
	expect_reset();
	close(fd);
	send_syn(SLOT_SITE);
	fd = asked_for_site();
	relay_fixture_say(fd, "\5\4\0\1\0\0\0\0\0\0", 10);
	expect_icmp(1);
	close(fd);
	assert_int_equal(fixture.parts.counters.flows_refused, 2);
	assert_int_equal(flows_count(fixture.parts.flows), 0);
}

static void a_proxy_that_is_down_makes_the_net_unreachable(void **state)
{
	(void)state;
	close(fixture.proxy);
	send_syn(SLOT_SITE);
	fixture.proxy = socket(AF_INET, SOCK_STREAM, 0);
	expect_icmp(0);
	assert_int_equal(flows_count(fixture.parts.flows), 0);
}

static void an_unknown_fake_address_is_refused_at_once(void **state)
{
	(void)state;
	send_syn(SLOT_UNKNOWN);
	expect_reset();
	assert_int_equal(fixture.parts.counters.flows_ever, 0);
}

static void rules_refuse_and_drop(void **state)
{
	(void)state;
	send_syn(SLOT_REJECT);
	expect_reset();
	send_syn(SLOT_DROP);
	assert_true(relay_fixture_is_quiet(fixture.host));
	assert_int_equal(flows_count(fixture.parts.flows), 0);
}

static void a_direct_name_without_dnsd_is_unreachable(void **state)
{
	(void)state;
	send_syn(SLOT_DIRECT);
	expect_icmp(1);
}

static void an_address_goes_directly(void **state)
{
	static const uint8_t loopback[] = {127, 0, 0, 1};
	uint16_t port;
	int listener = relay_fixture_listen(&port), fd;

	(void)state;
	relay_fixture_syn(bytes, SLOT_SITE, port);
	memcpy(bytes + 16, loopback, 4);
	relay_fixture_send(bytes, 44);
	fd = relay_fixture_accept(listener);
	inner_gets();
	close(listener);
	close(fd);

	/* Nobody listens there any more. */
	bytes[21]++;
	relay_fixture_send(bytes, 44);
	expect_reset();
}

static void a_full_pool_refuses(void **state)
{
	(void)state;
	/* Three holds; the proxy accepts and says nothing. */
	for (uint8_t i = 0; i < 3; i++) {
		relay_fixture_syn(bytes, SLOT_SITE, 443);
		bytes[21] = i;
		relay_fixture_send(bytes, 44);
		assert_true(relay_fixture_is_quiet(fixture.host));
	}
	bytes[21] = 99;
	relay_fixture_send(bytes, 44);
	expect_reset();
	assert_int_equal(flows_count(fixture.parts.flows), 3);
}

static void a_silent_proxy_is_given_up(void **state)
{
	int fd;

	(void)state;
	send_syn(SLOT_SITE);
	fd = asked_for_site();
	the_flow()->hold->deadline_ms = 0;
	intake_on_time(&fixture.parts);
	expect_icmp(1);
	assert_int_equal(flows_count(fixture.parts.flows), 0);
	close(fd);
}

static void an_application_that_is_gone_is_forgotten(void **state)
{
	int fd;

	(void)state;
	send_syn(SLOT_SITE);
	fd = asked_for_site();
	relay_fixture_say(fd, "\5\0\0\1\0\0\0\0\0\0", 10);
	the_flow()->hold->deadline_ms = 0;
	intake_on_time(&fixture.parts);
	assert_true(relay_fixture_is_quiet(fixture.host));
	relay_fixture_expect_reset(fd);
	close(fd);
}

static void a_connection_nobody_let_in_is_reset(void **state)
{
	struct tuple tuple = {.src = {addr_ipv4(1), 1}};
	int pair[2];

	(void)state;
	relay_fixture_tcp_pair(pair);
	intake_on_accepted(&fixture.parts, pair[1], &tuple);
	relay_fixture_expect_reset(pair[0]);
	close(pair[0]);
}

static void our_own_syn_is_counted_and_refused(void **state)
{
	struct tuple own;
	int fd;

	(void)state;
	send_syn(SLOT_SITE);
	fd = asked_for_site();
	/* What would come out of the TUN if the dial's socket were captured. */
	own = (struct tuple){.src = {addr_ipv4(0xc6120001), 40000},
			     .dst = {addr_ipv4(0xcb007101), 1080}};
	holds_set_own(fixture.parts.holds, the_flow()->hold, &own);
	relay_fixture_syn(bytes, SLOT_SITE, 1080);
	memcpy(bytes + 16, own.dst.addr.bytes, 4);
	relay_fixture_send(bytes, 44);
	expect_reset();
	assert_int_equal(fixture.parts.counters.loops, 1);
	assert_int_equal(flows_count(fixture.parts.flows), 1);
	close(fd);
}

static void send_syn_from(uint8_t host, uint16_t port)
{
	size_t length = relay_fixture_syn(bytes, SLOT_SITE, 443);
	const uint8_t src[] = {192, 168, 1, host};

	memcpy(bytes + 12, src, sizeof(src));
	bytes[20] = (uint8_t)(port >> 8);
	bytes[21] = (uint8_t)port;
	relay_fixture_send(bytes, length);
}

static void a_device_that_floods_leaves_room_for_others(void **state)
{
	(void)state;
	send_syn_from(7, 1000);
	send_syn_from(7, 1001);
	expect_reset(); /* one may be half open here */
	send_syn_from(8, 1000);
	assert_true(relay_fixture_is_quiet(fixture.host));
	assert_int_equal(flows_count(fixture.parts.flows), 2);
	/* This host itself shares all that there is. */
	send_syn(SLOT_SITE);
	assert_int_equal(flows_count(fixture.parts.flows), 3);
}

static void a_set_up_is_measured_step_by_step(void **state)
{
	struct tuple tuple;
	int pair[2], proxy;

	(void)state;
	send_syn(SLOT_SITE);
	proxy = asked_for_site();
	relay_fixture_say(proxy, "\5\0\0\1\0\0\0\0\0\0", 10);
	inner_gets();
	tuple = tuple_of_packet();
	relay_fixture_tcp_pair(pair);
	intake_on_accepted(&fixture.parts, pair[1], &tuple);
	assert_true(the_flow()->setup.connect_us > 0);
	assert_true(the_flow()->setup.handshake_us > 0);
	assert_int_equal(the_flow()->setup.owner_us, 0);
	close(pair[0]);
	close(proxy);
}

static void a_flow_whose_link_is_gone_is_reset(void **state)
{
	int app, proxy;

	(void)state;
	open_flow(&app, &proxy);
	/* Unbound flows depend on no link. */
	intake_on_links(&fixture.parts, &fixture.state);
	assert_int_equal(the_flow()->state, FLOW_OPEN);
	the_flow()->ifindex = 2;
	the_flow()->local = addr_ipv4(0xc0000201);
	intake_on_links(&fixture.parts, &fixture.state);
	assert_int_equal(the_flow()->state, FLOW_OPEN);
	fixture.links[1].is_up = false;
	intake_on_links(&fixture.parts, &fixture.state);
	assert_int_equal(flows_count(fixture.parts.flows), 0);
	relay_fixture_expect_reset(app);
	close(app);
	close(proxy);
}

static void a_flow_whose_address_is_gone_is_reset(void **state)
{
	int app, proxy;

	(void)state;
	open_flow(&app, &proxy);
	the_flow()->ifindex = 2;
	the_flow()->local = addr_ipv4(0xc0000202);
	intake_on_links(&fixture.parts, &fixture.state);
	assert_int_equal(flows_count(fixture.parts.flows), 0);
	close(app);
	close(proxy);
}

static void a_held_flow_dials_anew_when_links_change(void **state)
{
	int first, second;

	(void)state;
	send_syn(SLOT_SITE);
	first = asked_for_site();
	the_flow()->ifindex = 7;
	intake_on_links(&fixture.parts, &fixture.state);
	second = asked_for_site();
	relay_fixture_expect_end(first);
	assert_int_equal(flows_count(fixture.parts.flows), 1);
	close(first);
	close(second);
}

static void flows_keep_the_policy_they_began_with(void **state)
{
	struct policy *old = fixture.parts.policy;
	int app, proxy;

	(void)state;
	open_flow(&app, &proxy);
	relay_fixture_follow("  - MATCH,REJECT\n");
	assert_ptr_equal(the_flow()->policy, old);
	assert_string_equal(policy_outbound_name(old, the_flow()->outbound),
			    "proxy");
	relay_fixture_say(app, "still", 5);
	relay_fixture_expect(proxy, "still", 5);
	relay_fixture_syn(bytes, SLOT_SITE, 443);
	bytes[21]++;
	relay_fixture_send(bytes, 44);
	expect_reset();
	close(app);
	close(proxy);
}

static void the_next_member_is_tried_before_anybody_is_refused(void **state)
{
	const struct group *group;
	int fd;

	(void)state;
	relay_fixture_follow("  - MATCH,auto\n");
	group = fixture.parts.policy->outbounds[OUT_AUTO].group;
	send_syn(SLOT_SITE);
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, "\5\1\0", 3);
	assert_int_equal(group->members[0].health.state, HEALTH_DOWN);
	assert_true(relay_fixture_is_quiet(fixture.host));
	close(fd);
	/* Both have failed now, and somebody has to know. */
	expect_icmp(0);
	assert_int_equal(group->members[1].health.state, HEALTH_DOWN);
	assert_int_equal(flows_count(fixture.parts.flows), 0);
}

static void a_port_used_anew_is_a_new_flow(void **state)
{
	int app, proxy;

	(void)state;
	open_flow(&app, &proxy);
	/* The application's kernel reset it, and its new SYN is here first. */
	mover_arm_reset(app);
	close(app);
	RUN_UNTIL(flows_count(fixture.parts.flows) == 0 ||
		  passage_is_over(the_flow()));
	send_syn(SLOT_SITE);
	close(proxy);
	close(asked_for_site());
	assert_int_equal(flows_count(fixture.parts.flows), 1);
}

static void the_counters_know_open_flows(void **state)
{
	struct link_counters counters;
	int app, proxy;

	(void)state;
	open_flow(&app, &proxy);
	relay_fixture_say(app, "hello", 5);
	passage_count(&fixture.parts, &counters);
	assert_int_equal(counters.flows_now, 1);
	assert_int_equal(counters.flows_ever, 1);
	assert_int_equal(counters.flows_held, 0);
	assert_int_equal(counters.bytes_up, 5);
	assert_int_equal(counters.packets_in, 1);
	close(app);
	close(proxy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_syn_is_held_until_the_outbound_is_there),
		TEST(the_newest_syn_enters),
		TEST(bytes_pass_and_the_end_too),
		TEST(what_the_proxy_sends_early_is_not_lost),
		TEST(refusals_of_the_proxy_reach_the_host),
		TEST(a_proxy_that_is_down_makes_the_net_unreachable),
		TEST(an_unknown_fake_address_is_refused_at_once),
		TEST(rules_refuse_and_drop),
		TEST(a_direct_name_without_dnsd_is_unreachable),
		TEST(an_address_goes_directly),
		TEST(a_full_pool_refuses),
		TEST(a_silent_proxy_is_given_up),
		TEST(an_application_that_is_gone_is_forgotten),
		TEST(a_connection_nobody_let_in_is_reset),
		TEST(our_own_syn_is_counted_and_refused),
		TEST(a_device_that_floods_leaves_room_for_others),
		TEST(a_set_up_is_measured_step_by_step),
		TEST(a_flow_whose_link_is_gone_is_reset),
		TEST(a_flow_whose_address_is_gone_is_reset),
		TEST(a_held_flow_dials_anew_when_links_change),
		TEST(flows_keep_the_policy_they_began_with),
		TEST(the_next_member_is_tried_before_anybody_is_refused),
		TEST(a_port_used_anew_is_a_new_flow),
		TEST(the_counters_know_open_flows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
