// SPDX-License-Identifier: BSD-2-Clause
/*
 * routed is a socket of the test's own, and time passes when a test says so.
 */
#include "dnsd/direct.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define END "{\"end\":true}\n"
#define REFUSAL "{\"end\":true,\"error\":\"only root may do this\"}\n"

/* It stands still, so that nothing is late on a slow machine. */
static int64_t clock_ms;

int clock_gettime(clockid_t id, struct timespec *now)
{
	(void)id;
	now->tv_sec = clock_ms / 1000;
	now->tv_nsec = clock_ms % 1000 * 1000000;
	return 0;
}

struct fixture {
	struct ev_loop *loop;
	struct direct *direct;
	char folder[32], path[64];
	int listener, peer; /* -1: none */
	unsigned replies;
	uint64_t last; /* tcp_client of the last reply */
	size_t last_length;
};

static void on_reply(void *ctx, const struct asker *asker,
		     const uint8_t *message, size_t length)
{
	struct fixture *f = ctx;

	f->replies++;
	f->last = asker->tcp_client;
	f->last_length = length;
	for (size_t i = 0; i < length; i++)
		assert_int_equal(message[i], (uint8_t)asker->tcp_client);
}

static void open_routed(struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, f->path, sizeof(f->path));
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(f->listener, (const struct sockaddr *)&address,
			      sizeof(address)),
			 0);
	assert_int_equal(listen(f->listener, 4), 0);
}

static void close_routed(struct fixture *f)
{
	if (f->peer >= 0)
		close(f->peer);
	if (f->listener >= 0) {
		close(f->listener);
		unlink(f->path);
	}
	f->peer = f->listener = -1;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	clock_ms = 1000000;
	f->listener = f->peer = -1;
	strcpy(f->folder, "/tmp/test_direct.XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/routed.sock", f->folder);
	f->loop = ev_loop_new(EVFLAG_AUTO);
	if (!f->loop ||
	    direct_new(&f->direct, f->loop, f->path, on_reply, f) < 0)
		return -1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	direct_free(f->direct);
	close_routed(f);
	ev_loop_destroy(f->loop);
	rmdir(f->folder);
	free(f);
	return 0;
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 5; i++)
		ev_run(f->loop, EVRUN_NOWAIT);
}

/* A reply of `length` bytes that is known by its number. */
static void tell_long(struct fixture *f, uint8_t number, uint32_t address,
		      size_t length)
{
	const struct asker asker = {.is_tcp = true, .tcp_client = number};
	struct news news = {.count = 1, .ttl_s = 300};
	uint8_t message[4096];

	memset(message, number, sizeof(message));
	news.addrs[0] = addr_ipv4(address);
	direct_tell(f->direct, &news, &asker, message, length);
}

static void tell(struct fixture *f, uint8_t number, uint32_t address)
{
	tell_long(f, number, address, 100);
}

