// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client's number is its place plus a multiple of the number of places, and
 * grows with each client that takes the place.  So a number leads to its
 * place, and one that a late reply brings back after the client has gone leads
 * to a place that bears another number.
 *
 * Everything that can fail drops the client at once.  Whoever calls something
 * that may drop (on_query, sending) looks at the number afterwards.
 *
 * Clients stand in one line in the order of their last whole message, which is
 * the order in which they run out of time and make room.  What one of them
 * sends is read into one place for all; only the beginning of a message that
 * is not whole yet is kept with the client.  Likewise a reply is kept only if
 * the socket does not take it: there are few outboxes, and who has had one the
 * longest without emptying it gives way.
 */
#include "dnsd/listen/tcp.h"

#include "common/clock.h"
#include "dnsd/listen/outbox.h"
#include "dnsd/listen/port.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BACKLOG 4096   /* the kernel's somaxconn is the bound */
#define ACCEPTS_MAX 64 /* in one turn of the loop */
#define OUTBOXES 64
#define LOOK_AT_MAX 256 /* for one that waits for nothing */
#define ACCEPT_PAUSE_S 0.1
#define LENGTH_SIZE 2 /* before each message */

struct client {
	struct tcp *tcp;      /* borrowed */
	uint64_t number;      /* 0: the place is free */
	uint64_t next_number; /* for the next one here */
	int fd;
	ev_io io;
	TAILQ_ENTRY(client) link; /* of the free ones, or of the others */
	int64_t active_ms;        /* the last whole message either way */
	struct asker asker;
	unsigned waiting;      /* queries without a reply yet */
	bool has_ended;        /* it will send no more */
	struct outbox *outbox; /* borrowed; NULL: all was sent */
	size_t input_used;     /* of its bytes in tcp->inputs */
};

TAILQ_HEAD(client_list, client);

typedef uint8_t input[LENGTH_SIZE + TCP_QUERY_MAX];

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
	ev_timer idle;          /* for the first of those in line */
	struct client *clients; /* owned */
	size_t client_count;
	struct client_list free, line;
	input *inputs; /* owned: the beginning of each one's next message */
	input scratch; /* what was just read */
	struct outboxes outboxes;
	uint32_t open;
	uint64_t queries, replies, accepted, evicted;
};

static void drop(struct client *client)
{
	struct tcp *tcp = client->tcp;

	if (ev_is_active(&client->io))
		ev_io_stop(tcp->loop, &client->io);
	if (client->outbox)
		outbox_give_back(&tcp->outboxes, client->outbox);
	client->outbox = NULL;
	close(client->fd);
	client->fd = -1;
	client->number = 0;
	TAILQ_REMOVE(&tcp->line, client, link);
	TAILQ_INSERT_HEAD(&tcp->free, client, link);
	tcp->open--;
}

/* One that waits for a reply only if there are nothing but such. */
static void evict(struct tcp *tcp)
{
	struct client *idlest = TAILQ_FIRST(&tcp->line);
	struct client *client = idlest;

	for (int i = 0; client && i < LOOK_AT_MAX; i++) {
		if (client->waiting == 0) {
			idlest = client;
			break;
		}
		client = TAILQ_NEXT(client, link);
	}
	drop(idlest);
	tcp->evicted++;
}

/* Waits for what the client may do next; nothing is what the timer ends. */
static void watch(struct client *client)
{
	struct ev_loop *loop = client->tcp->loop;
	int events = 0;

	if (client->outbox)
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
	struct tcp *tcp = client->tcp;

	client->active_ms = clock_monotonic_ms();
	TAILQ_REMOVE(&tcp->line, client, link);
	TAILQ_INSERT_TAIL(&tcp->line, client, link);
}

/* Drops a client that has said its last and has got its last. */
static void settle(struct client *client)
{
	if (client->has_ended && client->waiting == 0 && !client->outbox)
		drop(client);
	else
		watch(client);
}

