// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/stream.h"

#include "common/clock.h"
#include "common/err.h"
#include "dnsd/question.h"
#include "dnsd/wire.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_SIZE (2 + DNS_MESSAGE_MAX)
#define ID_TRIES 8
#define READS_MAX 16 /* in one go */
#define WHY_SIZE 256
#define UNACKED_TIMEOUT_MS 5000
/* Given up after that long without a word: the connection may be dead. */
#define SUSPECT_MS 1000

void stream_init(struct stream *stream)
{
	stream->fd = -1;
	stream->is_open = false;
	stream->call = NULL;
	stream->queries = NULL;
	stream->in = NULL;
	ev_timer_init(&stream->timer, NULL, 0.0, 0.0);
	ev_io_init(&stream->io, NULL, -1, 0);
}

static void disconnect(struct stream *stream)
{
	ev_timer_stop(stream->loop, &stream->timer);
	ev_io_stop(stream->loop, &stream->io);
	if (stream->call)
		tunnel_call_free(stream->call);
	else if (stream->fd >= 0)
		close(stream->fd);
	free(stream->in);
	stream->call = NULL;
	stream->fd = -1;
	stream->in = NULL;
	stream->is_open = false;
	stream->connection++;
}

static bool is_connected(const struct stream *stream)
{
	return stream->fd >= 0 || stream->call;
}

static void remove_query(struct stream_query *query)
{
	struct stream_query **link = &query->stream->queries;

	while (*link != query)
		link = &(*link)->next;
	*link = query->next;
	query->stream = NULL;
}

static struct stream_query *next_failing(const struct stream *stream)
{
	struct stream_query *query = stream->queries;

	while (query && !query->is_failing)
		query = query->next;
	return query;
}

/* Others may be withdrawn, and new ones be asked, from within on_error. */
void stream_close(struct stream *stream, int status, const char *why)
{
	struct stream_query *query;
	char text[WHY_SIZE]; /* libcurl's own goes with the connection */

	for (query = stream->queries; query; query = query->next)
		query->is_failing = true;
	if (why)
		snprintf(text, sizeof(text), "%s", why);
	disconnect(stream);
	while ((query = next_failing(stream))) {
		remove_query(query);
		stream->ops->on_error(query, status, why ? text : NULL);
	}
}

static void set_timer(struct stream *stream, int64_t ms,
		      void (*fn)(struct ev_loop *, struct ev_timer *, int))
{
	ev_timer_stop(stream->loop, &stream->timer);
	ev_timer_init(&stream->timer, fn, (double)ms / 1000.0, 0.0);
	stream->timer.data = stream;
	ev_timer_start(stream->loop, &stream->timer);
}

static void on_ready(struct ev_loop *loop, struct ev_io *io, int events);

static void watch(struct stream *stream, int events)
{
	if (ev_is_active(&stream->io) && stream->io.events == events)
		return;
	ev_io_stop(stream->loop, &stream->io);
	ev_io_init(&stream->io, on_ready, stream->fd, events);
	stream->io.data = stream;
	ev_io_start(stream->loop, &stream->io);
}

static ssize_t send_bytes(struct stream *stream)
{
	const uint8_t *from = stream->out + stream->out_at;
	size_t length = stream->out_length - stream->out_at;
	ssize_t sent;

	if (stream->call)
		return tunnel_call_send(stream->call, from, length);
	sent = send(stream->fd, from, length, MSG_NOSIGNAL);
	return sent < 0 ? -errno : sent;
}

static ssize_t receive_bytes(struct stream *stream)
{
	uint8_t *to = stream->in + stream->in_length;
	size_t size = IN_SIZE - stream->in_length;
	ssize_t received;

	if (stream->call)
		return tunnel_call_recv(stream->call, to, size);
	received = recv(stream->fd, to, size, 0);
	return received < 0 ? -errno : received;
}

