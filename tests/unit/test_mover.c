// SPDX-License-Identifier: BSD-2-Clause
/*
 *	app  <--tcp-->  side[0] [mover] side[1]  <--tcp-->  out
 *
 * Real sockets over loopback: what is tested is what the kernel does.  The
 * mover is polled edge-triggered, as in the relay.
 */
#include "routed/relay/mover.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

int __wrap_shutdown(int fd, int how);
int __real_shutdown(int fd, int how);
int __wrap_pipe2(int fds[2], int flags);
int __real_pipe2(int fds[2], int flags);

/* Only a test that would hang for ever takes so long. */
#define HANG_MS 60000

static struct {
	struct mover_room *room;
	struct mover mover;
	int epoll;
	int app, out; /* the far ends */
	int shutdowns;
	int refused; /* pipes; 0: they are made */
	enum mover_result result;
} t;

static uint8_t buffer[1 << 20];

int __wrap_shutdown(int fd, int how)
{
	t.shutdowns++;
	return __real_shutdown(fd, how);
}

int __wrap_pipe2(int fds[2], int flags)
{
	if (t.refused == 0)
		return __real_pipe2(fds, flags);
	t.refused++;
	errno = EMFILE;
	return -1;
}

static void tcp_pair(int pair[2])
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &size),
			 0);
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)connect(pair[0], (struct sockaddr *)&addr, size);
	pair[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(pair[1] >= 0);
	close(listener);
}

static void watch(int fd, uint32_t end)
{
	const int on = 1;
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.u32 = end,
	};

	assert_int_equal(epoll_ctl(t.epoll, EPOLL_CTL_ADD, fd, &event), 0);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
}

static void begin(unsigned pipes)
{
	int app[2], out[2];

	tcp_pair(app);
	tcp_pair(out);
	memset(&t, 0, sizeof(t));
	assert_int_equal(mover_room_new(&t.room, pipes), 0);
	t.app = app[0];
	t.out = out[0];
	t.epoll = epoll_create1(0);
	mover_start(&t.mover, app[1], out[1]);
	watch(app[1], MOVER_APP);
	watch(out[1], MOVER_OUT);
	t.result = MOVER_AGAIN; /* a flow that opens gets a turn */
}

static void end(void)
{
	if (t.mover.side[0].fd >= 0)
		mover_close(&t.mover, t.room);
	close(t.app);
	close(t.out);
	close(t.epoll);
	mover_room_free(t.room);
}

/* As the relay does: it runs after an event, or when it asks for a turn. */
static void turn(void)
{
	struct epoll_event events[4];
	int count, turns = 0;

	if (t.mover.side[0].fd < 0)
		return;
	for (;;) {
		assert_true(++turns < 10000);
		count = epoll_wait(t.epoll, events, 4, 0);
		for (int i = 0; i < count; i++)
			mover_note(&t.mover, (enum mover_end)events[i].data.u32,
				   events[i].events);
		if (t.result >= MOVER_ENDED ||
		    (t.result == MOVER_WAITS && count == 0))
			break;
		t.result = mover_run(&t.mover, t.room);
	}
	if (t.result == MOVER_ENDED)
		mover_close(&t.mover, t.room);
	else if (t.result == MOVER_BROKE)
		mover_reset(&t.mover, t.room);
}

/* Sleeps until the mover or `fd` (-1: none) has something to do. */
static void wait_for(int fd)
{
	struct pollfd fds[] = {{.fd = t.epoll, .events = POLLIN},
			       {.fd = fd, .events = POLLIN}};

	assert_true(poll(fds, 2, HANG_MS) > 0);
}

/* Turns until `fd` has something to say. */
static ssize_t read_soon(int fd, void *bytes, size_t size)
{
	for (;;) {
		ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);

		if (n >= 0 || errno != EAGAIN)
			return n;
		wait_for(fd);
		turn();
	}
}

/* Turns until the mover gives up. */
static void break_soon(void)
{
	while (t.result != MOVER_BROKE) {
		wait_for(-1);
		turn();
	}
}

static void expect_text(int fd, const char *text)
{
	char bytes[64] = {0};

	assert_int_equal(read_soon(fd, bytes, sizeof(bytes)), strlen(text));
	assert_string_equal(bytes, text);
}

