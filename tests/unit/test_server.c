// SPDX-License-Identifier: BSD-2-Clause
/*
 * Real sockets on an address of 127/8 that this process has for itself; the
 * loop is turned by hand.
 */
#include "dnsd/server.h"

#include "dnsd/listen/tcp.h"
#include "dnsd/listen/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT 15353

/* Every query is its own reply; its first byte says how. */
enum {
	ECHO = 'e',
	PROMISE = 'p',
	LATER = 'l',
	SILENCE = 's',
	LARGE = 'L',
	FLOOD = 'F', /* far more promises than a batch has room for */
};

#define FLOOD_PROMISES 1500

/* The clock of commits: all of them far apart, unless a test stops it. */
static int64_t now_us, step_us;

int64_t __wrap_clock_monotonic_us(void);
int64_t __wrap_clock_monotonic_us(void)
{
	return now_us += step_us;
}

struct fixture {
	struct ev_loop *loop;
	struct server *server;
	struct endpoint listen[2];
	struct asker last; /* of the last query */
	unsigned queries, batches, ends;
	int commit_error;
	/* promised since the last end of a batch; what failed, what was told */
	unsigned promised, lost, broken;
	bool is_mended; /* the next commits succeed */
};

static bool on_query(void *ctx, const struct asker *asker, const uint8_t *query,
		     size_t length)
{
	static const uint8_t large[60000];
	struct fixture *f = ctx;

	f->queries++;
	f->last = *asker;
	if (length == 0 || query[0] == SILENCE)
		return false;
	switch (query[0]) {
	case ECHO:
		server_reply(f->server, asker, query, length);
		break;
	case PROMISE:
		server_promise(f->server, asker, query, length);
		break;
	case FLOOD:
		for (unsigned i = 0; i < FLOOD_PROMISES; i++) {
			f->promised++;
			server_promise(f->server, asker, query, length);
		}
		break;
	case LARGE:
		server_reply(f->server, asker, large, sizeof(large));
		break;
	default:
		break;
	}
	return true;
}

static int on_batch_end(void *ctx)
{
	struct fixture *f = ctx;

	int error = f->commit_error;

	f->batches++;
	if (error)
		f->lost += f->promised;
	f->promised = 0;
	if (f->is_mended)
		f->commit_error = 0;
	return error;
}

static size_t on_promise_broken(void *ctx, struct asker *asker,
				uint8_t *message, size_t length, size_t size)
{
	struct fixture *f = ctx;

	f->broken++;
	assert_int_equal(asker->listener, f->last.listener);
	assert_true(length <= size);
	memcpy(message, "broken", 6);
	return 6;
}

static void on_queries_end(void *ctx)
{
	struct fixture *f = ctx;

	f->ends++;
}

static const struct server_ops ops = {on_query, on_queries_end, on_batch_end,
				      on_promise_broken};

/* 127.x.y.z by the process id: no other test is there. */
static struct endpoint own_endpoint(void)
{
	uint32_t pid = (uint32_t)getpid();

	return (struct endpoint){
		.addr = addr_ipv4(127U << 24 | (pid & 0x3fffff) << 2 | 1),
		.port = PORT};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct server_conf conf = {f ? f->listen : NULL, 2};

	if (!f)
		return -1;
	step_us = 10000;
	f->loop = ev_loop_new(0);
	f->listen[0] = own_endpoint();
	f->listen[1].port = (uint16_t)(20000 + getpid() % 12000);
	f->listen[1].addr.family = ADDR_IPV4;
	if (server_open(&f->server, f->loop, &conf, &ops, f))
		return -1;
	server_start(f->server);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	server_close(f->server);
	ev_loop_destroy(f->loop);
	free(f);
	return 0;
}

/* Turns until nothing is left to do; loopback delivers at once. */
static void turn(struct fixture *f)
{
	for (int i = 0; i < 20; i++)
		ev_run(f->loop, EVRUN_NOWAIT);
}

static int dial(const struct endpoint *to, int type)
{
	const struct timeval patience = {.tv_sec = 5};
	const int room = 200000; /* the kernel doubles it */
	struct sockaddr_storage ss;
	socklen_t length = endpoint_to_sockaddr(to, &ss);
	int fd = socket(AF_INET, type, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, length), 0);
	return fd;
}

