// SPDX-License-Identifier: BSD-2-Clause
/*
 * A few channels to dnsd are kept open, each with one question at a time;
 * the other look-ups wait in a ring, first come first served.  A channel that
 * was idle may have lost its dnsd meanwhile: its question is then asked once
 * more on a new connection.
 */
#include "routed/relay/resolver.h"

#include "common/err.h"
#include "common/json.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CHANNELS = 8,
	LINE_SIZE = 4096,
};

struct resolver_lookup {
	struct resolver *resolver;           /* borrowed */
	struct resolver_lookup *next, *prev; /* ring of the waiting, or free */
	struct channel *channel;             /* NULL: waits or is free */
	struct name name;
	enum addr_family family;
	resolver_done_fn fn;
	void *ctx;
	struct resolver_answer answer;
};

struct channel {
	struct resolver *resolver; /* borrowed */
	int fd;                    /* owned, -1: closed */
	bool is_used;              /* it had an answer before */
	struct ev_io io;
	struct resolver_lookup *lookup; /* borrowed, NULL: idle */
	size_t length;
	char line[LINE_SIZE];
};

struct resolver {
	struct ev_loop *loop; /* borrowed */
	struct sockaddr_un address;
	struct channel channels[CHANNELS];
	struct resolver_lookup waiting; /* head of the ring */
	struct resolver_lookup *free;
	unsigned capacity;
	unsigned fresh; /* from here on never used, and no memory yet */
	struct resolver_lookup pool[];
};

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents);

int resolver_new(struct resolver **resolver, struct ev_loop *loop,
		 const char *path, unsigned capacity)
{
	struct resolver *new;

	if (strlen(path) >= sizeof(new->address.sun_path))
		return -ENAMETOOLONG;
	new = calloc(1, sizeof(*new) + capacity * sizeof(new->pool[0]));
	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->address.sun_family = AF_UNIX;
	memcpy(new->address.sun_path, path, strlen(path));
	new->waiting.next = new->waiting.prev = &new->waiting;
	for (size_t i = 0; i < CHANNELS; i++) {
		new->channels[i].resolver = new;
		new->channels[i].fd = -1;
	}
	new->capacity = capacity;
	*resolver = new;
	return 0;
}

static void channel_close(struct channel *channel)
{
	if (channel->fd < 0)
		return;
	ev_io_stop(channel->resolver->loop, &channel->io);
	close(channel->fd);
	channel->fd = -1;
	channel->length = 0;
	channel->is_used = false;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	for (size_t i = 0; i < CHANNELS; i++)
		channel_close(&resolver->channels[i]);
	free(resolver);
}

static int channel_connect(struct channel *channel)
{
	struct resolver *resolver = channel->resolver;
	const struct sockaddr *address =
		(const struct sockaddr *)&resolver->address;
	int ret;

	if (channel->fd >= 0)
		return 0;
	channel->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (channel->fd < 0)
		return -errno;
	if (connect(channel->fd, address, sizeof(resolver->address)) < 0) {
		ret = errno == ENOENT || errno == ECONNREFUSED ? ERR_NOT_RUNNING
							       : -errno;
		close(channel->fd);
		channel->fd = -1;
		return ret;
	}
	ev_io_init(&channel->io, on_readable, channel->fd, EV_READ);
	channel->io.data = channel;
	ev_io_start(resolver->loop, &channel->io);
	return 0;
}

static char *request_line(const struct resolver_lookup *lookup)
{
	char text[NAME_TEXT_SIZE];
	struct json *json = json_new();
	char *line;

	if (!json)
		return NULL;
	json_set_text(json, "verb", "resolve");
	json_set_text(json, "name",
		      name_format(&lookup->name, text, sizeof(text)));
	json_set_int(json, "family", lookup->family);
	line = json_line(json);
	json_free(json);
	return line;
}

/* An empty socket takes so short a line whole, or is of no use. */
static int channel_ask(struct channel *channel, struct resolver_lookup *lookup)
{
	char *line = request_line(lookup);
	size_t length;
	ssize_t n;

	if (!line)
		return -ENOMEM;
	length = strlen(line);
	line[length] = '\n'; /* in the place of the end */
	n = send(channel->fd, line, length + 1, MSG_NOSIGNAL);
	free(line);
	if (n == (ssize_t)length + 1)
		return 0;
	return n < 0 ? -errno : -EAGAIN;
}

/* Asks on this channel, anew if its other end has gone meanwhile. */
static int channel_start(struct channel *channel,
			 struct resolver_lookup *lookup)
{
	int ret = 0;

	for (int try = 0; try < 2; try++) {
		bool is_fresh = channel->fd < 0;

		ret = channel_connect(channel);
		if (ret < 0)
			return ret;
		ret = channel_ask(channel, lookup);
		if (ret == 0)
			break;
		channel_close(channel);
		if (is_fresh)
			return ret;
	}
	channel->lookup = lookup;
	lookup->channel = channel;
	lookup->answer = (struct resolver_answer){0};
	return ret;
}

static struct channel *idle_channel(struct resolver *resolver)
{
	for (size_t i = 0; i < CHANNELS; i++) {
		if (!resolver->channels[i].lookup)
			return &resolver->channels[i];
	}
	return NULL;
}

static void ring_leave(struct resolver_lookup *lookup)
{
	lookup->next->prev = lookup->prev;
	lookup->prev->next = lookup->next;
}