/* A byte of the endless stream that `seed` stands for. */
static uint8_t stream_byte(uint32_t seed, size_t at)
{
	return (uint8_t)((at * 2654435761U + seed) >> 13);
}

static size_t write_stream(int fd, uint32_t seed, size_t at, size_t most)
{
	ssize_t n;

	if (most > sizeof(buffer))
		most = sizeof(buffer);
	for (size_t i = 0; i < most; i++)
		buffer[i] = stream_byte(seed, at + i);
	n = send(fd, buffer, most, MSG_DONTWAIT | MSG_NOSIGNAL);
	assert_true(n >= 0 || errno == EAGAIN);
	return n > 0 ? (size_t)n : 0;
}

static size_t read_stream(int fd, uint32_t seed, size_t at, size_t most)
{
	ssize_t n =
		recv(fd, buffer, most < sizeof(buffer) ? most : sizeof(buffer),
		     MSG_DONTWAIT);

	if (n <= 0) {
		assert_true(n < 0 && errno == EAGAIN);
		return 0;
	}
	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(buffer[i], stream_byte(seed, at + (size_t)i));
	return (size_t)n;
}

/* Sends `size` bytes both ways at once and checks each of them. */
static void exchange(size_t size)
{
	size_t sent[2] = {0}, read[2] = {0};
	const int from[2] = {t.app, t.out}, to[2] = {t.out, t.app};

	while (read[0] < size || read[1] < size) {
		for (uint32_t i = 0; i < 2; i++) {
			sent[i] += write_stream(from[i], i, sent[i],
						size - sent[i]);
			turn();
			read[i] += read_stream(to[i], i, read[i], 200000);
		}
	}
	assert_int_equal(t.mover.lane[MOVER_APP].bytes, size);
	assert_int_equal(t.mover.lane[MOVER_OUT].bytes, size);
}

static void small_things_pass_both_ways(void **state)
{
	(void)state;
	begin(2);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(send(t.app, "ping", 4, 0), 4);
		expect_text(t.out, "ping");
		assert_int_equal(send(t.out, "pong!", 5, 0), 5);
		expect_text(t.app, "pong!");
	}
	assert_int_equal(mover_room_free_pipes(t.room), 2);
	end();
}

static void large_things_pass_unchanged(void **state)
{
	(void)state;
	begin(2);
	exchange(40 << 20);
	end();
}

static void without_a_pipe_it_goes_on_copying(void **state)
{
	(void)state;
	begin(0);
	exchange(10 << 20);
	end();
	/* One that cannot be made is not asked for each time either. */
	begin(2);
	t.refused = 1;
	exchange(10 << 20);
	assert_int_equal(t.refused, 2);
	end();
}

/* It moved a lot in its last turn, and nobody tells it that this was all. */
static void an_idle_lane_has_no_pipe(void **state)
{
	const size_t size = 80000;
	size_t read = 0;

	(void)state;
	begin(1);
	assert_int_equal(write_stream(t.app, 3, 0, size), size);
	while (read < size) {
		turn();
		read += read_stream(t.out, 3, read, size);
	}
	assert_int_equal(mover_room_free_pipes(t.room), 1);
	end();
}

static void urgent_byte(uint32_t seed, size_t *at)
{
	uint8_t byte = stream_byte(seed, (*at)++);

	assert_int_equal(send(t.app, &byte, 1, MSG_OOB), 1);
}

/* Reading pauses at each such byte; everything is there before a turn. */
static void pass_around_an_urgent_byte(unsigned pipes, size_t size)
{
	size_t sent = 0, read = 0;

	begin(pipes);
	sent += write_stream(t.app, 3, sent, size);
	urgent_byte(3, &sent);
	sent += write_stream(t.app, 3, sent, size);
	while (read < sent) {
		wait_for(t.out);
		turn();
		read += read_stream(t.out, 3, read, 100000);
	}
	end();
}

static void urgent_bytes_pass_in_their_place(void **state)
{
	(void)state;
	for (size_t size = 1; size <= 200000; size *= 7) {
		pass_around_an_urgent_byte(0, size);
		pass_around_an_urgent_byte(1, size);
	}
}

