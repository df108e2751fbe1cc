// SPDX-License-Identifier: BSD-2-Clause
/* Flows that are accepted before their outbound is known; relay_fixture.h. */
#include "routed/relay/sniffing.h"

#include "routed/relay/intake.h"
#include "routed/relay/sniff/sniff.h"
#include "tests/unit/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, sniff_fixture_setup, \
					sniff_fixture_teardown)

#define REQUEST "GET / HTTP/1.1\r\nHost: www.example\r\n\r\n"

static uint8_t bytes[PACKETS_SIZE], out[PACKETS_SIZE];
static int server, app; /* at the real address; the application's end */
static uint16_t port;

static int sniff_fixture_setup(void **state)
{
	int ret = relay_fixture_setup(state);

	server = relay_fixture_listen(&port);
	return ret;
}

static int sniff_fixture_teardown(void **state)
{
	close(server);
	return relay_fixture_teardown(state);
}

static void follow(const char *rules)
{
	relay_fixture_follow(rules);
	fixture.parts.policy->sniffs = SNIFF_TLS | SNIFF_HTTP;
}

static struct flow *the_flow(void)
{
	return flows_at(fixture.parts.flows, 0);
}

/* To 127.0.0.1, which is no fake address. */
static void send_syn(void)
{
	static const uint8_t loopback[] = {127, 0, 0, 1};
	size_t length = relay_fixture_syn(bytes, SLOT_SITE, port);

	memcpy(bytes + 16, loopback, sizeof(loopback));
	relay_fixture_send(bytes, length);
}

/* It is in the namespace at once, and the application is connected. */
static void begin(void)
{
	struct packet packet;
	struct tuple tuple;
	int pair[2];

	send_syn();
	relay_fixture_receive(fixture.inner, out, &packet);
	assert_int_equal(the_flow()->state, FLOW_ENTERING);
	tuple = (struct tuple){.src = packet.src, .dst = packet.dst};
	relay_fixture_tcp_pair(pair);
	app = pair[0];
	intake_on_accepted(&fixture.parts, pair[1], &tuple);
	assert_int_equal(the_flow()->state, FLOW_SNIFFING);
}

static void expect_server(const char *text)
{
	int fd = relay_fixture_accept(server);

	if (text[0] != '\0')
		relay_fixture_expect(fd, text, strlen(text));
	relay_fixture_say(fd, "hello", 5);
	relay_fixture_expect(app, "hello", 5);
	assert_int_equal(the_flow()->state, FLOW_OPEN);
	close(fd);
	close(app);
}

static void a_name_decides_and_the_address_is_dialled(void **state)
{
	const uint8_t request[] = {
		5, 1, 0, 1, 127, 0, 0, 1, (uint8_t)(port >> 8), (uint8_t)port};
	int fd;

	(void)state;
	follow("  - DOMAIN,www.example,proxy\n  - MATCH,lo\n");
	begin();
	relay_fixture_say(app, REQUEST, 20);
	relay_fixture_run();
	assert_int_equal(the_flow()->state, FLOW_SNIFFING);
	assert_null(the_flow()->sniffed);
	relay_fixture_say(app, &REQUEST[20], sizeof(REQUEST) - 21);
	fd = relay_fixture_accept(fixture.proxy);
	assert_string_equal(the_flow()->sniffed, "www.example");
	relay_fixture_expect(fd, "\5\1\0", 3);
	relay_fixture_say(fd, "\5\0", 2);
	relay_fixture_expect(fd, request, sizeof(request));
	relay_fixture_say(fd, "\5\0\0\1\0\0\0\0\0\0", 10);
	relay_fixture_expect(fd, REQUEST, sizeof(REQUEST) - 1);
	assert_int_equal(the_flow()->state, FLOW_OPEN);
	close(fd);
	close(app);
}

static void without_a_name_the_last_rule_decides(void **state)
{
	(void)state;
	follow("  - DOMAIN,www.example,proxy\n  - MATCH,lo\n");
	begin();
	relay_fixture_say(app, "hello", 5);
	expect_server("hello");
}

static void silence_has_no_name(void **state)
{
	(void)state;
	follow("  - DOMAIN,www.example,REJECT\n  - MATCH,lo\n");
	begin();
	intake_on_time(&fixture.parts);
	assert_true(the_flow()->hold->needs_name);
	the_flow()->hold->deadline_ms = 0;
	intake_on_time(&fixture.parts);
	expect_server("");
}

static void a_name_that_is_rejected_is_reset(void **state)
{
	(void)state;
	follow("  - DOMAIN,www.example,REJECT\n  - MATCH,lo\n");
	begin();
	relay_fixture_say(app, REQUEST, sizeof(REQUEST) - 1);
	relay_fixture_expect_reset(app);
	assert_int_equal(flows_count(fixture.parts.flows), 0);
	close(app);
}

static void who_has_no_name_may_be_rejected_too(void **state)
{
	(void)state;
	follow("  - DOMAIN,www.example,lo\n  - MATCH,REJECT\n");
	begin();
	relay_fixture_say(app, "hello", 5);
	relay_fixture_expect_reset(app);
	close(app);
	begin();
	relay_fixture_say(app, REQUEST, sizeof(REQUEST) - 1);
	expect_server(REQUEST);
}

/* The server is gone: nobody can be told but by a reset. */
static void a_failed_dial_is_a_reset(void **state)
{
	(void)state;
	follow("  - DOMAIN,www.example,proxy\n  - MATCH,gone\n");
	begin();
	relay_fixture_say(app, "hello", 5);
	relay_fixture_expect_reset(app);
	close(app);
}

static void an_application_that_goes_away_takes_its_flow_along(void **state)
{
	(void)state;
	follow("  - DOMAIN,www.example,proxy\n  - MATCH,lo\n");
	begin();
	mover_arm_reset(app);
	close(app);
	RUN_UNTIL(flows_count(fixture.parts.flows) == 0);
	assert_int_equal(holds_count(fixture.parts.holds), 0);
}

static void what_no_name_decides_is_held(void **state)
{
	struct packet packet;
	int fd;

	(void)state;
	follow("  - IP-CIDR,127.0.0.0/8,lo\n  - DOMAIN,www.example,proxy\n");
	send_syn();
	assert_false(the_flow()->hold->needs_name);
	fd = relay_fixture_accept(server);
	relay_fixture_receive(fixture.inner, out, &packet);
	assert_true(the_flow()->mover.side[MOVER_OUT].fd >= 0);
	close(fd);
}

static void servers_that_speak_first_are_held(void **state)
{
	const struct endpoint ssh = {.port = 22}, web = {.port = 443};

	(void)state;
	follow("  - MATCH,lo\n");
	assert_false(sniffing_is_wanted(fixture.parts.policy, &ssh));
	assert_true(sniffing_is_wanted(fixture.parts.policy, &web));
	fixture.parts.policy->sniffs = SNIFF_QUIC;
	assert_false(sniffing_is_wanted(fixture.parts.policy, &web));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_decides_and_the_address_is_dialled),
		TEST(without_a_name_the_last_rule_decides),
		TEST(silence_has_no_name),
		TEST(a_name_that_is_rejected_is_reset),
		TEST(who_has_no_name_may_be_rejected_too),
		TEST(a_failed_dial_is_a_reset),
		TEST(an_application_that_goes_away_takes_its_flow_along),
		TEST(what_no_name_decides_is_held),
		TEST(servers_that_speak_first_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