/* NULL: all are in use. */
static struct resolver_lookup *lookup_take(struct resolver *resolver)
{
	struct resolver_lookup *lookup = resolver->free;

	if (lookup) {
		resolver->free = lookup->next;
		return lookup;
	}
	if (resolver->fresh == resolver->capacity)
		return NULL;
	lookup = &resolver->pool[resolver->fresh++];
	lookup->resolver = resolver;
	return lookup;
}

static void lookup_free(struct resolver_lookup *lookup)
{
	lookup->channel = NULL;
	lookup->next = lookup->resolver->free;
	lookup->resolver->free = lookup;
}

/* Ends the look-up; its function may start the next one. */
static void lookup_end(struct resolver_lookup *lookup, int status)
{
	struct resolver_answer answer = lookup->answer;
	resolver_done_fn fn = lookup->fn;
	void *ctx = lookup->ctx;

	answer.status = status;
	if (lookup->channel)
		lookup->channel->lookup = NULL;
	lookup_free(lookup);
	fn(ctx, &answer);
}

/* A channel has become idle: whoever waits longest is next. */
static void start_waiting(struct resolver *resolver)
{
	for (;;) {
		struct resolver_lookup *lookup = resolver->waiting.next;
		struct channel *channel = idle_channel(resolver);
		int ret;

		if (lookup == &resolver->waiting || !channel)
			return;
		ring_leave(lookup);
		ret = channel_start(channel, lookup);
		if (ret < 0)
			lookup_end(lookup, ret);
	}
}

int resolver_ask(struct resolver *resolver,
		 const struct resolver_question *question,
		 struct resolver_lookup **lookup)
{
	struct resolver_lookup *new = lookup_take(resolver);
	struct channel *channel = idle_channel(resolver);
	int ret;

	if (!new)
		return ERR_FULL;
	new->name = *question->name;
	new->family = question->family;
	new->fn = question->fn;
	new->ctx = question->ctx;
	new->channel = NULL;
	if (channel) {
		ret = channel_start(channel, new);
		if (ret < 0) {
			lookup_free(new);
			return ret;
		}
	} else {
		new->next = &resolver->waiting;
		new->prev = resolver->waiting.prev;
		new->prev->next = resolver->waiting.prev = new;
	}
	*lookup = new;
	return 0;
}

void resolver_stop(struct resolver_lookup *lookup)
{
	struct channel *channel = lookup->channel;

	if (!channel) {
		ring_leave(lookup);
		lookup_free(lookup);
		return;
	}
	/* Its answer may still come: nobody else shall get that. */
	channel->lookup = NULL;
	channel_close(channel);
	lookup_free(lookup);
	start_waiting(channel->resolver);
}

/* 1: that was the last line, its status is in the answer; 0: more come. */
static int take_line(struct resolver_lookup *lookup, const char *line,
		     size_t length)
{
	struct resolver_answer *answer = &lookup->answer;
	struct json *json = json_parse(line, length);
	const char *text;
	struct addr addr;
	int ret = 0;

	if (!json)
		return ERR_MALFORMED;
	text = json_get_text(json, "address");
	if (json_get_bool(json, "end", false)) {
		ret = 1;
		if (json_get_text(json, "error") || answer->count == 0)
			answer->status = ERR_REFUSED;
	} else if (!text || addr_parse(&addr, text) < 0) {
		ret = ERR_MALFORMED;
	} else if (answer->count < RESOLVER_ADDRS_MAX) {
		answer->addrs[answer->count++] = addr;
	}
	json_free(json);
	return ret;
}

/* Takes whole lines out of the buffer until the answer ends. */
static int take_lines(struct channel *channel)
{
	char *end;
	int ret = 0;

	while (ret == 0 &&
	       (end = memchr(channel->line, '\n', channel->length))) {
		size_t used = (size_t)(end - channel->line) + 1;

		if (!channel->lookup)
			return ERR_MALFORMED;
		ret = take_line(channel->lookup, channel->line, used - 1);
		memmove(channel->line, channel->line + used,
			channel->length - used);
		channel->length -= used;
	}
	if (ret == 0 && channel->length == sizeof(channel->line))
		return ERR_MALFORMED;
	return ret;
}

static void on_gone(struct channel *channel, int error)
{
	struct resolver *resolver = channel->resolver;
	struct resolver_lookup *lookup = channel->lookup;
	bool is_retry = channel->is_used && error != ERR_MALFORMED;

	channel_close(channel);
	if (!lookup)
		return;
	if (!is_retry || channel_start(channel, lookup) < 0) {
		lookup_end(lookup, error);
		start_waiting(resolver);
	}
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct channel *channel = io->data;
	struct resolver *resolver = channel->resolver;
	ssize_t n = recv(channel->fd, channel->line + channel->length,
			 sizeof(channel->line) - channel->length, 0);
	int ret;

	(void)loop, (void)revents;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		on_gone(channel, ERR_NOT_RUNNING);
		return;
	}
	channel->length += (size_t)n;
	ret = take_lines(channel);
	if (ret < 0) {
		on_gone(channel, ERR_MALFORMED);
	} else if (ret == 1) {
		channel->is_used = true;
		/* What follows an end would pass for the next answer. */
		if (channel->length > 0)
			channel_close(channel);
		lookup_end(channel->lookup, channel->lookup->answer.status);
		start_waiting(resolver);
	}
}