static void a_half_close_leaves_the_other_way_open(void **state)
{
	char byte;

	(void)state;
	begin(2);
	assert_int_equal(send(t.app, "request", 7, 0), 7);
	__real_shutdown(t.app, SHUT_WR);
	expect_text(t.out, "request");
	assert_int_equal(read_soon(t.out, &byte, 1), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(t.out, "answer", 6, 0), 6);
		expect_text(t.app, "answer");
	}
	assert_int_equal(t.result, MOVER_WAITS);
	assert_int_equal(t.shutdowns, 1);
	__real_shutdown(t.out, SHUT_WR);
	assert_int_equal(read_soon(t.app, &byte, 1), 0);
	assert_int_equal(t.result, MOVER_ENDED);
	assert_int_equal(t.shutdowns, 1); /* the other end is a close() */
	end();
}

/* As entrance.h arms it, for the case that this process dies. */
static void an_armed_socket_ends_properly_all_the_same(void **state)
{
	size_t got = 0;

	(void)state;
	begin(2);
	mover_arm_reset(t.mover.side[MOVER_APP].fd);
	__real_shutdown(t.app, SHUT_WR);
	turn();
	for (size_t sent = 0; sent < sizeof(buffer);) {
		sent += write_stream(t.out, 5, sent, sizeof(buffer) - sent);
		turn();
		got += read_stream(t.app, 5, got, 1000);
	}
	__real_shutdown(t.out, SHUT_WR);
	while (t.result != MOVER_ENDED) {
		got += read_stream(t.app, 5, got, sizeof(buffer) - got);
		turn();
	}
	/* What is under way when the mover closes arrives, then the end. */
	while (got < sizeof(buffer)) {
		wait_for(t.app);
		got += read_stream(t.app, 5, got, sizeof(buffer) - got);
	}
	assert_int_equal(recv(t.app, buffer, 1, 0), 0);
	end();
}

static void a_half_close_of_the_far_end_passes_too(void **state)
{
	char byte;

	(void)state;
	begin(2);
	__real_shutdown(t.out, SHUT_WR);
	assert_int_equal(read_soon(t.app, &byte, 1), 0);
	assert_int_equal(send(t.app, "still", 5, 0), 5);
	expect_text(t.out, "still");
	close(t.app);
	assert_int_equal(read_soon(t.out, &byte, 1), 0);
	assert_int_equal(t.result, MOVER_ENDED);
	assert_int_equal(t.shutdowns, 1); /* the other end is a close() */
	t.app = -1;
	end();
}

/* What the poller told the dial is not told to the mover again. */
static void an_end_from_before_the_start_is_seen(void **state)
{
	struct epoll_event event;
	char byte;

	(void)state;
	begin(2);
	assert_int_equal(send(t.out, "all of it", 9, 0), 9);
	__real_shutdown(t.out, SHUT_WR);
	do {
		assert_true(epoll_wait(t.epoll, &event, 1, HANG_MS) > 0);
	} while (!(event.events & EPOLLRDHUP));
	while (epoll_wait(t.epoll, &event, 1, 0) > 0)
		;
	turn();
	expect_text(t.app, "all of it");
	assert_int_equal(read_soon(t.app, &byte, 1), 0);
	end();
}

static void the_end_comes_after_all_bytes(void **state)
{
	const size_t size = 3 << 20;
	size_t sent = 0, read = 0;
	char byte;

	(void)state;
	begin(1);
	while (sent < size) {
		sent += write_stream(t.app, 5, sent, size - sent);
		turn();
		/* Reads slower than it writes. */
		read += read_stream(t.out, 5, read, 30000);
	}
	__real_shutdown(t.app, SHUT_WR);
	while (read < size) {
		turn();
		read += read_stream(t.out, 5, read, 30000);
	}
	assert_int_equal(read_soon(t.out, &byte, 1), 0);
	end();
}

/* Sends until nothing more is taken; how much that was. */
static size_t fill_up(uint32_t seed)
{
	size_t sent = 0, last;

	do {
		last = sent;
		for (int i = 0; i < 100; i++) {
			sent += write_stream(t.app, seed, sent, 1 << 20);
			turn();
		}
	} while (sent > last);
	assert_int_equal(t.result, MOVER_WAITS);
	return sent;
}

