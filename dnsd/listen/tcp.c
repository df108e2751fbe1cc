// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client's number is its place plus a multiple of the number of places, and
 * grows with each client that takes the place.  So a number leads to its
 * place, and one that a late reply brings back after the client has gone leads
 * to a place that bears another number.
 *
 * Everything that can fail drops the client at once.  Whoever calls something
 * that may drop (on_query, sending) looks at the number afterwards.
 */
#include "dnsd/listen/tcp.h"

#include "common/clock.h"
#include "dnsd/listen/port.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BACKLOG 128
#define ACCEPTS_MAX 16 /* in one turn of the loop */
#define ACCEPT_PAUSE_S 0.1
#define LENGTH_SIZE 2 /* before each message */

struct client {
	struct tcp *tcp;      /* borrowed */
	uint64_t number;      /* 0: the place is free */
	uint64_t next_number; /* for the next one here */
	int fd;
	ev_io io;
	ev_timer idle;
	int64_t active_ms; /* the last whole message either way */
	struct asker asker;
	unsigned waiting; /* queries without a reply yet */
	bool has_ended;   /* it will send no more */
	size_t input_used;
	size_t output_at, output_used;
	uint8_t input[LENGTH_SIZE + TCP_QUERY_MAX];
	uint8_t output[LENGTH_SIZE + DNS_MESSAGE_MAX];
};

struct listener {
	struct tcp *tcp; /* borrowed */
	uint16_t index;
	int fd;
	ev_io io;
};

struct tcp {
	struct ev_loop *loop;
	server_query_fn fn;
	void *ctx;
	struct listener *listeners; /* owned */
	size_t listener_count;
	ev_timer accept_pause;
	struct client *clients; /* owned, TCP_CLIENTS_MAX */
	uint32_t open;
	uint64_t queries, replies, accepted, evicted;
};

static void drop(struct client *client)
{
	struct ev_loop *loop = client->tcp->loop;

	if (ev_is_active(&client->io))
		ev_io_stop(loop, &client->io);
	ev_timer_stop(loop, &client->idle);
	close(client->fd);
	client->fd = -1;
	client->number = 0;
	client->tcp->open--;
}

/* Waits for what the client may do next; nothing is what the timer ends. */
static void watch(struct client *client)
{
	struct ev_loop *loop = client->tcp->loop;
	bool has_output = client->output_used > 0;
	int events = 0;

	if (has_output)
		events = EV_WRITE;
	else if (!client->has_ended && client->waiting < TCP_PIPELINE_MAX)
		events = EV_READ;
	if (ev_is_active(&client->io) && client->io.events == events)
		return;
	if (ev_is_active(&client->io))
		ev_io_stop(loop, &client->io);
	if (events) {
		ev_io_set(&client->io, client->fd, events);
		ev_io_start(loop, &client->io);
	}
}

static void note_activity(struct client *client)
{
	client->active_ms = clock_monotonic_ms();
	ev_timer_again(client->tcp->loop, &client->idle);
}

/* Drops a client that has said its last and has got its last. */
static void settle(struct client *client)
{
	if (client->has_ended && client->waiting == 0 &&
	    client->output_used == 0)
		drop(client);
	else
		watch(client);
}

/* Hands on all whole messages of the input. */
static int read_messages(struct client *client)
{
	struct tcp *tcp = client->tcp;
	uint64_t number = client->number;
	size_t at = 0;
	bool has_reply;

	while (client->input_used - at >= LENGTH_SIZE) {
		const uint8_t *message = client->input + at + LENGTH_SIZE;
		size_t length =
			(size_t)client->input[at] << 8 | client->input[at + 1];

		if (length > TCP_QUERY_MAX)
			return -EMSGSIZE;
		if (client->input_used - at < LENGTH_SIZE + length)
			break;
		at += LENGTH_SIZE + length;
		client->waiting++;
		tcp->queries++;
		note_activity(client);
		has_reply = tcp->fn(tcp->ctx, &client->asker, message, length);
		if (client->number != number)
			return -ECONNRESET;
		if (!has_reply)
			client->waiting--;
	}
	client->input_used -= at;
	memmove(client->input, client->input + at, client->input_used);
	return 0;
}

