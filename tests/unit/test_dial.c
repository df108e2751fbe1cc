// SPDX-License-Identifier: BSD-2-Clause
/* The outbounds lie on loopback; dnsd is played by the test. */
#include "routed/relay/dial.h"

#include "tests/unit/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

static struct {
	struct dial dial;
	struct poller_source source;
	struct dialler dialler;
	struct tuple own;
	int sockets, connected, failed;
	int fd, ifindex;
	struct dial_failure failure;
} t;

static void on_socket(void *ctx, struct dial *dial, const struct tuple *own)
{
	(void)ctx, (void)dial;
	t.sockets++;
	if (own)
		t.own = *own;
}

static void on_connected(void *ctx, struct dial *dial, int fd, int ifindex)
{
	(void)ctx, (void)dial;
	t.connected++;
	t.fd = fd;
	t.ifindex = ifindex;
}

static void on_failed(void *ctx, struct dial *dial,
		      const struct dial_failure *failure)
{
	(void)ctx, (void)dial;
	assert_non_null(failure->reason);
	t.failed++;
	t.failure = *failure;
}

static const struct dial_ops ops = {
	.on_socket = on_socket,
	.on_connected = on_connected,
	.on_failed = on_failed,
};

static void on_event(void *ctx, struct poller_source *source, uint32_t events)
{
	(void)ctx, (void)source;
	dial_on_event(&t.dial, events);
}

static void start(int outbound, const struct name *name, const char *address,
		  uint16_t port)
{
	struct policy *policy = fixture.parts.policy;
	struct dial_conf conf = {
		.outbound = &policy->outbounds[outbound],
		.name = name,
		.dst.port = port,
	};

	assert_int_equal(addr_parse(&conf.dst.addr, address), 0);
	memset(&t, 0, sizeof(t));
	t.source.fn = on_event;
	t.dialler = fixture.parts.dialler;
	t.dialler.ops = &ops;
	dial_start(&t.dial, &t.dialler, &conf, &t.source);
}

static void expect_connected(void)
{
	RUN_UNTIL(t.connected + t.failed > 0);
	assert_int_equal(t.connected, 1);
	assert_int_equal(t.failed, 0);
	poller_forget(fixture.parts.poller, &t.source);
	close(t.fd);
}

static void expect_failure(enum refusal refusal)
{
	RUN_UNTIL(t.connected + t.failed > 0);
	assert_int_equal(t.connected, 0);
	assert_int_equal(t.failed, 1);
	assert_int_equal(t.failure.refusal, refusal);
}

static int dnsd_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dnsd.sock",
		 fixture.folder);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void an_address_is_dialled_directly(void **state)
{
	uint16_t port;
	int listener = relay_fixture_listen(&port);

	(void)state;
	start(OUTBOUND_DIRECT, NULL, "127.0.0.1", port);
	expect_connected();
	assert_int_equal(t.own.dst.port, port);
	assert_true(t.own.src.port > 0);
	assert_int_equal(t.ifindex, 0);
	close(listener);
	start(OUTBOUND_DIRECT, NULL, "127.0.0.1", port);
	expect_failure(REFUSAL_RESET);
}

static void without_a_link_the_net_is_unreachable(void **state)
{
	(void)state;
	start(OUTBOUND_DIRECT, NULL, "192.0.2.99", 80);
	expect_failure(REFUSAL_NET);
	assert_int_equal(t.sockets, 0);
}

/* What is on this host is reached by loopback, whatever was named. */
static void an_interface_has_to_be_there(void **state)
{
	uint16_t port;
	int listener = relay_fixture_listen(&port);

	(void)state;
	start(OUTBOUND_FIRST + 1, NULL, "127.0.0.1", port);
	expect_connected();
	assert_int_equal(t.ifindex, 0);
	fixture.state.link_count = 0;
	start(OUTBOUND_FIRST + 1, NULL, "127.0.0.1", port);
	expect_failure(REFUSAL_NET);
	close(listener);
}