static void a_full_receiver_stops_the_sender(void **state)
{
	size_t sent, read = 0;

	(void)state;
	begin(1);
	sent = fill_up(9);
	/* Nothing is in between but one pipe. */
	assert_true(t.mover.lane[MOVER_APP].in_pipe <= 1 << 20);
	/* The other way is not blocked by that. */
	assert_int_equal(send(t.out, "news", 4, 0), 4);
	expect_text(t.app, "news");
	while (read < sent) {
		read += read_stream(t.out, 9, read, 1 << 20);
		turn();
	}
	end();
}

static void reset(int *fd)
{
	mover_arm_reset(*fd);
	close(*fd);
	*fd = -1;
}

static void a_reset_passes_as_a_reset(void **state)
{
	char byte;

	(void)state;
	begin(1);
	reset(&t.out);
	assert_int_equal(read_soon(t.app, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(t.result, MOVER_BROKE);
	assert_int_equal(t.shutdowns, 0);
	end();

	begin(1);
	reset(&t.app);
	assert_int_equal(read_soon(t.out, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	end();
}

static void what_came_before_a_reset_is_delivered(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(send(t.out, "last words", 10, 0), 10);
	reset(&t.out);
	expect_text(t.app, "last words");
	assert_int_equal(read_soon(t.app, buffer, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	end();
}

static void a_reset_after_a_half_close_passes(void **state)
{
	char byte;

	(void)state;
	begin(1);
	__real_shutdown(t.app, SHUT_WR);
	assert_int_equal(read_soon(t.out, &byte, 1), 0);
	reset(&t.app);
	break_soon();
	assert_int_equal(send(t.out, "x", 1, MSG_NOSIGNAL), -1);
	end();
}

static void a_reset_while_blocked_frees_the_pipe(void **state)
{
	size_t sent = 0, last;

	(void)state;
	begin(1);
	do {
		last = sent;
		sent += write_stream(t.app, 9, sent, 1 << 20);
		turn();
	} while (sent > last || mover_room_free_pipes(t.room) == 1);
	reset(&t.out);
	break_soon();
	assert_int_equal(mover_room_free_pipes(t.room), 1);
	end();
}

static void an_application_that_is_gone_keeps_no_blocked_flow(void **state)
{
	(void)state;
	for (unsigned pipes = 0; pipes < 2; pipes++) {
		begin(pipes);
		(void)fill_up(9);
		reset(&t.app);
		break_soon();
		end();
	}
}

static void a_pipe_is_clean_for_the_next_flow(void **state)
{
	struct mover_room *room;
	size_t sent = 0, last;

	(void)state;
	begin(1);
	do {
		last = sent;
		sent += write_stream(t.app, 9, sent, 1 << 20);
		turn();
	} while (sent > last || t.mover.lane[MOVER_APP].in_pipe == 0);
	mover_reset(&t.mover, t.room);
	room = t.room;
	t.room = NULL;
	end();

	begin(0);
	mover_room_free(t.room);
	t.room = room;
	exchange(4 << 20);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_things_pass_both_ways),
		cmocka_unit_test(large_things_pass_unchanged),
		cmocka_unit_test(without_a_pipe_it_goes_on_copying),
		cmocka_unit_test(an_idle_lane_has_no_pipe),
		cmocka_unit_test(urgent_bytes_pass_in_their_place),
		cmocka_unit_test(a_half_close_leaves_the_other_way_open),
		cmocka_unit_test(a_half_close_of_the_far_end_passes_too),
		cmocka_unit_test(an_armed_socket_ends_properly_all_the_same),
		cmocka_unit_test(an_end_from_before_the_start_is_seen),
		cmocka_unit_test(the_end_comes_after_all_bytes),
		cmocka_unit_test(a_full_receiver_stops_the_sender),
		cmocka_unit_test(a_reset_passes_as_a_reset),
		cmocka_unit_test(what_came_before_a_reset_is_delivered),
		cmocka_unit_test(a_reset_after_a_half_close_passes),
		cmocka_unit_test(a_reset_while_blocked_frees_the_pipe),
		cmocka_unit_test(
			an_application_that_is_gone_keeps_no_blocked_flow),
		cmocka_unit_test(a_pipe_is_clean_for_the_next_flow),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