/* Hands on all whole messages of what was read, and keeps the rest. */
static int read_messages(struct client *client, size_t used)
{
	struct tcp *tcp = client->tcp;
	uint64_t number = client->number;
	size_t at = 0;
	bool has_reply;

	while (used - at >= LENGTH_SIZE) {
		const uint8_t *head = tcp->scratch + at;
		size_t length = (size_t)head[0] << 8 | head[1];

		if (length > TCP_QUERY_MAX)
			return -EMSGSIZE;
		if (used - at < LENGTH_SIZE + length)
			break;
		at += LENGTH_SIZE + length;
		client->waiting++;
		tcp->queries++;
		note_activity(client);
		client->asker.now_ms = clock_boottime_ms();
		has_reply = tcp->fn(tcp->ctx, &client->asker,
				    head + LENGTH_SIZE, length);
		if (client->number != number)
			return -ECONNRESET;
		if (!has_reply)
			client->waiting--;
	}
	client->input_used = used - at;
	memcpy(tcp->inputs[client - tcp->clients], tcp->scratch + at,
	       client->input_used);
	return 0;
}

static void on_readable(struct client *client)
{
	struct tcp *tcp = client->tcp;
	size_t used = client->input_used;
	uint64_t number = client->number;
	ssize_t got = recv(client->fd, tcp->scratch + used,
			   sizeof(tcp->scratch) - used, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		drop(client);
		return;
	}
	if (got == 0)
		client->has_ended = true;
	memcpy(tcp->scratch, tcp->inputs[client - tcp->clients], used);
	if (read_messages(client, used + (size_t)got) < 0) {
		if (client->number == number)
			drop(client);
		return;
	}
	settle(client);
}

