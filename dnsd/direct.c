// SPDX-License-Identifier: BSD-2-Clause
/*
 * routed answers in the order in which it is asked, one line each.  So what
 * was told waits in a ring: an answer is for its oldest entry.  An entry whose
 * reply has left, as its time was over, stays there until that answer comes;
 * only what is confirmed counts as told.
 */
#include "dnsd/direct.h"

#include "common/clock.h"
#include "common/log.h"
#include "dnsd/told.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_SIZE 256
#define REQUEST_SIZE (64 + NEWS_ADDRS_MAX * ADDR_TEXT_SIZE)

struct entry {
	struct news news;
	bool is_waiting; /* the reply has not left */
	int64_t deadline_ms;
	struct asker asker;
	size_t length;
	uint8_t message[DNS_EDNS_SIZE];
};

struct direct {
	struct ev_loop *loop; /* borrowed */
	struct sockaddr_un address;
	direct_reply_fn fn;
	void *ctx;
	int fd; /* owned; -1: not connected */
	int64_t tried_ms;
	int64_t deaf_until_ms; /* of CLOCK_BOOTTIME; with no connection */
	uint32_t epoch;        /* of notes; never 0 */
	struct ev_io io;
	struct ev_timer timer; /* the first that waits has waited enough */
	struct log_limit limit;
	struct direct_stats stats;
	size_t line_length;
	char line[LINE_MAX_SIZE];
	uint32_t first, count; /* of the ring */
	struct told told;
	struct entry ring[DIRECT_MAX];
};

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents);
static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents);

int direct_new(struct direct **direct, struct ev_loop *loop, const char *path,
	       direct_reply_fn fn, void *ctx)
{
	struct direct *new;

	if (strlen(path) >= sizeof(new->address.sun_path))
		return -ENAMETOOLONG;
	/* Only what is used of the ring ever takes memory. */
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->address.sun_family = AF_UNIX;
	memcpy(new->address.sun_path, path, strlen(path));
	new->fn = fn;
	new->ctx = ctx;
	new->fd = -1;
	new->tried_ms = INT64_MIN / 2;
	new->epoch = 1;
	new->limit.burst = 1;
	ev_timer_init(&new->timer, on_timer, 0., 0.);
	new->timer.data = new;
	*direct = new;
	return 0;
}

static struct entry *entry_at(struct direct *direct, uint32_t index)
{
	return &direct->ring[(direct->first + index) % DIRECT_MAX];
}

static void release(struct direct *direct, struct entry *entry)
{
	if (!entry->is_waiting)
		return;
	entry->is_waiting = false;
	direct->fn(direct->ctx, &entry->asker, entry->message, entry->length);
}

/* What is not confirmed will have to be told to the next routed. */
static void disconnect(struct direct *direct)
{
	if (direct->fd < 0)
		return;
	ev_io_stop(direct->loop, &direct->io);
	ev_timer_stop(direct->loop, &direct->timer);
	close(direct->fd);
	direct->fd = -1;
	direct->line_length = 0;
	direct_forget(direct);
	told_clear(&direct->told);
	for (uint32_t i = 0; i < direct->count; i++) {
		struct entry *entry = entry_at(direct, i);

		direct->stats.alone += entry->is_waiting;
		release(direct, entry);
	}
	direct->first = direct->count = 0;
}

void direct_free(struct direct *direct)
{
	if (!direct)
		return;
	disconnect(direct);
	free(direct);
}

static bool is_connected(struct direct *direct)
{
	const struct sockaddr *address =
		(const struct sockaddr *)&direct->address;
	int64_t now_ms = clock_monotonic_ms();

	if (direct->fd >= 0)
		return true;
	if (now_ms < direct->tried_ms + DIRECT_PAUSE_MS)
		return false;
	direct->tried_ms = now_ms;
	direct->deaf_until_ms = clock_boottime_ms() + DIRECT_PAUSE_MS;
	direct->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (direct->fd < 0)
		return false;
	if (connect(direct->fd, address, sizeof(direct->address)) < 0) {
		close(direct->fd);
		direct->fd = -1;
		return false;
	}
	ev_io_init(&direct->io, on_readable, direct->fd, EV_READ);
	direct->io.data = direct;
	ev_io_start(direct->loop, &direct->io);
	direct_forget(direct);
	return true;
}

void direct_forget(struct direct *direct)
{
	if (++direct->epoch == 0)
		direct->epoch = 1;
}

bool direct_may_pass(struct direct *direct, const struct cache_note *note,
		     int64_t now_ms)
{
	if (note->epoch != direct->epoch || now_ms >= note->until_ms)
		return false;
	if (!note->is_alone)
		return true;
	/* Somebody has to find out whether routed is there. */
	if (now_ms >= direct->deaf_until_ms)
		return false;
	direct->stats.alone++;
	return true;
}

void direct_note_silent(const struct direct *direct, struct cache_note *note)
{
	*note = (struct cache_note){INT64_MAX, direct->epoch, false};
}

void direct_note(const struct direct *direct, const struct news *news,
		 struct cache_note *note, int64_t now_ms)
{
	int64_t told_ms = clock_monotonic_ms();
	int64_t left_ms = INT64_MAX;

	if (direct->fd < 0) {
		*note = (struct cache_note){INT64_MAX, direct->epoch, true};
		return;
	}
	for (size_t i = 0; i < news->count; i++) {
		const struct addr *addr = &news->addrs[i];

		if (!told_has(&direct->told, addr, told_ms, news->ttl_s))
			return;
		if (told_until_ms(&direct->told, addr) - told_ms < left_ms)
			left_ms = told_until_ms(&direct->told, addr) - told_ms;
	}
	*note = (struct cache_note){now_ms + left_ms, direct->epoch, false};
}