/* What routed has heard. */
static const char *heard(struct fixture *f)
{
	static char text[8192];
	ssize_t n;

	if (f->peer < 0) {
		f->peer = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK);
		assert_true(f->peer >= 0);
	}
	n = recv(f->peer, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void say(struct fixture *f, const char *text)
{
	assert_int_equal(send(f->peer, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
	turn(f);
}

/* routed has done what it was told. */
static void say_end(struct fixture *f)
{
	assert_true(strlen(heard(f)) > 0);
	say(f, END);
}

static struct direct_stats stats_of(const struct fixture *f)
{
	struct direct_stats stats;

	direct_stats(f->direct, &stats);
	return stats;
}

static void reply_waits_for_the_answer(void **state)
{
	struct fixture *f = *state;

	open_routed(f);
	tell(f, 7, 0xc0000201);
	turn(f);
	assert_int_equal(f->replies, 0);
	assert_string_equal(heard(f), "{\"verb\":\"direct\",\"ttl\":300,"
				      "\"addresses\":\"192.0.2.1\"}\n");
	say(f, "{\"end\":");
	assert_int_equal(f->replies, 0);
	say(f, "true}\n");
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->last, 7);
	assert_int_equal(f->last_length, 100);
	assert_int_equal(stats_of(f).told, 1);
	assert_int_equal(stats_of(f).late, 0);
}

static void all_addresses_go_in_one_request(void **state)
{
	struct fixture *f = *state;
	const struct asker asker = {.tcp_client = 0};
	struct news news = {.count = NEWS_ADDRS_MAX, .ttl_s = UINT32_MAX};
	const uint8_t message[1] = {0};
	const char *line;

	open_routed(f);
	for (size_t i = 0; i < NEWS_ADDRS_MAX; i++) {
		memset(news.addrs[i].bytes, 0xff, 16);
		news.addrs[i].family = ADDR_IPV6;
		news.addrs[i].bytes[0] = (uint8_t)(0x20 + i);
	}
	direct_tell(f->direct, &news, &asker, message, 1);
	line = heard(f);
	assert_non_null(strstr(line, "\"ttl\":4294967295"));
	assert_non_null(strstr(line, "\"20ff:ffff:ffff:ffff:ffff:ffff:ffff:"
				     "ffff 21ff:"));
	assert_string_equal(line + strlen(line) - 8, ":ffff\"}\n");
	say(f, END);
	assert_int_equal(stats_of(f).told, NEWS_ADDRS_MAX);
}

static bool may_pass(struct fixture *f, const struct cache_note *note)
{
	return direct_may_pass(f->direct, note, clock_ms);
}

static void note(struct fixture *f, struct cache_note *note, uint32_t address)
{
	struct news news = {.count = 1, .ttl_s = 300};

	news.addrs[0] = addr_ipv4(address);
	direct_note(f->direct, &news, note, clock_ms);
}

static void a_note_lasts_as_long_as_what_was_told(void **state)
{
	struct fixture *f = *state;
	struct cache_note told = {0}, silent = {0};

	assert_false(may_pass(f, &told));
	open_routed(f);
	tell(f, 1, 0xc0000201);
	/* Not confirmed: nothing to be noted. */
	note(f, &told, 0xc0000201);
	assert_false(may_pass(f, &told));
	say_end(f);
	clock_ms += 5000;
	note(f, &told, 0xc0000201);
	direct_note_silent(f->direct, &silent);
	clock_ms += 14999;
	assert_true(may_pass(f, &told));
	clock_ms++;
	assert_false(may_pass(f, &told));
	assert_true(may_pass(f, &silent));
	direct_forget(f->direct);
	assert_false(may_pass(f, &silent));
	/* Another routed knows nothing of it. */
	tell(f, 2, 0xc0000201);
	say_end(f);
	note(f, &told, 0xc0000201);
	assert_true(may_pass(f, &told));
	close_routed(f);
	turn(f);
	assert_false(may_pass(f, &told));
	assert_int_equal(stats_of(f).alone, 0);
}

static void without_routed_each_answer_that_passes_is_counted(void **state)
{
	struct fixture *f = *state;
	struct cache_note alone = {0};

	tell(f, 1, 0xc0000201);
	note(f, &alone, 0xc0000201);
	assert_true(may_pass(f, &alone));
	assert_true(may_pass(f, &alone));
	assert_int_equal(stats_of(f).alone, 3);
	/* From time to time one finds out whether it is there. */
	clock_ms += DIRECT_PAUSE_MS;
	assert_false(may_pass(f, &alone));
	tell(f, 2, 0xc0000201);
	assert_true(may_pass(f, &alone));
	open_routed(f);
	clock_ms += DIRECT_PAUSE_MS;
	assert_false(may_pass(f, &alone));
	tell(f, 3, 0xc0000201);
	assert_false(may_pass(f, &alone));
	assert_int_equal(stats_of(f).alone, 5);
}

static void told_is_not_told_again(void **state)
{
	struct fixture *f = *state;
	const struct asker asker = {.tcp_client = 3};
	struct news news = {.count = 2, .ttl_s = 300};
	const uint8_t message[1] = {3};

	open_routed(f);
	tell(f, 1, 0xc0000201);
	/* Not confirmed yet: that one waits as well. */
	tell(f, 2, 0xc0000201);
	assert_int_equal(strlen(heard(f)), 2 * 52);
	say(f, END END);
	assert_int_equal(f->replies, 2);
	tell(f, 3, 0xc0000201);
	assert_int_equal(f->replies, 3);
	assert_string_equal(heard(f), "");
	/* Only what is new. */
	news.addrs[0] = addr_ipv4(0xc0000201);
	news.addrs[1] = addr_ipv4(0xc0000202);
	direct_tell(f->direct, &news, &asker, message, 1);
	assert_string_equal(heard(f), "{\"verb\":\"direct\",\"ttl\":300,"
				      "\"addresses\":\"192.0.2.2\"}\n");
	say(f, END);
	assert_int_equal(f->replies, 4);
	clock_ms += 20000;
	tell(f, 4, 0xc0000201);
	assert_int_equal(f->replies, 4);
}

static void reply_waits_five_milliseconds_at_most(void **state)
{
	struct fixture *f = *state;

	open_routed(f);
	tell(f, 1, 0xc0000201);
	clock_ms += 3;
	tell(f, 2, 0xc0000202);
	turn(f);
	assert_int_equal(f->replies, 0);
	clock_ms += 3;
	turn(f);
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->last, 1);
	clock_ms += 3;
	turn(f);
	assert_int_equal(f->replies, 2);
	assert_int_equal(stats_of(f).late, 2);
	/* The late answers are for those two, and count as told. */
	heard(f);
	tell(f, 3, 0xc0000203);
	say(f, END END);
	assert_int_equal(f->replies, 2);
	tell(f, 4, 0xc0000201);
	assert_int_equal(f->replies, 3);
	assert_int_equal(f->last, 4);
	say(f, END);
	assert_int_equal(f->replies, 4);
	assert_int_equal(f->last, 3);
}

static void without_routed_it_leaves_at_once(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 1; i <= 1000; i++) {
		tell(f, (uint8_t)i, 0xc0000200 + i);
		assert_int_equal(f->replies, i);
		clock_ms += 7;
	}
	assert_int_equal(stats_of(f).alone, 1000);
	/* It is noticed when it comes, but not looked for all the time. */
	open_routed(f);
	clock_ms += 100;
	tell(f, 1, 0xc0000201);
	assert_int_equal(f->replies, 1000);
	heard(f);
	say(f, END);
	assert_int_equal(f->replies, 1001);
}