static void addresses_of_a_name_are_tried_in_turn(void **state)
{
	static const char answer[] = "{\"address\":\"192.0.2.99\"}\n"
				     "{\"address\":\"127.0.0.2\"}\n"
				     "{\"address\":\"127.0.0.1\"}\n"
				     "{\"end\":true}\n";
	struct name name;
	uint16_t port;
	int listener = relay_fixture_listen(&port);
	int dnsd = dnsd_listen(), channel;

	(void)state;
	assert_int_equal(name_parse(&name, "direct.example"), 0);
	start(OUTBOUND_DIRECT, &name, "198.18.1.44", port);
	channel = relay_fixture_accept(dnsd);
	relay_fixture_say(channel, answer, sizeof(answer) - 1);
	expect_connected();
	assert_int_equal(t.sockets, 2);
	close(channel);
	close(dnsd);
	close(listener);
}

static void the_other_family_is_asked_too(void **state)
{
	static const char first[] = "{\"verb\":\"resolve\",\"name\":"
				    "\"direct.example\",\"family\":6}\n";
	static const char second[] = "{\"verb\":\"resolve\",\"name\":"
				     "\"direct.example\",\"family\":4}\n";
	static const char none[] = "{\"end\":true}\n";
	struct name name;
	int dnsd = dnsd_listen(), channel;

	(void)state;
	assert_int_equal(name_parse(&name, "direct.example"), 0);
	start(OUTBOUND_DIRECT, &name, "2001:2::12c", 80);
	channel = relay_fixture_accept(dnsd);
	relay_fixture_expect(channel, first, sizeof(first) - 1);
	relay_fixture_say(channel, none, sizeof(none) - 1);
	relay_fixture_expect(channel, second, sizeof(second) - 1);
	relay_fixture_say(channel, none, sizeof(none) - 1);
	expect_failure(REFUSAL_HOST);
	close(channel);
	close(dnsd);
}

static void a_dial_can_be_stopped_in_each_phase(void **state)
{
	struct name name;
	int dnsd = dnsd_listen(), channel, fd;

	(void)state;
	assert_int_equal(name_parse(&name, "direct.example"), 0);
	start(OUTBOUND_DIRECT, &name, "198.18.1.44", 80);
	channel = relay_fixture_accept(dnsd);
	dial_stop(&t.dial);
	dial_stop(&t.dial);
	start(OUTBOUND_FIRST, &name, "198.18.1.44", 80);
	dial_stop(&t.dial);
	start(OUTBOUND_FIRST, &name, "198.18.1.44", 80);
	close(relay_fixture_accept(fixture.proxy));
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, "\5\1\0", 3);
	assert_int_equal(dial_failure_if_late(&t.dial).refusal, REFUSAL_NET);
	assert_true(dial_failure_if_late(&t.dial).is_outbounds);
	relay_fixture_say(fd, "\5\0", 2);
	RUN_UNTIL(!dial_failure_if_late(&t.dial).is_outbounds);
	assert_int_equal(dial_failure_if_late(&t.dial).refusal, REFUSAL_HOST);
	dial_stop(&t.dial);
	relay_fixture_expect_end(fd);
	assert_int_equal(t.connected + t.failed, 0);
	close(channel);
	close(dnsd);
	close(fd);
}

static void a_proxy_that_hangs_up_is_told_apart(void **state)
{
	struct name name;
	int fd;

	(void)state;
	assert_int_equal(name_parse(&name, "site.example"), 0);
	start(OUTBOUND_FIRST, &name, "198.18.1.44", 80);
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, "\5\1\0", 3);
	close(fd);
	expect_failure(REFUSAL_NET);
	assert_true(t.failure.is_outbounds);
	start(OUTBOUND_FIRST, &name, "198.18.1.44", 80);
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, "\5\1\0", 3);
	relay_fixture_say(fd, "HT", 2);
	expect_failure(REFUSAL_NET);
	assert_true(t.failure.is_outbounds);
	close(fd);
}

static void a_name_that_socks_cannot_say_fails(void **state)
{
	struct name name;

	(void)state;
	assert_int_equal(name_parse(&name, "a\\.b.example"), 0);
	start(OUTBOUND_FIRST, &name, "198.18.1.44", 80);
	expect_failure(REFUSAL_HOST);
}

