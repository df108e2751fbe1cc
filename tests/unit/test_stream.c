// SPDX-License-Identifier: BSD-2-Clause
/*
 * The far end is a socket of the test's own on loopback; only the uplink is
 * left out, at link time.
 */
#include "dnsd/upstream/stream.h"

#include "dnsd/question.h"
#include "dnsd/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define QUERIES 3

/* A query of which only the header is there; `number` stands in its flags. */
struct asked {
	struct stream_query query;
	uint16_t number;
	int answers, errors, status;
};

static struct {
	struct ev_loop *loop;
	struct stream stream;
	struct upstream_server_conf server;
	struct asked asked[QUERIES];
	int listener, peer;
} t;

const struct nl_state *
__wrap_uplink_watch_state(const struct uplink_watch *watch);
int __wrap_uplink_bind(int fd, const struct nl_state *state,
		       const struct addr *dst, const char *pinned);

const struct nl_state *
__wrap_uplink_watch_state(const struct uplink_watch *watch)
{
	(void)watch;
	return NULL;
}

int __wrap_uplink_bind(int fd, const struct nl_state *state,
		       const struct addr *dst, const char *pinned)
{
	(void)fd;
	(void)state;
	(void)dst;
	(void)pinned;
	return 0;
}

static size_t on_write(struct stream_query *query, uint8_t *out)
{
	struct asked *asked = (struct asked *)query;

	memset(out, 0, DNS_HEADER_SIZE);
	wire_write16(out, query->id);
	wire_write16(out + 2, asked->number);
	return DNS_HEADER_SIZE;
}

static bool on_message(struct stream_query *query, const uint8_t *message,
		       size_t length)
{
	struct asked *asked = (struct asked *)query;

	assert_int_equal(length, DNS_HEADER_SIZE);
	if (wire_read16(message + 2) != asked->number)
		return false;
	stream_withdraw(query);
	asked->answers++;
	return true;
}

static void on_error(struct stream_query *query, int status, const char *why)
{
	struct asked *asked = (struct asked *)query;

	(void)why;
	asked->errors++;
	asked->status = status;
}

static const struct stream_ops ops = {on_write, on_message, on_error};

static int set_up(void **state)
{
	struct sockaddr_in self = {.sin_family = AF_INET};
	socklen_t size = sizeof(self);

	(void)state;
	memset(&t, 0, sizeof(t));
	t.loop = ev_loop_new(EVFLAG_AUTO);
	t.peer = -1;
	t.listener = socket(AF_INET, SOCK_STREAM, 0);
	self.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!t.loop || bind(t.listener, (struct sockaddr *)&self, size) ||
	    listen(t.listener, 4) ||
	    getsockname(t.listener, (struct sockaddr *)&self, &size))
		return -1;
	t.server.transport = UPSTREAM_TCP;
	t.server.endpoint.addr = addr_ipv4(INADDR_LOOPBACK);
	t.server.endpoint.port = ntohs(self.sin_port);
	t.stream.loop = t.loop;
	t.stream.ops = &ops;
	stream_init(&t.stream);
	for (uint16_t i = 0; i < QUERIES; i++)
		t.asked[i].number = i + 1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stream_close(&t.stream, -ECANCELED, NULL);
	if (t.peer >= 0)
		close(t.peer);
	if (t.listener >= 0)
		close(t.listener);
	ev_loop_destroy(t.loop);
	return 0;
}

static void ask(int i)
{
	const struct stream_way way = {NULL, NULL};

	assert_int_equal(
		stream_ask(&t.stream, &way, &t.server, &t.asked[i].query), 0);
}

static void accept_peer(void)
{
	if (t.peer >= 0)
		close(t.peer);
	t.peer = accept(t.listener, NULL, NULL);
	assert_true(t.peer >= 0);
}

/* The next query as it arrives, its frame included. */
static void receive(uint8_t frame[2 + DNS_HEADER_SIZE])
{
	size_t length = 0, wanted = 2 + DNS_HEADER_SIZE;

	while (length < wanted) {
		ssize_t got = recv(t.peer, frame + length, wanted - length,
				   MSG_DONTWAIT);
		if (got > 0)
			length += (size_t)got;
		else
			ev_run(t.loop, EVRUN_ONCE);
	}
	assert_int_equal(wire_read16(frame), DNS_HEADER_SIZE);
}

static void answer(const uint8_t frame[2 + DNS_HEADER_SIZE])
{
	assert_int_equal(send(t.peer, frame, 2 + DNS_HEADER_SIZE, 0),
			 2 + DNS_HEADER_SIZE);
}

static void queries_share_a_connection_in_any_order(void **state)
{
	uint8_t frames[QUERIES][2 + DNS_HEADER_SIZE];

	(void)state;
	for (int i = 0; i < QUERIES; i++)
		ask(i);
	accept_peer();
	for (int i = 0; i < QUERIES; i++)
		receive(frames[i]);
	/* One that is not the answer, though it has its ID, is passed over. */
	wire_write16(frames[0] + 4, 99);
	answer(frames[0]);
	wire_write16(frames[0] + 4, 1);
	for (int i = QUERIES - 1; i >= 0; i--)
		answer(frames[i]);
	while (!t.asked[0].answers)
		ev_run(t.loop, EVRUN_ONCE);
	for (int i = 0; i < QUERIES; i++) {
		assert_int_equal(t.asked[i].answers, 1);
		assert_int_equal(t.asked[i].errors, 0);
	}
	/* The connection is still there. */
	ask(0);
	receive(frames[0]);
}

static void what_was_not_answered_is_asked_once_more(void **state)
{
	uint8_t frame[2 + DNS_HEADER_SIZE];

	(void)state;
	ask(0);
	accept_peer();
	receive(frame);
	answer(frame);
	while (!t.asked[0].answers)
		ev_run(t.loop, EVRUN_ONCE);
	ask(1);
	receive(frame);
	shutdown(t.peer, SHUT_RDWR);
	ev_run(t.loop, EVRUN_ONCE);
	accept_peer();
	receive(frame);
	assert_int_equal(wire_read16(frame + 4), 2);
	/* The new one has answered nothing: now it fails. */
	shutdown(t.peer, SHUT_RDWR);
	while (!t.asked[1].errors)
		ev_run(t.loop, EVRUN_ONCE);
	assert_int_equal(t.asked[1].answers, 0);
	assert_int_equal(t.asked[1].status, -ECONNRESET);
}

static void nobody_there_is_told_to_all(void **state)
{
	(void)state;
	close(t.listener);
	t.listener = -1;
	for (int i = 0; i < QUERIES; i++)
		ask(i);
	while (!t.asked[QUERIES - 1].errors)
		ev_run(t.loop, EVRUN_ONCE);
	for (int i = 0; i < QUERIES; i++) {
		assert_int_equal(t.asked[i].errors, 1);
		assert_int_equal(t.asked[i].status, -ECONNREFUSED);
	}
}

static void what_is_withdrawn_hears_nothing(void **state)
{
	uint8_t frame[2 + DNS_HEADER_SIZE];

	(void)state;
	ask(0);
	ask(1);
	accept_peer();
	receive(frame);
	stream_withdraw(&t.asked[0].query);
	answer(frame);
	receive(frame);
	answer(frame);
	while (!t.asked[1].answers)
		ev_run(t.loop, EVRUN_ONCE);
	assert_int_equal(t.asked[0].answers + t.asked[0].errors, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(queries_share_a_connection_in_any_order),
		TEST(what_was_not_answered_is_asked_once_more),
		TEST(nobody_there_is_told_to_all),
		TEST(what_is_withdrawn_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