static void on_writable(struct client *client)
{
	int ret = outbox_send(client->outbox, client->fd);

	if (ret < 0) {
		drop(client);
		return;
	}
	note_activity(client);
	if (ret > 0) {
		outbox_give_back(&client->tcp->outboxes, client->outbox);
		client->outbox = NULL;
	}
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

static void set_idle_timer(struct tcp *tcp)
{
	const struct client *first = TAILQ_FIRST(&tcp->line);
	int64_t left_ms;

	if (!first)
		return;
	left_ms = first->active_ms + TCP_IDLE_MS - clock_monotonic_ms();
	if (left_ms < 1)
		left_ms = 1;
	ev_timer_set(&tcp->idle, (double)left_ms / 1000.0, 0.0);
	ev_timer_start(tcp->loop, &tcp->idle);
}

/* Who waits for us is not idle: an upstream may take longer than this. */
static void on_idle(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct tcp *tcp = timer->data;
	int64_t end_ms = clock_monotonic_ms() - TCP_IDLE_MS;
	struct client *client;

	(void)loop;
	(void)events;
	while ((client = TAILQ_FIRST(&tcp->line)) &&
	       client->active_ms <= end_ms) {
		if (client->waiting > 0 && !client->outbox)
			note_activity(client);
		else
			drop(client);
	}
	set_idle_timer(tcp);
}

/* A free place; the one of the idlest client if there is none. */
static struct client *find_place(struct tcp *tcp)
{
	if (TAILQ_EMPTY(&tcp->free))
		evict(tcp);
	return TAILQ_FIRST(&tcp->free);
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
	client->next_number += tcp->client_count;
	client->asker = (struct asker){.client = from,
				       .listener = listener->index,
				       .is_tcp = true,
				       .tcp_client = client->number};
	client->waiting = 0;
	client->has_ended = false;
	client->input_used = 0;
	client->active_ms = clock_monotonic_ms();
	TAILQ_REMOVE(&tcp->free, client, link);
	TAILQ_INSERT_TAIL(&tcp->line, client, link);
	tcp->accepted++;
	tcp->open++;
	watch(client);
	if (!ev_is_active(&tcp->idle))
		set_idle_timer(tcp);
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

/*
 * No descriptor or no memory: somebody goes for the one who comes; without
 * anybody the queue would call for ever.  True: it may work now.
 */
static bool make_room(struct tcp *tcp, int error)
{
	if (error != EMFILE && error != ENFILE && error != ENOBUFS &&
	    error != ENOMEM)
		return false;
	if (TAILQ_EMPTY(&tcp->line)) {
		pause_accepting(tcp);
		return false;
	}
	evict(tcp);
	return true;
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
		if (!make_room(listener->tcp, errno))
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
	client->next_number = tcp->client_count + place;
	ev_init(&client->io, on_ready);
	client->io.data = client;
	TAILQ_INSERT_TAIL(&tcp->free, client, link);
}

/* Queries to upstreams need descriptors too, and more of them. */
size_t tcp_descriptors(size_t limit)
{
	size_t places = limit < 64 ? 16 : limit / 4;

	return places < TCP_CLIENTS_MAX ? places : TCP_CLIENTS_MAX;
}

static size_t count_clients(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return TCP_CLIENTS_MAX;
	return tcp_descriptors((size_t)limit.rlim_cur);
}

static int make_places(struct tcp *tcp)
{
	tcp->client_count = count_clients();
	tcp->clients = calloc(tcp->client_count, sizeof(*tcp->clients));
	tcp->inputs = calloc(tcp->client_count, sizeof(*tcp->inputs));
	if (!tcp->clients || !tcp->inputs)
		return -ENOMEM;
	for (size_t i = 0; i < tcp->client_count; i++)
		prepare_place(tcp, i);
	return outboxes_init(&tcp->outboxes, OUTBOXES);
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
	TAILQ_INIT(&new->free);
	TAILQ_INIT(&new->line);
	ev_timer_init(&new->accept_pause, on_pause_over, ACCEPT_PAUSE_S, 0.0);
	new->accept_pause.data = new;
	ev_timer_init(&new->idle, on_idle, 0.0, 0.0);
	new->idle.data = new;
	new->listeners = calloc(conf->listen_count, sizeof(*new->listeners));
	if (!new->listeners)
		goto close_all;
	ret = make_places(new);
	if (ret == 0)
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
	while (!TAILQ_EMPTY(&tcp->line))
		drop(TAILQ_FIRST(&tcp->line));
	ev_timer_stop(tcp->loop, &tcp->accept_pause);
	ev_timer_stop(tcp->loop, &tcp->idle);
	for (size_t i = 0; i < tcp->listener_count; i++) {
		struct listener *listener = &tcp->listeners[i];

		if (ev_is_active(&listener->io))
			ev_io_stop(tcp->loop, &listener->io);
		if (listener->fd >= 0)
			close(listener->fd);
	}
	outboxes_fini(&tcp->outboxes);
	free(tcp->inputs);
	free(tcp->clients);
	free(tcp->listeners);
	free(tcp);
}

/* What the socket did not take: all but the first `sent` bytes. */
static int keep_message(struct client *client, const struct iovec iov[2],
			size_t sent)
{
	struct tcp *tcp = client->tcp;

	if (!client->outbox) {
		client->outbox = outbox_take(&tcp->outboxes, client);
		if (!client->outbox) {
			drop(outboxes_oldest(&tcp->outboxes));
			tcp->evicted++;
			client->outbox = outbox_take(&tcp->outboxes, client);
		}
		client->outbox->at = sent;
	}
	return outbox_add(client->outbox, iov, 2);
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
	ssize_t sent = 0;

	if (!client->outbox)
		sent = sendmsg(client->fd, &msg, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (sent < 0)
		sent = 0;
	if (sent == (ssize_t)(LENGTH_SIZE + length))
		return 0;
	return keep_message(client, iov, (size_t)sent);
}

void tcp_send(struct tcp *tcp, const struct asker *asker,
	      const uint8_t *message, size_t length)
{
	struct client *client =
		&tcp->clients[asker->tcp_client % tcp->client_count];

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

/* With few places left a client does better to close by itself. */
uint16_t tcp_keepalive_ds(const struct tcp *tcp)
{
	return tcp->open > tcp->client_count / 4 * 3 ? 0 : TCP_IDLE_MS / 100;
}

void tcp_stats(const struct tcp *tcp, struct server_stats *stats)
{
	stats->tcp_queries = tcp->queries;
	stats->tcp_replies = tcp->replies;
	stats->tcp_clients = tcp->accepted;
	stats->tcp_evicted = tcp->evicted;
	stats->tcp_open = tcp->open;
}
