// SPDX-License-Identifier: BSD-2-Clause
#include "common/file_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define QUIET_S 0.3    /* without a change: then it is told */
#define WAIT_MAX_S 5.0 /* told by then, even if changes go on */
#define BUFFER_SIZE 8192

#define EVENTS                                                      \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | \
	 IN_CREATE | IN_ONLYDIR | IN_EXCL_UNLINK)

struct file {
	int folder; /* watch descriptor */
	char *name; /* owned; in there */
};

struct file_watch {
	struct ev_loop *loop; /* borrowed */
	file_watch_fn fn;
	void *ctx;
	int fd; /* owned */
	struct ev_io io;
	struct ev_timer timer;
	ev_tstamp since; /* of the first change that was not told */
	bool is_waiting;
	struct file *files; /* owned */
	size_t count;
};

static bool has(const struct file_watch *watch, int folder, const char *name)
{
	for (size_t i = 0; i < watch->count; i++) {
		if (watch->files[i].folder == folder &&
		    strcmp(watch->files[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Is the event about one of the files, or are events missing? */
static bool is_about(const struct file_watch *watch,
		     const struct inotify_event *event, const char *name)
{
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	return event->len > 0 && has(watch, event->wd, name);
}

static bool take_events(const struct file_watch *watch, const char *buffer,
			size_t length)
{
	bool is_changed = false;

	while (length >= sizeof(struct inotify_event)) {
		struct inotify_event event;
		size_t size;

		memcpy(&event, buffer, sizeof(event));
		size = sizeof(event) + event.len;
		if (size > length)
			break;
		is_changed |= is_about(watch, &event, buffer + sizeof(event));
		buffer += size;
		length -= size;
	}
	return is_changed;
}

/* The call comes when nothing more happens, but not never. */
static void wait_a_moment(struct file_watch *watch)
{
	ev_tstamp now = ev_now(watch->loop), left;

	if (!watch->is_waiting)
		watch->since = now;
	watch->is_waiting = true;
	left = watch->since + WAIT_MAX_S - now;
	ev_timer_stop(watch->loop, &watch->timer);
	ev_timer_set(&watch->timer,
		     left < QUIET_S ? (left > 0. ? left : 0.) : QUIET_S, 0.);
	ev_timer_start(watch->loop, &watch->timer);
}

static void take_all(struct file_watch *watch)
{
	alignas(struct inotify_event) char buffer[BUFFER_SIZE];
	bool is_changed = false;
	ssize_t length;

	while ((length = read(watch->fd, buffer, sizeof(buffer))) > 0)
		is_changed |= take_events(watch, buffer, (size_t)length);
	if (is_changed)
		wait_a_moment(watch);
}

static void on_events(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	take_all(io->data);
}

static void on_quiet(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct file_watch *watch = timer->data;

	(void)loop;
	(void)revents;
	watch->is_waiting = false;
	watch->fn(watch->ctx);
}

int file_watch_new(struct file_watch **watch, struct ev_loop *loop,
		   file_watch_fn fn, void *ctx)
{
	struct file_watch *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (new->fd < 0) {
		int ret = -errno;

		free(new);
		return ret;
	}
	new->loop = loop;
	new->fn = fn;
	new->ctx = ctx;
	ev_timer_init(&new->timer, on_quiet, 0., 0.);
	new->timer.data = new;
	ev_io_init(&new->io, on_events, new->fd, EV_READ);
	new->io.data = new;
	ev_io_start(loop, &new->io);
	*watch = new;
	return 0;
}

void file_watch_clear(struct file_watch *watch)
{
	/* What has happened is told, though nothing more is. */
	take_all(watch);
	for (size_t i = 0; i < watch->count; i++) {
		/* Of one folder the first one does, the others say EINVAL. */
		(void)inotify_rm_watch(watch->fd, watch->files[i].folder);
		free(watch->files[i].name);
	}
	free(watch->files);
	watch->files = NULL;
	watch->count = 0;
}

void file_watch_free(struct file_watch *watch)
{
	if (!watch)
		return;
	file_watch_clear(watch);
	ev_timer_stop(watch->loop, &watch->timer);
	ev_io_stop(watch->loop, &watch->io);
	close(watch->fd);
	free(watch);
}

static int add_file(struct file_watch *watch, int folder, const char *name)
{
	struct file *files;
	char *copy;

	if (has(watch, folder, name))
		return 0;
	files = reallocarray(watch->files, watch->count + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	watch->files = files;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	files[watch->count++] = (struct file){folder, copy};
	return 0;
}

static int add_path(struct file_watch *watch, char *path)
{
	char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *folder = slash ? path : ".";
	int wd;

	if (slash == path)
		folder = "/";
	if (slash)
		*slash = '\0';
	wd = inotify_add_watch(watch->fd, folder, EVENTS);
	return wd < 0 ? -errno : add_file(watch, wd, name);
}

int file_watch_add(struct file_watch *watch, const char *path, size_t length)
{
	char *copy = strndup(path, length), *target;
	int ret;

	if (!copy)
		return -ENOMEM;
	target = realpath(copy, NULL);
	ret = add_path(watch, copy);
	if (ret == 0 && target)
		ret = add_path(watch, target);
	free(target);
	free(copy);
	return ret;
}