static void routed_that_goes_lets_all_replies_leave(void **state)
{
	struct fixture *f = *state;

	open_routed(f);
	tell(f, 1, 0xc0000201);
	heard(f);
	say(f, END);
	tell(f, 2, 0xc0000202);
	tell(f, 3, 0xc0000203);
	close_routed(f);
	turn(f);
	assert_int_equal(f->replies, 3);
	assert_int_equal(stats_of(f).alone, 2);
	/* The next one knows nothing. */
	open_routed(f);
	clock_ms += 100;
	tell(f, 4, 0xc0000201);
	assert_int_equal(f->replies, 3);
	assert_non_null(strstr(heard(f), "192.0.2.1"));
	say(f, END);
	assert_int_equal(f->replies, 4);
}

static void refusal_lets_it_leave_and_does_not_count_as_told(void **state)
{
	struct fixture *f = *state;

	open_routed(f);
	for (unsigned i = 1; i <= 3; i++) {
		tell(f, (uint8_t)i, 0xc0000201);
		assert_non_null(strstr(heard(f), "192.0.2.1"));
		say(f, REFUSAL);
		assert_int_equal(f->replies, i);
	}
	assert_int_equal(stats_of(f).refused, 3);
	assert_int_equal(stats_of(f).told, 0);
}

static void who_does_not_speak_as_routed_is_left(void **state)
{
	struct fixture *f = *state;
	char noise[300];

	open_routed(f);
	tell(f, 1, 0xc0000201);
	heard(f);
	say(f, END END);
	assert_int_equal(f->replies, 1);
	assert_int_equal(recv(f->peer, noise, sizeof(noise), 0), 0);
	close_routed(f);

	open_routed(f);
	clock_ms += 100;
	tell(f, 2, 0xc0000201);
	heard(f);
	memset(noise, 'x', sizeof(noise) - 1);
	noise[sizeof(noise) - 1] = '\0';
	say(f, noise);
	assert_int_equal(f->replies, 2);
	assert_int_equal(stats_of(f).alone, 1);
}

static void number_that_waits_is_bounded(void **state)
{
	struct fixture *f = *state;

	open_routed(f);
	for (unsigned i = 0; i < DIRECT_MAX; i++)
		tell(f, (uint8_t)i, 0xc0000000 + i);
	assert_int_equal(f->replies, 0);
	tell(f, 1, 0xc0010000);
	assert_int_equal(f->replies, 1);
	/* It hangs: they all leave, and those that follow do not wait. */
	clock_ms += 6;
	turn(f);
	assert_int_equal(f->replies, 1 + DIRECT_MAX);
	tell(f, 1, 0xc0010001);
	assert_int_equal(f->replies, 2 + DIRECT_MAX);
	while (*heard(f))
		;
	for (unsigned i = 0; i < DIRECT_MAX; i++)
		say(f, END);
	assert_int_equal(stats_of(f).told, DIRECT_MAX);
	tell(f, 9, 0xc0010002);
	assert_int_equal(f->replies, 2 + DIRECT_MAX);
}

static void very_long_reply_is_told_but_does_not_wait(void **state)
{
	struct fixture *f = *state;

	open_routed(f);
	tell_long(f, 1, 0xc0000201, 4000);
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->last_length, 4000);
	tell(f, 2, 0xc0000202);
	heard(f);
	say(f, END);
	assert_int_equal(f->replies, 1);
	say(f, END);
	assert_int_equal(f->replies, 2);
	assert_int_equal(stats_of(f).told, 2);
}

static void end_lets_all_replies_leave(void **state)
{
	struct fixture *f = *state;

	open_routed(f);
	tell(f, 1, 0xc0000201);
	tell(f, 2, 0xc0000202);
	direct_free(f->direct);
	f->direct = NULL;
	assert_int_equal(f->replies, 2);
}

static void path_that_no_socket_can_have_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct direct *direct;
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(direct_new(&direct, f->loop, path, on_reply, f),
			 -ENAMETOOLONG);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(reply_waits_for_the_answer),
		CLAIM(all_addresses_go_in_one_request),
		CLAIM(a_note_lasts_as_long_as_what_was_told),
		CLAIM(without_routed_each_answer_that_passes_is_counted),
		CLAIM(told_is_not_told_again),
		CLAIM(reply_waits_five_milliseconds_at_most),
		CLAIM(without_routed_it_leaves_at_once),
		CLAIM(routed_that_goes_lets_all_replies_leave),
		CLAIM(refusal_lets_it_leave_and_does_not_count_as_told),
		CLAIM(who_does_not_speak_as_routed_is_left),
		CLAIM(number_that_waits_is_bounded),
		CLAIM(very_long_reply_is_told_but_does_not_wait),
		CLAIM(end_lets_all_replies_leave),
		CLAIM(path_that_no_socket_can_have_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