/* The next one that has not been sent goes to `out`; false: there is none. */
static bool next_frame(struct stream *stream)
{
	struct stream_query *query = stream->queries;
	size_t length;

	while (query && query->is_sent)
		query = query->next;
	if (!query)
		return false;
	length = stream->ops->write(query, stream->out + 2);
	assert(length <= STREAM_QUERY_MAX);
	wire_write16(stream->out, (uint16_t)length);
	stream->out_length = length + 2;
	stream->out_at = 0;
	query->is_sent = true;
	query->sent_ms = clock_monotonic_ms();
	return true;
}

/* Sends all that there is, or waits until there is room. */
static int flush(struct stream *stream)
{
	while (stream->out_at < stream->out_length || next_frame(stream)) {
		ssize_t sent = send_bytes(stream);

		if (sent == -EAGAIN || sent == -EINTR) {
			watch(stream, EV_READ | EV_WRITE);
			return 0;
		}
		if (sent < 0)
			return (int)sent;
		stream->out_at += (size_t)sent;
	}
	watch(stream, EV_READ);
	return 0;
}

static int connect_again(struct stream *stream);

/*
 * The far end is gone.  What it did not answer is asked once more if the
 * connection was good before; a server may end it at any time.
 */
static void lose(struct stream *stream, int status, const char *why)
{
	bool was_good = stream->has_answered;
	struct stream_query *query = stream->queries;

	if (!was_good || !query || query->is_again) {
		stream_close(stream, status, why);
		return;
	}
	disconnect(stream);
	for (; query; query = query->next) {
		query->is_sent = false;
		query->is_again = true;
	}
	int ret = connect_again(stream);
	if (ret < 0)
		stream_close(stream, ret, NULL);
}

static void on_idle(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct stream *stream = timer->data;

	(void)loop;
	(void)events;
	int64_t idle_ms = clock_monotonic_ms() - stream->received_ms;

	if (stream->queries || idle_ms < STREAM_IDLE_MS / 2)
		set_timer(stream, STREAM_IDLE_MS, on_idle);
	else
		disconnect(stream);
}

static void on_late(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	stream_close(timer->data, -ETIMEDOUT, NULL);
}

static struct stream_query *find_query(const struct stream *stream, uint16_t id)
{
	struct stream_query *query = stream->queries;

	while (query && (query->id != id || !query->is_sent))
		query = query->next;
	return query;
}

/* `on_message` puts the query to rest itself if it is the answer. */
static void take_message(struct stream *stream, const uint8_t *message,
			 size_t length)
{
	struct stream_query *query;

	if (length < DNS_HEADER_SIZE)
		return;
	query = find_query(stream, wire_read16(message));
	if (query && stream->ops->on_message(query, message, length))
		stream->has_answered = true;
}

/* Whole messages in the buffer; false: the connection was ended meanwhile. */
static bool take_messages(struct stream *stream)
{
	unsigned connection = stream->connection;
	size_t at = 0;

	while (stream->in_length - at >= 2) {
		size_t length = wire_read16(stream->in + at);

		if (stream->in_length - at < 2 + length)
			break;
		at += 2 + length;
		take_message(stream, stream->in + at - length, length);
		if (stream->connection != connection)
			return false;
	}
	memmove(stream->in, stream->in + at, stream->in_length - at);
	stream->in_length -= at;
	return true;
}

static void read_all(struct stream *stream)
{
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t received = receive_bytes(stream);

		if (received == -EAGAIN || received == -EINTR)
			return;
		if (received <= 0) {
			lose(stream, received < 0 ? (int)received : -ECONNRESET,
			     NULL);
			return;
		}
		stream->received_ms = clock_monotonic_ms();
		stream->in_length += (size_t)received;
		if (!take_messages(stream))
			return;
	}
	/* TLS may hold more than the socket shows: come back for it. */
	ev_feed_event(stream->loop, &stream->io, EV_READ);
}

static void begin(struct stream *stream)
{
	int ret;

	stream->is_open = true;
	set_timer(stream, STREAM_IDLE_MS, on_idle);
	ret = flush(stream);
	if (ret < 0)
		lose(stream, ret, NULL);
}

