// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/udp.h"

#include "tests/unit/relay_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST(name)                                                 \
	cmocka_unit_test_setup_teardown(name, relay_fixture_setup, \
					relay_fixture_teardown)

enum {
	SRC_AT = 12,
	DST_AT = 16,
	SRC_PORT_AT = 20,
	DST_PORT_AT = 22,
	PAYLOAD_AT = 28,
	SIZE = 20,
	HEAD = 10, /* of SOCKS, with an IPv4 address */
};

static uint8_t bytes[PACKETS_SIZE], out[PACKETS_SIZE];
static struct packet packet;

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* A datagram of `SIZE` times `fill`; its source port is 40000. */
static void send_to(struct addr addr, uint16_t port, uint8_t fill)
{
	size_t length = packets_udp4(bytes, SIZE);

	memcpy(bytes + DST_AT, addr.bytes, 4);
	put16(bytes + DST_PORT_AT, port);
	memset(bytes + PAYLOAD_AT, fill, SIZE);
	relay_fixture_send(bytes, length);
}

static struct addr fake_of(uint32_t slot)
{
	const struct fake_pool pool = fake_pool_default();

	return fake_ipv4(&pool, slot);
}

static void expect_icmp(uint8_t code)
{
	relay_fixture_receive(fixture.host, out, &packet);
	assert_int_equal(packet.protocol, PACKET_ICMP);
	assert_int_equal(packet.icmp.type, 3);
	assert_int_equal(packet.icmp.code, code);
}

/* The application gets `SIZE` times `fill` from there. */
static void expect_from(struct addr addr, uint16_t port, uint8_t fill)
{
	relay_fixture_receive(fixture.host, out, &packet);
	assert_int_equal(packet.protocol, PACKET_UDP);
	assert_true(addr_equal(&packet.src.addr, &addr));
	assert_int_equal(packet.src.port, port);
	assert_int_equal(packet.dst.port, 40000);
	assert_int_equal(packet.length, PAYLOAD_AT + SIZE);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(out[PAYLOAD_AT + i], fill);
}

/* --- a proxy --- */

static struct {
	int control, udp;
	uint16_t port;
	struct sockaddr_in client;
} proxy;

/* Plays the server up to the reply; 0: it takes the association. */
static void associate(uint8_t reply)
{
	uint8_t answer[HEAD] = {5, reply, 0, 1, 127, 0, 0, 1};

	proxy.udp = relay_fixture_udp(&proxy.port);
	put16(answer + 8, proxy.port);
	proxy.control = relay_fixture_accept(fixture.proxy);
	relay_fixture_expect(proxy.control, "\5\1\0", 3);
	relay_fixture_say(proxy.control, "\5\0", 2);
	relay_fixture_expect(proxy.control, "\5\3\0\1\0\0\0\0\0\0", 10);
	relay_fixture_say(proxy.control, answer, sizeof(answer));
}

static void end_proxy(void)
{
	close(proxy.control);
	close(proxy.udp);
}

/* The proxy gets this header, and `SIZE` times `fill` behind it. */
static void expect_at_proxy(const void *head, size_t length, uint8_t fill)
{
	uint8_t got[256];
	socklen_t size = sizeof(proxy.client);
	ssize_t n;

	RUN_UNTIL((n = recvfrom(proxy.udp, got, sizeof(got), 0,
				(struct sockaddr *)&proxy.client, &size)) > 0);
	assert_int_equal(n, length + SIZE);
	assert_memory_equal(got, head, length);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(got[length + i], fill);
}