static void on_readable(struct client *client)
{
	ssize_t got = recv(client->fd, client->input + client->input_used,
			   sizeof(client->input) - client->input_used, 0);
	uint64_t number = client->number;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		drop(client);
		return;
	}
	if (got == 0)
		client->has_ended = true;
	client->input_used += (size_t)got;
	if (read_messages(client) < 0) {
		if (client->number == number)
			drop(client);
		return;
	}
	settle(client);
}

static void on_writable(struct client *client)
{
	ssize_t sent =
		send(client->fd, client->output + client->output_at,
		     client->output_used - client->output_at, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent < 0) {
		drop(client);
		return;
	}
	note_activity(client);
	client->output_at += (size_t)sent;
	if (client->output_at == client->output_used)
		client->output_at = client->output_used = 0;
	settle(client);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	if (events & EV_WRITE)
		on_writable(io->data);
	else
		on_readable(io->data);
}

/* Who waits for us is not idle: an upstream may take longer than this. */
static void on_idle(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct client *client = timer->data;

	(void)events;
	if (client->waiting > 0 && client->output_used == 0)
		ev_timer_again(loop, timer);
	else
		drop(client);
}

/* A free place; the one of the idlest client if there is none. */
static struct client *find_place(struct tcp *tcp)
{
	struct client *idlest = NULL;

	for (size_t i = 0; i < TCP_CLIENTS_MAX; i++) {
		struct client *client = &tcp->clients[i];

		if (client->number == 0)
			return client;
		if (!idlest || client->active_ms < idlest->active_ms)
			idlest = client;
	}
	drop(idlest);
	tcp->evicted++;
	return idlest;
}