/* By hand, as it has nothing to escape: a reply allocates nothing. */
static size_t write_request(char out[REQUEST_SIZE], const struct news *news)
{
	char text[ADDR_TEXT_SIZE];
	size_t used = (size_t)snprintf(
		out, REQUEST_SIZE,
		"{\"verb\":\"direct\",\"ttl\":%u,\"addresses\":\"",
		news->ttl_s);

	for (size_t i = 0; i < news->count; i++)
		used += (size_t)snprintf(
			out + used, REQUEST_SIZE - used, "%s%s", i ? " " : "",
			addr_format(&news->addrs[i], text, sizeof(text)));
	memcpy(out + used, "\"}\n", 3);
	return used + 3;
}

/* A socket that does not take so short a line whole leads to nobody. */
static bool is_sent(struct direct *direct, const struct news *news)
{
	char request[REQUEST_SIZE];
	size_t length;

	if (direct->count == DIRECT_MAX || !is_connected(direct))
		return false;
	length = write_request(request, news);
	if (send(direct->fd, request, length, MSG_NOSIGNAL) == (ssize_t)length)
		return true;
	disconnect(direct);
	return false;
}

static void start_timer(struct direct *direct, int64_t delay_ms)
{
	ev_now_update(direct->loop);
	ev_timer_stop(direct->loop, &direct->timer);
	ev_timer_set(&direct->timer,
		     delay_ms > 0 ? (double)delay_ms / 1000 : 0., 0.);
	ev_timer_start(direct->loop, &direct->timer);
}

/* The reply waits in the ring; one that is too long does not. */
static void keep(struct direct *direct, const struct news *news,
		 const struct asker *asker, const uint8_t *message,
		 size_t length)
{
	struct entry *entry = entry_at(direct, direct->count++);

	entry->news = *news;
	entry->is_waiting = length <= sizeof(entry->message);
	if (!entry->is_waiting) {
		direct->stats.late++;
		direct->fn(direct->ctx, asker, message, length);
		return;
	}
	entry->deadline_ms = clock_monotonic_ms() + DIRECT_WAIT_MS;
	entry->asker = *asker;
	entry->length = length;
	memcpy(entry->message, message, length);
	if (!ev_is_active(&direct->timer))
		start_timer(direct, DIRECT_WAIT_MS);
}

void direct_tell(struct direct *direct, const struct news *news,
		 const struct asker *asker, const uint8_t *message,
		 size_t length)
{
	struct news untold = {.ttl_s = news->ttl_s};
	int64_t now_ms = clock_monotonic_ms();

	for (size_t i = 0; i < news->count; i++) {
		if (!told_has(&direct->told, &news->addrs[i], now_ms,
			      news->ttl_s))
			untold.addrs[untold.count++] = news->addrs[i];
	}
	if (untold.count > 0 && is_sent(direct, &untold)) {
		keep(direct, &untold, asker, message, length);
		return;
	}
	direct->stats.alone += untold.count > 0;
	direct->fn(direct->ctx, asker, message, length);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct direct *direct = timer->data;
	int64_t now_ms = clock_monotonic_ms();

	(void)loop;
	(void)revents;
	for (uint32_t i = 0; i < direct->count; i++) {
		struct entry *entry = entry_at(direct, i);

		if (!entry->is_waiting)
			continue;
		if (entry->deadline_ms > now_ms) {
			start_timer(direct, entry->deadline_ms - now_ms);
			return;
		}
		direct->stats.late++;
		release(direct, entry);
	}
}

/* Whatever an answer says: the error is routed's, and the reply must leave. */
static void on_answer(struct direct *direct, const char *line, size_t length)
{
	struct entry *entry = entry_at(direct, 0);
	bool is_error = memmem(line, length, "\"error\"", 7);
	int64_t now_ms = clock_monotonic_ms();
	char text[2 * LINE_MAX_SIZE];

	direct->first = (direct->first + 1) % DIRECT_MAX;
	direct->count--;
	for (size_t i = 0; i < entry->news.count && !is_error; i++)
		told_add(&direct->told, &entry->news.addrs[i], now_ms,
			 entry->news.ttl_s);
	if (is_error) {
		direct->stats.refused++;
		if (log_limit_pass(&direct->limit))
			log_warning(
				"routed takes no addresses of DIRECT "
				"names: %s",
				log_escape(text, sizeof(text), line, length));
	} else {
		direct->stats.told += entry->news.count;
	}
	release(direct, entry);
	if (direct->count == 0)
		ev_timer_stop(direct->loop, &direct->timer);
}

/* False: that is not how routed speaks. */
static bool take_lines(struct direct *direct)
{
	char *end;

	while ((end = memchr(direct->line, '\n', direct->line_length))) {
		size_t used = (size_t)(end - direct->line) + 1;

		if (direct->count == 0)
			return false;
		on_answer(direct, direct->line, used - 1);
		direct->line_length -= used;
		memmove(direct->line, end + 1, direct->line_length);
	}
	return direct->line_length < sizeof(direct->line);
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct direct *direct = io->data;
	ssize_t n = recv(direct->fd, direct->line + direct->line_length,
			 sizeof(direct->line) - direct->line_length, 0);

	(void)loop;
	(void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		direct->line_length += (size_t)n;
	if (n <= 0 || !take_lines(direct))
		disconnect(direct);
}

void direct_stats(const struct direct *direct, struct direct_stats *stats)
{
	*stats = direct->stats;
}