static void on_ready(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct stream *stream = io->data;
	int error = 0;
	socklen_t size = sizeof(error);

	(void)loop;
	if (!stream->is_open) {
		if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error,
			       &size) < 0)
			error = errno;
		if (error)
			stream_close(stream, -error, NULL);
		else
			begin(stream);
		return;
	}
	if (events & EV_WRITE) {
		int ret = flush(stream);

		if (ret < 0) {
			lose(stream, ret, NULL);
			return;
		}
	}
	if (events & EV_READ)
		read_all(stream);
}

static void on_piped(void *ctx, const struct tunnel_result *result)
{
	struct stream *stream = ctx;

	if (result->status < 0) {
		stream_close(stream, result->status, result->why);
		return;
	}
	stream->fd = tunnel_call_fd(stream->call);
	if (stream->fd < 0)
		stream_close(stream, -ENOTCONN, NULL);
	else
		begin(stream);
}

static int open_socket(struct stream *stream)
{
	struct sockaddr_storage ss;
	const struct endpoint *server = &stream->server.endpoint;
	const int unacked_ms = UNACKED_TIMEOUT_MS, on = 1;
	socklen_t length = endpoint_to_sockaddr(server, &ss);
	int ret;

	stream->fd = socket(addr_af(&server->addr),
			    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0)
		return -errno;
	ret = uplink_bind(stream->fd, uplink_watch_state(stream->watch),
			  &server->addr, stream->interface);
	if (ret < 0)
		return ret;
	(void)setsockopt(stream->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms,
			 sizeof(unacked_ms));
	(void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(stream->fd, (struct sockaddr *)&ss, length) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	watch(stream, EV_WRITE);
	return 0;
}

/* `tunnel` NULL: plain TCP. */
static int connect_to(struct stream *stream, struct tunnel *tunnel)
{
	int ret;

	stream->has_answered = false;
	stream->in_length = 0;
	stream->out_length = stream->out_at = 0;
	stream->in = malloc(IN_SIZE);
	if (!stream->in)
		return -ENOMEM;
	if (tunnel) {
		ret = tunnel_open(tunnel, &stream->call, &stream->server);
		if (ret == 0)
			tunnel_call_set(stream->call, on_piped, stream);
	} else {
		ret = open_socket(stream);
	}
	if (ret < 0) {
		disconnect(stream);
		return ret;
	}
	set_timer(stream, STREAM_CONNECT_MS, on_late);
	return 0;
}

static int connect_again(struct stream *stream)
{
	return connect_to(stream, stream->tunnel);
}

static int choose_id(const struct stream *stream, uint16_t *id)
{
	for (int i = 0; i < ID_TRIES; i++) {
		const struct stream_query *query = stream->queries;

		if (getrandom(id, sizeof(*id), 0) != sizeof(*id))
			return -EIO;
		while (query && query->id != *id)
			query = query->next;
		if (!query)
			return 0;
	}
	return -EBUSY;
}

int stream_ask(struct stream *stream, const struct stream_way *way,
	       const struct upstream_server_conf *server,
	       struct stream_query *query)
{
	struct stream_query **link = &stream->queries;
	int ret = choose_id(stream, &query->id);

	if (ret < 0)
		return ret;
	if (!is_connected(stream)) {
		stream->server = *server;
		stream->tunnel = way->tunnel;
		stream->interface = way->interface;
		ret = connect_to(stream, way->tunnel);
		if (ret < 0)
			return ret;
	}
	while (*link)
		link = &(*link)->next;
	*link = query;
	query->next = NULL;
	query->stream = stream;
	query->is_sent = false;
	query->is_again = false;
	query->is_failing = false;
	/* By way of the loop, so that nothing is called from in here. */
	if (stream->is_open)
		watch(stream, EV_READ | EV_WRITE);
	return 0;
}

void stream_withdraw(struct stream_query *query)
{
	struct stream *stream = query->stream;
	bool is_suspect;

	if (!stream)
		return;
	is_suspect = query->is_sent && stream->received_ms < query->sent_ms &&
		     clock_monotonic_ms() - query->sent_ms >= SUSPECT_MS;
	remove_query(query);
	/* A frame that is half sent must be ended, or none follows it. */
	if (is_suspect && !stream->queries)
		disconnect(stream);
}
