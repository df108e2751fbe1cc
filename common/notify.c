// SPDX-License-Identifier: BSD-2-Clause
#include "common/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define US_PER_S 1e6

static int open_socket(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const size_t length = strlen(path);
	const socklen_t size =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || length < 2 ||
	    length > sizeof(to.sun_path))
		return -1;
	memcpy(to.sun_path, path, length);
	if (path[0] == '@') /* abstract: it begins with a zero */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, size) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Half of what is allowed, as sd_watchdog_enabled(3) wants it. */
static double period_from_environment(void)
{
	const char *us = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	double value = us ? strtod(us, NULL) : 0;

	if (pid && strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	return value > 0 ? value / US_PER_S / 2 : 0;
}

void notify_open(struct notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");

	memset(notify, 0, sizeof(*notify));
	notify->fd = path ? open_socket(path) : -1;
	notify->period_s = notify->fd >= 0 ? period_from_environment() : 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *notify)
{
	if (notify->loop)
		ev_timer_stop(notify->loop, &notify->timer);
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
	notify->loop = NULL;
}

void notify_tell(const struct notify *notify, const char *text)
{
	if (notify->fd < 0)
		return;
	/* A manager that is busy or gone cannot be helped. */
	ssize_t n = send(notify->fd, text, strlen(text), MSG_NOSIGNAL);
	(void)n;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	notify_tell(timer->data, "WATCHDOG=1");
}

void notify_watch(struct notify *notify, struct ev_loop *loop)
{
	if (notify->period_s <= 0)
		return;
	notify->loop = loop;
	ev_timer_init(&notify->timer, on_timer, notify->period_s,
		      notify->period_s);
	notify->timer.data = notify;
	ev_timer_start(loop, &notify->timer);
}
