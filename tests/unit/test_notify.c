// SPDX-License-Identifier: BSD-2-Clause
#include "common/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* A service manager at an abstract address; its socket. */
static int manager_open(char name[64])
{
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int length = snprintf(name, 64, "@ersatz-test-%d", (int)getpid());

	assert_true(fd >= 0);
	memcpy(own.sun_path + 1, name + 1, (size_t)length - 1);
	assert_int_equal(
		bind(fd, (struct sockaddr *)&own,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				 (size_t)length)),
		0);
	return fd;
}

static void assert_told(int fd, const char *text)
{
	char told[64] = "";

	assert_true(recv(fd, told, sizeof(told) - 1, 0) > 0);
	assert_string_equal(told, text);
}

static void manager_is_told_and_its_name_kept_from_children(void **state)
{
	struct notify notify;
	char name[64];
	int fd = manager_open(name);

	(void)state;
	setenv("NOTIFY_SOCKET", name, 1);
	notify_open(&notify);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_true(notify.period_s <= 0);
	notify_tell(&notify, "READY=1");
	assert_told(fd, "READY=1");
	notify_close(&notify);
	notify_tell(&notify, "STOPPING=1");
	close(fd);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)timer;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static void watchdog_is_fed_from_the_loop(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct ev_timer end;
	struct notify notify;
	char name[64];
	int fd = manager_open(name);

	(void)state;
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "2000", 1);
	notify_open(&notify);
	notify_watch(&notify, loop);
	ev_timer_init(&end, on_timer, 0.02, 0.);
	ev_timer_start(loop, &end);
	ev_run(loop, 0);
	assert_told(fd, "WATCHDOG=1");
	notify_close(&notify);
	assert_false(ev_is_active(&notify.timer));
	ev_loop_destroy(loop);
	close(fd);
}

static void without_a_manager_or_for_others_there_is_nothing(void **state)
{
	static const char *const names[] = {"", "@", "relative", "/nowhere/at"};
	struct notify notify;
	char name[64];
	int fd = manager_open(name);

	(void)state;
	notify_open(&notify);
	assert_int_equal(notify.fd, -1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		notify_open(&notify);
		assert_int_equal(notify.fd, -1);
	}
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "2000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	notify_open(&notify);
	assert_true(notify.fd >= 0);
	assert_true(notify.period_s <= 0);
	notify_close(&notify);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			manager_is_told_and_its_name_kept_from_children),
		cmocka_unit_test(watchdog_is_fed_from_the_loop),
		cmocka_unit_test(
			without_a_manager_or_for_others_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