static void a_web_proxy_is_asked_by_name(void **state)
{
	static const char request[] = "CONNECT site.example:80 HTTP/1.1\r\n"
				      "Host: site.example:80\r\n\r\n";
	struct name name;
	char early[8];
	int fd;

	(void)state;
	assert_int_equal(name_parse(&name, "site.example"), 0);
	start(OUT_WEB, &name, "198.18.1.44", 80);
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, request, sizeof(request) - 1);
	relay_fixture_say(fd, "HTTP/1.1 200", 12);
	relay_fixture_say(fd, " OK\r\n\r\nearly", 12);
	RUN_UNTIL(t.connected + t.failed > 0);
	assert_int_equal(t.connected, 1);
	assert_int_equal(recv(t.fd, early, sizeof(early), 0), 5);
	close(fd);
	poller_forget(fixture.parts.poller, &t.source);
	close(t.fd);

	start(OUT_WEB, &name, "198.18.1.44", 80);
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, request, sizeof(request) - 1);
	relay_fixture_say(fd, "HTTP/1.1 403 No\r\n\r\n", 19);
	expect_failure(REFUSAL_PROHIBITED);
	assert_true(t.failure.is_answered);
	assert_false(t.failure.is_outbounds);
	close(fd);
}

static void a_proxy_may_have_a_unix_socket(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)state;
	start(OUT_UNIX, NULL, "192.0.2.1", 80);
	expect_failure(REFUSAL_NET);
	assert_true(t.failure.is_outbounds);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/proxy.sock",
		 fixture.folder);
	assert_int_equal(
		bind(listener, (struct sockaddr *)&address, sizeof(address)),
		0);
	assert_int_equal(listen(listener, 8), 0);
	start(OUT_UNIX, NULL, "192.0.2.1", 80);
	fd = relay_fixture_accept(listener);
	relay_fixture_expect(fd, "\5\1\0", 3);
	relay_fixture_say(fd, "\5\0", 2);
	relay_fixture_expect(fd, "\5\1\0\1\300\0\2\1\0\120", 10);
	relay_fixture_say(fd, "\5\0\0\1\0\0\0\0\0\0", 10);
	expect_connected();
	assert_int_equal(t.own.dst.port, 0);
	close(fd);
	close(listener);
}

static void what_was_learnt_wrongly_costs_no_flow(void **state)
{
	struct policy_outbound *proxy =
		&fixture.parts.policy->outbounds[OUT_PROXY];
	int fd;

	(void)state;
	proxy->pipelining = POLICY_PIPELINING_TAKEN;
	start(OUT_PROXY, NULL, "192.0.2.1", 80);
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, "\5\1\0\5\1\0\1\300\0\2\1\0\120", 13);
	relay_fixture_say(fd, "\5\0", 2);
	close(fd);
	/* Once more, the long way. */
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, "\5\1\0", 3);
	assert_int_equal(proxy->pipelining, POLICY_PIPELINING_REFUSED);
	relay_fixture_say(fd, "\5\0", 2);
	relay_fixture_expect(fd, "\5\1\0\1\300\0\2\1\0\120", 10);
	relay_fixture_say(fd, "\5\0\0\1\0\0\0\0\0\0", 10);
	expect_connected();
	close(fd);
	/* A refusal is an answer, and no reason to ask again. */
	proxy->pipelining = POLICY_PIPELINING_TAKEN;
	start(OUT_PROXY, NULL, "192.0.2.1", 80);
	fd = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(fd, "\5\1\0\5\1\0\1\300\0\2\1\0\120", 13);
	relay_fixture_say(fd, "\5\0\5\5\0\1\0\0\0\0\0\0", 12);
	expect_failure(REFUSAL_RESET);
	assert_int_equal(proxy->pipelining, POLICY_PIPELINING_TAKEN);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_is_dialled_directly),
		TEST(without_a_link_the_net_is_unreachable),
		TEST(an_interface_has_to_be_there),
		TEST(addresses_of_a_name_are_tried_in_turn),
		TEST(the_other_family_is_asked_too),
		TEST(a_dial_can_be_stopped_in_each_phase),
		TEST(a_proxy_that_hangs_up_is_told_apart),
		TEST(a_name_that_socks_cannot_say_fails),
		TEST(a_web_proxy_is_asked_by_name),
		TEST(a_proxy_may_have_a_unix_socket),
		TEST(what_was_learnt_wrongly_costs_no_flow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