static bool is_proxy_quiet(void)
{
	uint8_t byte;

	relay_fixture_run();
	return recv(proxy.udp, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static void answer_from(struct addr addr, uint16_t port, uint8_t fill)
{
	uint8_t datagram[HEAD + SIZE] = {0, 0, 0, 1};

	memcpy(datagram + 4, addr.bytes, 4);
	put16(datagram + 8, port);
	memset(datagram + HEAD, fill, SIZE);
	assert_int_equal(sendto(proxy.udp, datagram, sizeof(datagram), 0,
				(struct sockaddr *)&proxy.client,
				sizeof(proxy.client)),
			 sizeof(datagram));
}

static const struct addr real = {ADDR_IPV4, {192, 0, 2, 77}};
static const struct addr third = {ADDR_IPV4, {192, 0, 2, 99}};
static const char named_head[] = "\0\0\0\3\14site.example\1\273";
static const char real_head[] = "\0\0\0\1\300\0\2\115\1\273";

static void what_is_refused_is_told(void **state)
{
	static const uint32_t slots[] = {SLOT_REJECT, SLOT_UNKNOWN};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
		send_to(fake_of(slots[i]), 443, 1);
		expect_icmp(3);
	}
	send_to(fake_of(SLOT_DROP), 443, 1);
	assert_true(relay_fixture_is_quiet(fixture.host));
}

static void the_first_ones_wait_for_the_association(void **state)
{
	(void)state;
	send_to(fake_of(SLOT_SITE), 443, 1);
	send_to(fake_of(SLOT_SITE), 443, 2);
	associate(0);
	expect_at_proxy(named_head, sizeof(named_head) - 1, 1);
	expect_at_proxy(named_head, sizeof(named_head) - 1, 2);
	answer_from(real, 443, 3);
	expect_from(fake_of(SLOT_SITE), 443, 3);
	end_proxy();
}

static void a_name_is_replaced_by_what_it_turned_out_to_be(void **state)
{
	(void)state;
	send_to(fake_of(SLOT_SITE), 443, 1);
	associate(0);
	expect_at_proxy(named_head, sizeof(named_head) - 1, 1);
	answer_from(real, 443, 2);
	expect_from(fake_of(SLOT_SITE), 443, 2);
	send_to(fake_of(SLOT_SITE), 443, 3);
	expect_at_proxy(real_head, HEAD, 3);
	/* Whoever else sends is let through, by its own address. */
	answer_from(third, 443, 4);
	expect_from(third, 443, 4);
	answer_from(real, 444, 5);
	expect_from(real, 444, 5);
	end_proxy();
}

static void one_name_at_a_time_is_asked(void **state)
{
	(void)state;
	relay_fixture_follow("  - MATCH,proxy\n");
	send_to(fake_of(SLOT_SITE), 443, 1);
	send_to(fake_of(SLOT_DIRECT), 443, 2);
	associate(0);
	expect_at_proxy(named_head, sizeof(named_head) - 1, 1);
	assert_true(is_proxy_quiet());
	answer_from(real, 443, 3);
	expect_from(fake_of(SLOT_SITE), 443, 3);
	expect_at_proxy("\0\0\0\3\16direct.example\1\273", 21, 2);
	answer_from(third, 443, 4);
	expect_from(fake_of(SLOT_DIRECT), 443, 4);
	end_proxy();
}

static void another_port_is_no_other_meaning(void **state)
{
	(void)state;
	relay_fixture_follow("  - MATCH,proxy\n");
	send_to(fake_of(SLOT_SITE), 443, 1);
	send_to(fake_of(SLOT_DIRECT), 444, 2);
	associate(0);
	expect_at_proxy(named_head, sizeof(named_head) - 1, 1);
	expect_at_proxy("\0\0\0\3\16direct.example\1\274", 21, 2);
	answer_from(third, 444, 4);
	expect_from(fake_of(SLOT_DIRECT), 444, 4);
	end_proxy();
}

static void a_proxy_without_udp_is_told_at_once(void **state)
{
	(void)state;
	send_to(fake_of(SLOT_SITE), 443, 1);
	associate(7);
	expect_icmp(3);
	end_proxy();
	/* It is known from now on: nobody is asked. */
	send_to(fake_of(SLOT_SITE), 444, 1);
	expect_icmp(3);
	assert_int_equal(accept(fixture.proxy, NULL, NULL), -1);
}

static void an_association_that_ends_is_made_anew(void **state)
{
	(void)state;
	send_to(fake_of(SLOT_SITE), 443, 1);
	associate(0);
	expect_at_proxy(named_head, sizeof(named_head) - 1, 1);
	end_proxy();
	relay_fixture_run();
	send_to(fake_of(SLOT_SITE), 443, 2);
	associate(0);
	expect_at_proxy(named_head, sizeof(named_head) - 1, 2);
	end_proxy();
}

static void direct_goes_by_a_socket_of_its_own(void **state)
{
	const struct addr loopback = addr_ipv4(INADDR_LOOPBACK);
	struct sockaddr_in client;
	socklen_t size = sizeof(client);
	uint16_t port, third_port;
	int server = relay_fixture_udp(&port);
	int other = relay_fixture_udp(&third_port);
	uint8_t got[SIZE];

	(void)state;
	send_to(loopback, port, 1);
	RUN_UNTIL(recvfrom(server, got, sizeof(got), 0,
			   (struct sockaddr *)&client, &size) == SIZE);
	memset(got, 2, SIZE);
	assert_int_equal(
		sendto(server, got, SIZE, 0, (struct sockaddr *)&client, size),
		SIZE);
	expect_from(loopback, port, 2);
	memset(got, 3, SIZE);
	assert_int_equal(
		sendto(other, got, SIZE, 0, (struct sockaddr *)&client, size),
		SIZE);
	expect_from(loopback, third_port, 3);
	close(server);
	close(other);
}

/* What comes in one turn goes out as trains where sizes allow it. */
static void a_burst_arrives_whole_and_in_order(void **state)
{
	static const size_t sizes[] = {100, 100, 100, 60, 100, 0, 60, 60, 61};
	const struct addr loopback = addr_ipv4(INADDR_LOOPBACK);
	uint8_t frame[CARRIER_HEADER_SIZE + PACKETS_SIZE] = {1};
	uint16_t port;
	int server = relay_fixture_udp(&port);

	(void)state;
	for (uint8_t i = 0; i < 90; i++) {
		size_t size = sizes[i % ARRAY_LEN(sizes)];
		uint8_t *at = frame + CARRIER_HEADER_SIZE;
		size_t length = packets_udp4(at, size);

		memcpy(at + DST_AT, loopback.bytes, 4);
		put16(at + DST_PORT_AT, port);
		memset(at + PAYLOAD_AT, i, size);
		length += CARRIER_HEADER_SIZE;
		assert_int_equal(write(fixture.host, frame, length), length);
		/* The socket of packets holds a few only. */
		if (i % 20 == 19)
			relay_fixture_run();
	}
	for (uint8_t i = 0; i < 90; i++) {
		size_t size = sizes[i % ARRAY_LEN(sizes)];
		ssize_t n;

		RUN_UNTIL((n = recv(server, out, sizeof(out), 0)) >= 0);
		assert_int_equal(n, size);
		for (size_t at = 0; at < size; at++)
			assert_int_equal(out[at], i);
	}
	close(server);
}

static void errors_of_the_way_are_told(void **state)
{
	uint16_t port;
	int server = relay_fixture_udp(&port);

	(void)state;
	close(server); /* nobody is there any more */
	send_to(addr_ipv4(INADDR_LOOPBACK), port, 1);
	expect_icmp(3);
	assert_int_equal(addr_to_ipv4(&packet.src.addr), INADDR_LOOPBACK);
	/* What was sent is quoted, as the application sent it. */
	assert_memory_equal(out + 28 + DST_AT, bytes + DST_AT, 4);
	assert_memory_equal(out + 28 + SRC_PORT_AT, bytes + SRC_PORT_AT, 4);
}

static void questions_go_to_dnsd_whoever_was_asked(void **state)
{
	struct sockaddr_in relay;
	socklen_t size = sizeof(relay);
	uint8_t first[SIZE], second[SIZE];

	(void)state;
	send_to(real, 53, 7);
	RUN_UNTIL(recvfrom(fixture.dnsd, first, SIZE, 0,
			   (struct sockaddr *)&relay, &size) == SIZE);
	send_to(third, 53, 7);
	RUN_UNTIL(recv(fixture.dnsd, second, SIZE, 0) == SIZE);
	/* The same id, told apart. */
	assert_memory_not_equal(first, second, 2);
	assert_memory_equal(first + 2, second + 2, SIZE - 2);
	for (int i = 0; i < 2; i++)
		sendto(fixture.dnsd, i == 0 ? second : first, SIZE, 0,
		       (struct sockaddr *)&relay, size);
	expect_from(third, 53, 7);
	expect_from(real, 53, 7);
	/* An answer that came already is none. */
	sendto(fixture.dnsd, first, SIZE, 0, (struct sockaddr *)&relay, size);
	assert_true(relay_fixture_is_quiet(fixture.host));
}

static void without_dnsd_port_53_is_unreachable(void **state)
{
	(void)state;
	close(fixture.dnsd);
	fixture.dnsd = -1;
	send_to(real, 53, 7);
	expect_icmp(3);
}

static void too_many_flows_are_refused(void **state)
{
	uint16_t port;
	int server = relay_fixture_udp(&port);

	(void)state;
	for (uint16_t i = 0; i < 5; i++) {
		size_t length = packets_udp4(bytes, SIZE);
		const struct addr to = addr_ipv4(INADDR_LOOPBACK);

		memcpy(bytes + DST_AT, to.bytes, 4);
		put16(bytes + SRC_PORT_AT, (uint16_t)(50000 + i));
		put16(bytes + DST_PORT_AT, port);
		relay_fixture_send(bytes, length);
	}
	expect_icmp(3);
	assert_true(relay_fixture_is_quiet(fixture.host));
	close(server);
}

static void send_from_port(uint16_t port)
{
	packets_udp4(bytes, SIZE);
	put16(bytes + SRC_PORT_AT, port);
	memcpy(bytes + DST_AT, fake_of(SLOT_REJECT).bytes, 4);
	relay_fixture_send(bytes, PAYLOAD_AT + SIZE);
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
	packets_udp4(bytes, SIZE);
	bytes[SRC_AT + 3] = 77; /* not the TUN's own address */
	put16(bytes + SRC_PORT_AT, 123);
	memcpy(bytes + DST_AT, fake_of(SLOT_REJECT).bytes, 4);
	relay_fixture_send(bytes, PAYLOAD_AT + SIZE);
	expect_icmp(3);
	assert_int_equal(link_recv(fixture.link, &message, &fds), -EAGAIN);
}

static const struct link_owner of_server = {.outbound = 4};

static void the_parent_is_asked_whose_it_is(void **state)
{
	struct link_message message;
	struct link_fds fds;
	uint16_t port;
	int server = relay_fixture_udp(&port);

	(void)state;
	relay_fixture_follow("  - MATCH,proxy\n");
	fixture.parts.policy->has_local_server = true;
	send_to(addr_ipv4(INADDR_LOOPBACK), port, 1);
	assert_int_equal(link_recv(fixture.link, &message, &fds), 1);
	assert_int_equal(message.type, LINK_OWNER);
	assert_int_equal(message.flow.network, NETWORK_UDP);
	assert_false(udp_on_owner(fixture.parts.udp, 7, &of_server));
	assert_true(udp_on_owner(fixture.parts.udp, message.id, &of_server));
	/* It is the server's own: past the proxy. */
	RUN_UNTIL(recv(server, out, SIZE, 0) == SIZE);
	close(server);
}

static void fragments_are_put_together(void **state)
{
	const struct addr loopback = addr_ipv4(INADDR_LOOPBACK);
	uint8_t whole[PACKETS_SIZE];
	uint16_t port;
	int server = relay_fixture_udp(&port);
	size_t length = packets_udp4(whole, 1000);

	(void)state;
	memcpy(whole + DST_AT, loopback.bytes, 4);
	put16(whole + DST_PORT_AT, port);
	memset(whole + PAYLOAD_AT, 9, 1000);
	for (int i = 1; i >= 0; i--) {
		size_t at = i == 0 ? 0 : 504, size = i == 0 ? 504 : 504;

		memcpy(bytes, whole, 20);
		memcpy(bytes + 20, whole + 20 + at, size);
		put16(bytes + 2, (uint16_t)(20 + size));
		put16(bytes + 6, (uint16_t)(at / 8 | (i == 0 ? 0x2000 : 0)));
		relay_fixture_send(bytes, 20 + size);
	}
	assert_int_equal(length, 1028);
	RUN_UNTIL(recv(server, out, sizeof(out), 0) == 1000);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(out[i], 9);
	close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_refused_is_told),
		TEST(the_first_ones_wait_for_the_association),
		TEST(a_name_is_replaced_by_what_it_turned_out_to_be),
		TEST(one_name_at_a_time_is_asked),
		TEST(another_port_is_no_other_meaning),
		TEST(a_proxy_without_udp_is_told_at_once),
		TEST(an_association_that_ends_is_made_anew),
		TEST(direct_goes_by_a_socket_of_its_own),
		TEST(a_burst_arrives_whole_and_in_order),
		TEST(errors_of_the_way_are_told),
		TEST(questions_go_to_dnsd_whoever_was_asked),
		TEST(without_dnsd_port_53_is_unreachable),
		TEST(too_many_flows_are_refused),
		TEST(a_server_is_told_of_once),
		TEST(a_client_behind_us_is_no_server),
		TEST(the_parent_is_asked_whose_it_is),
		TEST(fragments_are_put_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
