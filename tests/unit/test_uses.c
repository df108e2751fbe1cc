// SPDX-License-Identifier: BSD-2-Clause
/* The other end of dnsd's control socket is played by the test. */
#include "routed/relay/uses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOTS 8192

static struct {
	char folder[32];
	char path[64];
	struct ev_loop *loop;
	struct uses *uses;
	int listener;
	uint32_t first, end; /* slots that flows use */
} t;

static void each(void *ctx, struct uses *uses)
{
	(void)ctx;
	for (uint32_t slot = t.first; slot < t.end; slot++)
		uses_note(uses, slot);
}

static void listen_again(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	t.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	strcpy(address.sun_path, t.path);
	assert_int_equal(
		bind(t.listener, (struct sockaddr *)&address, sizeof(address)),
		0);
	assert_int_equal(listen(t.listener, 16), 0);
}

static void stop_listening(void)
{
	close(t.listener);
	unlink(t.path);
}

static int setup(void **state)
{
	const struct uses_conf conf = {
		.path = t.path,
		.slots = SLOTS,
		.guard_ms = 3600000,
		.each = each,
	};

	(void)state;
	alarm(60); /* who waits in vain fails, and holds nobody up */
	strcpy(t.folder, "test-uses-XXXXXX");
	assert_non_null(mkdtemp(t.folder));
	snprintf(t.path, sizeof(t.path), "%s/dnsd.sock", t.folder);
	t.loop = ev_loop_new(EVFLAG_AUTO);
	t.first = t.end = 0;
	listen_again();
	return uses_new(&t.uses, t.loop, &conf);
}

static int teardown(void **state)
{
	(void)state;
	uses_free(t.uses);
	ev_loop_destroy(t.loop);
	stop_listening();
	rmdir(t.folder);
	return 0;
}

/* Runs the loop until somebody calls. */
static int accept_call(void)
{
	int fd = -1;

	while (fd < 0) {
		ev_run(t.loop, EVRUN_NOWAIT);
		fd = accept4(t.listener, NULL, NULL, SOCK_NONBLOCK);
	}
	return fd;
}

/* The next line, without its end. */
static void expect(int fd, const char *line)
{
	static char text[1 << 16];
	size_t used = 0;

	while (used == 0 || text[used - 1] != '\n') {
		ssize_t n;

		ev_run(t.loop, EVRUN_NOWAIT);
		n = read(fd, text + used, sizeof(text) - used);
		assert_true(n != 0);
		if (n > 0)
			used += (size_t)n;
	}
	text[used - 1] = '\0';
	assert_string_equal(text, line);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

#define DONE "{\"end\":true}\n"

static void the_first_report_tells_of_all_flows(void **state)
{
	int fd;

	(void)state;
	t.first = 10;
	t.end = 13;
	fd = accept_call();
	expect(fd, "{\"verb\":\"hold\",\"slots\":\"10-12\",\"all\":true}");
	say(fd, DONE);
	uses_note(t.uses, 7);
	uses_note(t.uses, 7);
	uses_note(t.uses, SLOTS); /* no slot of this pool */
	expect(fd, "{\"verb\":\"hold\",\"slots\":\"7\",\"all\":false}");
	close(fd);
}

static void without_flows_that_is_told(void **state)
{
	int fd = accept_call();

	(void)state;
	expect(fd, "{\"verb\":\"hold\",\"slots\":\"\",\"all\":true}");
	close(fd);
}

static void many_slots_take_several_requests(void **state)
{
	int fd;

	(void)state;
	t.first = 1;
	t.end = 5001;
	fd = accept_call();
	expect(fd, "{\"verb\":\"hold\",\"slots\":\"1-4096\",\"all\":false}");
	say(fd, DONE);
	expect(fd, "{\"verb\":\"hold\",\"slots\":\"4097-5000\",\"all\":true}");
	close(fd);
}

static void another_guard_time_brings_another_round(void **state)
{
	int fd = accept_call();

	(void)state;
	expect(fd, "{\"verb\":\"hold\",\"slots\":\"\",\"all\":true}");
	say(fd, DONE);
	t.first = 20;
	t.end = 21;
	uses_set_guard(t.uses, 400);
	for (int i = 0; i < 3; i++) {
		expect(fd, "{\"verb\":\"hold\",\"slots\":\"20\",\"all\":true}");
		say(fd, DONE);
	}
	close(fd);
}

static void what_was_not_answered_is_told_to_the_next_dnsd(void **state)
{
	int fd = accept_call();

	(void)state;
	expect(fd, "{\"verb\":\"hold\",\"slots\":\"\",\"all\":true}");
	say(fd, DONE);
	uses_note(t.uses, 5);
	expect(fd, "{\"verb\":\"hold\",\"slots\":\"5\",\"all\":false}");
	stop_listening();
	close(fd);
	ev_run(t.loop, EVRUN_NOWAIT);
	listen_again();
	fd = accept_call();
	expect(fd, "{\"verb\":\"hold\",\"slots\":\"5\",\"all\":true}");
	close(fd);
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_report_tells_of_all_flows),
		TEST(without_flows_that_is_told),
		TEST(many_slots_take_several_requests),
		TEST(another_guard_time_brings_another_round),
		TEST(what_was_not_answered_is_told_to_the_next_dnsd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