static void take_client(struct listener *listener, int fd,
			const struct sockaddr *peer)
{
	struct tcp *tcp = listener->tcp;
	struct client *client;
	struct endpoint from;
	const int on = 1;

	if (endpoint_from_sockaddr(&from, peer) < 0) {
		close(fd);
		return;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	client = find_place(tcp);
	client->fd = fd;
	client->number = client->next_number;
	client->next_number += TCP_CLIENTS_MAX;
	client->asker = (struct asker){.client = from,
				       .listener = listener->index,
				       .is_tcp = true,
				       .tcp_client = client->number};
	client->waiting = 0;
	client->has_ended = false;
	client->input_used = client->output_at = client->output_used = 0;
	tcp->accepted++;
	tcp->open++;
	note_activity(client);
	watch(client);
}

static void pause_accepting(struct tcp *tcp)
{
	for (size_t i = 0; i < tcp->listener_count; i++)
		ev_io_stop(tcp->loop, &tcp->listeners[i].io);
	ev_timer_set(&tcp->accept_pause, ACCEPT_PAUSE_S, 0.0);
	ev_timer_start(tcp->loop, &tcp->accept_pause);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	tcp_start(timer->data);
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct listener *listener = io->data;

	(void)loop;
	(void)events;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		struct sockaddr_storage ss;
		struct sockaddr *peer = (struct sockaddr *)&ss;
		socklen_t size = sizeof(ss);
		int fd = accept4(listener->fd, peer, &size,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			take_client(listener, fd, peer);
			continue;
		}
		/* No descriptor or no memory: the queue would call for ever. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			pause_accepting(listener->tcp);
		return;
	}
}

static int bind_listener(struct listener *listener,
			 const struct endpoint *endpoint)
{
	int ret;

	listener->fd = port_open(endpoint, SOCK_STREAM);
	if (listener->fd < 0)
		return listener->fd;
	ret = port_bind(listener->fd, endpoint);
	if (ret == 0 && listen(listener->fd, BACKLOG))
		ret = -errno;
	return ret;
}

static int open_listener(struct listener *listener,
			 const struct endpoint *endpoint)
{
	int ret = bind_listener(listener, endpoint);

	if (ret < 0)
		return port_explain(endpoint, SOCK_STREAM, ret);
	ev_io_init(&listener->io, on_acceptable, listener->fd, EV_READ);
	listener->io.data = listener;
	return 0;
}

static int open_listeners(struct tcp *tcp, const struct server_conf *conf)
{
	int ret = 0;

	for (size_t i = 0; i < conf->listen_count && ret == 0; i++) {
		struct listener *listener = &tcp->listeners[i];

		listener->tcp = tcp;
		listener->index = (uint16_t)i;
		tcp->listener_count++;
		ret = open_listener(listener, &conf->listen[i]);
	}
	return ret;
}

static void prepare_place(struct tcp *tcp, size_t place)
{
	struct client *client = &tcp->clients[place];

	client->tcp = tcp;
	client->fd = -1;
	client->next_number = TCP_CLIENTS_MAX + place;
	ev_init(&client->io, on_ready);
	client->io.data = client;
	ev_timer_init(&client->idle, on_idle, 0.0, TCP_IDLE_S);
	client->idle.data = client;
}

int tcp_open(struct tcp **tcp, struct ev_loop *loop,
	     const struct server_conf *conf, server_query_fn fn, void *ctx)
{
	struct tcp *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->fn = fn;
	new->ctx = ctx;
	ev_timer_init(&new->accept_pause, on_pause_over, ACCEPT_PAUSE_S, 0.0);
	new->accept_pause.data = new;
	new->listeners = calloc(conf->listen_count, sizeof(*new->listeners));
	new->clients = calloc(TCP_CLIENTS_MAX, sizeof(*new->clients));
	if (!new->listeners || !new->clients)
		goto close_all;
	for (size_t i = 0; i < TCP_CLIENTS_MAX; i++)
		prepare_place(new, i);
	ret = open_listeners(new, conf);
	if (ret < 0)
		goto close_all;
	*tcp = new;
	return 0;

close_all:
	tcp_close(new);
	return ret;
}

void tcp_start(struct tcp *tcp)
{
	for (size_t i = 0; i < tcp->listener_count; i++)
		ev_io_start(tcp->loop, &tcp->listeners[i].io);
}

void tcp_close(struct tcp *tcp)
{
	if (!tcp)
		return;
	for (size_t i = 0; tcp->clients && i < TCP_CLIENTS_MAX; i++) {
		if (tcp->clients[i].number)
			drop(&tcp->clients[i]);
	}
	ev_timer_stop(tcp->loop, &tcp->accept_pause);
	for (size_t i = 0; i < tcp->listener_count; i++) {
		struct listener *listener = &tcp->listeners[i];

		if (ev_is_active(&listener->io))
			ev_io_stop(tcp->loop, &listener->io);
		if (listener->fd >= 0)
			close(listener->fd);
	}
	free(tcp->clients);
	free(tcp->listeners);
	free(tcp);
}

/* Writes what the socket takes now; the rest of the message is kept. */
static int write_message(struct client *client, const uint8_t *message,
			 size_t length)
{
	uint8_t prefix[LENGTH_SIZE] = {(uint8_t)(length >> 8), (uint8_t)length};
	/* sendmsg() only reads it. */
	struct iovec iov[2] = {
		{prefix, sizeof(prefix)},
		{(void *)(uintptr_t)message, length},
	};
	const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	uint8_t *end = client->output + client->output_used;
	ssize_t sent = 0;

	if (client->output_used == 0)
		sent = sendmsg(client->fd, &msg, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (sent < 0)
		sent = 0;
	if (sent == (ssize_t)(LENGTH_SIZE + length))
		return 0;
	if (sizeof(client->output) - client->output_used < LENGTH_SIZE + length)
		return -ENOBUFS;
	memcpy(end, prefix, LENGTH_SIZE);
	memcpy(end + LENGTH_SIZE, message, length);
	if (client->output_used == 0)
		client->output_at = (size_t)sent;
	client->output_used += LENGTH_SIZE + length;
	return 0;
}

void tcp_send(struct tcp *tcp, const struct asker *asker,
	      const uint8_t *message, size_t length)
{
	struct client *client =
		&tcp->clients[asker->tcp_client % TCP_CLIENTS_MAX];

	if (asker->tcp_client == 0 || client->number != asker->tcp_client)
		return;
	if (client->waiting > 0)
		client->waiting--;
	if (write_message(client, message, length) < 0) {
		drop(client);
		return;
	}
	tcp->replies++;
	note_activity(client);
	settle(client);
}

void tcp_stats(const struct tcp *tcp, struct server_stats *stats)
{
	stats->tcp_queries = tcp->queries;
	stats->tcp_replies = tcp->replies;
	stats->tcp_clients = tcp->accepted;
	stats->tcp_evicted = tcp->evicted;
	stats->tcp_open = tcp->open;
}