static void say(int fd, const void *bytes, size_t length)
{
	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

static void hear(int fd, const void *bytes, size_t length)
{
	char got[512];

	assert_true(length < sizeof(got));
	assert_int_equal(recv(fd, got, sizeof(got), 0), length);
	assert_memory_equal(got, bytes, length);
}

/* True if the server has closed the connection. */
static bool is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static void datagrams_of_a_turn_are_one_batch(void **state)
{
	struct fixture *f = *state;
	struct server_stats stats;
	int fd = dial(&f->listen[0], SOCK_DGRAM);

	for (int i = 0; i < 10; i++)
		say(fd, "echo", 4);
	turn(f);
	assert_int_equal(f->queries, 10);
	assert_int_equal(f->batches, 1);
	for (int i = 0; i < 10; i++)
		hear(fd, "echo", 4);
	server_stats(f->server, &stats);
	assert_int_equal(stats.udp_queries, 10);
	assert_int_equal(stats.udp_replies, 10);
	close(fd);
}

/* Asks so often, and turns until all of it was read. */
static void promise(struct fixture *f, int fd, unsigned count)
{
	unsigned wanted = f->queries + count;

	for (unsigned i = 0; i < count; i++)
		say(fd, "promise!", 8);
	for (int i = 0; i < 100000 && f->queries < wanted; i++)
		turn(f);
	turn(f);
}

static void names_that_come_fast_share_a_commit(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_DGRAM);
	char byte;

	step_us = 0;
	/* The first of them leave at once. */
	for (unsigned i = 1; i <= 9; i++) {
		promise(f, fd, 1);
		hear(fd, "promise!", 8);
		assert_int_equal(f->batches, i);
	}
	promise(f, fd, 1);
	now_us += 500;
	promise(f, fd, 1);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	/* What promises nothing passes them, and breaks nothing. */
	say(fd, "echo", 4);
	turn(f);
	hear(fd, "echo", 4);
	assert_int_equal(f->batches, 9);
	now_us += 500;
	turn(f);
	hear(fd, "promise!", 8);
	hear(fd, "promise!", 8);
	assert_int_equal(f->batches, 10);
	assert_int_equal(f->lost, 0);
	/* So many that nobody waits for more. */
	promise(f, fd, 64);
	assert_int_equal(f->batches, 11);
	for (int i = 0; i < 64; i++)
		hear(fd, "promise!", 8);
	/* After a while without, they leave at once again. */
	now_us += 2000;
	promise(f, fd, 1);
	promise(f, fd, 1);
	assert_int_equal(f->batches, 13);
	close(fd);
}

static void more_than_a_batch_is_lost_by_nobody(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_DGRAM);

	for (int i = 0; i < 3 * UDP_BATCH; i++)
		say(fd, i % 2 ? "echo" : "promise!", i % 2 ? 4 : 8);
	turn(f);
	for (int i = 0; i < 3 * UDP_BATCH; i++)
		hear(fd, i % 2 ? "echo" : "promise!", i % 2 ? 4 : 8);
	assert_true(f->batches >= 3);
	close(fd);
}

static void a_wildcard_replies_from_the_address_asked(void **state)
{
	struct fixture *f = *state;
	struct endpoint other = own_endpoint();
	int fd;

	/* A connected socket hears nothing from any other address. */
	other.addr = addr_ipv4(addr_to_ipv4(&other.addr) + 1);
	other.port = f->listen[1].port;
	fd = dial(&other, SOCK_DGRAM);
	say(fd, "echo", 4);
	turn(f);
	hear(fd, "echo", 4);
	assert_true(addr_equal(&f->last.local, &other.addr));
	assert_int_equal(f->last.listener, 1);
	close(fd);
}

static void only_promises_are_broken(void **state)
{
	struct fixture *f = *state;
	int udp = dial(&f->listen[0], SOCK_DGRAM);
	int tcp = dial(&f->listen[0], SOCK_STREAM);

	f->commit_error = -ENOSPC;
	say(udp, "promise", 7);
	say(udp, "echo", 4);
	say(tcp, "\0\7promise", 9);
	turn(f);
	hear(udp, "broken", 6);
	hear(udp, "echo", 4);
	hear(tcp, "\0\6broken", 8);
	f->commit_error = 0;
	say(udp, "promise", 7);
	turn(f);
	hear(udp, "promise", 7);
	close(udp);
	close(tcp);
}

/* As when a disk is full for a moment while the queue runs over. */
static void a_promise_is_broken_with_the_batch_it_was_made_in(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_DGRAM);

	f->commit_error = -ENOSPC;
	f->is_mended = true;
	say(fd, "Flood", 5);
	turn(f);
	assert_true(f->batches > 1);
	assert_true(f->lost > 0);
	assert_int_equal(f->broken, f->lost);
	close(fd);
}

static void a_batch_ends_though_nothing_waits_for_it(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_STREAM);

	say(fd, "\0\4echo", 6);
	turn(f);
	hear(fd, "\0\4echo", 6);
	assert_int_equal(f->batches, 1);
	close(fd);
}

static void a_stream_is_cut_into_messages(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_STREAM);

	say(fd, "\0", 1);
	turn(f);
	say(fd, "\4ec", 3);
	turn(f);
	assert_int_equal(f->queries, 0);
	say(fd, "ho\0\5eins!\0\0\0\1e\0", 15);
	turn(f);
	assert_int_equal(f->queries, 4);
	assert_true(f->last.is_tcp);
	hear(fd, "\0\4echo\0\5eins!\0\1e", 16);
	assert_false(is_closed(fd));
	close(fd);
	turn(f);
}

static void a_message_too_long_closes(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_STREAM);

	say(fd, "\xff\xff", 2);
	turn(f);
	assert_true(is_closed(fd));
	close(fd);
}

static void a_half_closed_client_gets_its_last_reply(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_STREAM);

	say(fd, "\0\5later", 7);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	turn(f);
	assert_false(is_closed(fd));
	server_reply(f->server, &f->last, (const uint8_t *)"now", 3);
	turn(f);
	hear(fd, "\0\3now", 5);
	assert_true(is_closed(fd));
	close(fd);
}

static void a_late_reply_finds_nobody(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_STREAM);
	struct asker gone;

	say(fd, "\0\5later", 7);
	turn(f);
	gone = f->last;
	close(fd);
	turn(f);
	fd = dial(&f->listen[0], SOCK_STREAM);
	say(fd, "\0\5later", 7);
	turn(f);
	server_reply(f->server, &gone, (const uint8_t *)"wrong", 5);
	server_reply(f->server, &f->last, (const uint8_t *)"right", 5);
	turn(f);
	hear(fd, "\0\5right", 7);
	close(fd);
}

static void who_does_not_read_is_no_longer_read(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_STREAM);
	unsigned before;
	size_t got = 0, count = 0;
	char bytes[65536];

	for (int i = 0; i < 200; i++) {
		say(fd, "\0\1L", 3);
		turn(f);
		count++;
		if (f->queries < count)
			break;
	}
	before = f->queries;
	assert_true(before < count);
	while (got < before * (size_t)60002) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n > 0)
			got += (size_t)n;
		else
			assert_int_equal(errno, EAGAIN);
		turn(f);
	}
	assert_int_equal(f->queries, count);
	close(fd);
}

static void the_pipeline_has_a_bound(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_STREAM);

	for (int i = 0; i < TCP_PIPELINE_MAX + 10; i++) {
		say(fd, "\0\5later", 7);
		turn(f);
	}
	assert_int_equal(f->queries, TCP_PIPELINE_MAX);
	server_reply(f->server, &f->last, (const uint8_t *)"now", 3);
	turn(f);
	assert_true(f->queries > TCP_PIPELINE_MAX);
	close(fd);
}

static void what_gets_no_reply_takes_no_place_in_the_pipeline(void **state)
{
	struct fixture *f = *state;
	int fd = dial(&f->listen[0], SOCK_STREAM);

	for (int i = 0; i < 2 * TCP_PIPELINE_MAX; i++) {
		say(fd, "\0\1s\0\0", 5);
		turn(f);
	}
	say(fd, "\0\4echo", 6);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	turn(f);
	hear(fd, "\0\4echo", 6);
	assert_true(is_closed(fd));
	close(fd);
}

static void the_idlest_makes_room(void **state)
{
	struct fixture *f = *state;
	/* Both ends are ours: a quarter of the descriptors fits twice. */
	int fds[TCP_CLIENTS_MAX + 1];
	struct server_stats stats;
	struct rlimit limit;
	unsigned places = TCP_CLIENTS_MAX;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_cur / 4 < places)
		places = (unsigned)limit.rlim_cur / 4;
	assert_int_equal(server_keepalive_ds(f->server), 100);
	for (unsigned i = 0; i <= places; i++) {
		fds[i] = dial(&f->listen[0], SOCK_STREAM);
		turn(f);
	}
	server_stats(f->server, &stats);
	assert_int_equal(stats.tcp_open, places);
	assert_int_equal(stats.tcp_evicted, 1);
	assert_int_equal(server_keepalive_ds(f->server), 0);
	assert_true(is_closed(fds[0]));
	say(fds[places], "\0\4echo", 6);
	turn(f);
	hear(fds[places], "\0\4echo", 6);
	for (unsigned i = 0; i <= places; i++)
		close(fds[i]);
	turn(f);
	server_stats(f->server, &stats);
	assert_int_equal(stats.tcp_open, 0);
}

static void an_address_in_use_is_an_error(void **state)
{
	struct fixture *f = *state;
	const struct server_conf conf = {f->listen, 1};
	struct server *second;

	assert_int_equal(server_open(&second, f->loop, &conf, &ops, f),
			 -EADDRINUSE);
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(datagrams_of_a_turn_are_one_batch),
		TEST(names_that_come_fast_share_a_commit),
		TEST(more_than_a_batch_is_lost_by_nobody),
		TEST(a_wildcard_replies_from_the_address_asked),
		TEST(only_promises_are_broken),
		TEST(a_promise_is_broken_with_the_batch_it_was_made_in),
		TEST(a_batch_ends_though_nothing_waits_for_it),
		TEST(a_stream_is_cut_into_messages),
		TEST(a_message_too_long_closes),
		TEST(a_half_closed_client_gets_its_last_reply),
		TEST(a_late_reply_finds_nobody),
		TEST(who_does_not_read_is_no_longer_read),
		TEST(the_pipeline_has_a_bound),
		TEST(what_gets_no_reply_takes_no_place_in_the_pipeline),
		TEST(the_idlest_makes_room),
		TEST(an_address_in_use_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
