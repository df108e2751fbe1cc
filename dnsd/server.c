// SPDX-License-Identifier: BSD-2-Clause
/*
 * Replies wait in one queue from the moment they are made until the loop is
 * about to sleep again: libev calls prepare watchers right before it does.  So
 * one commit covers whatever came in one turn, and one sendmmsg() carries it.
 *
 * A commit costs ten times a row.  While names come fast, so that one turn
 * follows the other and each brings a few, the promises of some turns wait for
 * each other, a millisecond at most after the last commit; the first of a
 * burst, such as those of a page, do not.
 *
 * Replies by TCP that promise nothing do not wait: their order does not
 * matter (RFC 7766, 6.2.1.1), and they may be longer than a place in the
 * queue.
 */
#include "dnsd/server.h"

#include "common/clock.h"
#include "dnsd/listen/tcp.h"
#include "dnsd/listen/udp.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REPLIES_MAX 512 /* in one batch; below FAKES_BATCH_MAX */
#define PAUSE_US 1000   /* between commits, while names come fast */
#define PAUSE_AFTER 8   /* commits, one soon after the other */
#define PROMISES_ENOUGH 64

struct reply {
	struct asker asker;
	bool is_promise;
	size_t length;
	uint8_t message[DNS_EDNS_SIZE];
};

struct server {
	struct ev_loop *loop;
	const struct server_ops *ops; /* borrowed */
	void *ctx;
	struct udp *udp; /* owned */
	struct tcp *tcp; /* owned */
	ev_prepare before_sleep;
	struct reply *replies; /* owned */
	size_t reply_count;
	size_t seen_count;    /* those before wait for a commit, or have left */
	size_t promise_count; /* of all */
	int64_t committed_us; /* the last batch with promises */
	unsigned soon_count;  /* so many of these, one soon after the other */
	ev_timer pause;
	bool has_batch;    /* something came in, or waits, since the last end */
	server_tap_fn tap; /* NULL: nobody looks on */
	void *tap_ctx;
	int64_t turn_us; /* when it began; with a tap */
};

static void break_promises(struct server *server)
{
	for (size_t i = 0; i < server->reply_count; i++) {
		struct reply *reply = &server->replies[i];

		if (reply->is_promise)
			reply->length = server->ops->on_promise_broken(
				server->ctx, &reply->asker, reply->message,
				reply->length, sizeof(reply->message));
	}
}

static void send_one(struct server *server, struct reply *reply)
{
	if (reply->length == 0)
		return;
	if (server->tap)
		server->tap(server->tap_ctx, &reply->asker, reply->message,
			    reply->length);
	if (reply->asker.is_tcp)
		tcp_send(server->tcp, &reply->asker, reply->message,
			 reply->length);
	else
		udp_queue(server->udp, &reply->asker, reply->message,
			  reply->length);
	reply->length = 0;
}

static void note_commit(struct server *server)
{
	int64_t now_us = clock_monotonic_us();

	if (now_us - server->committed_us < 2 * PAUSE_US)
		server->soon_count++;
	else
		server->soon_count = 0;
	server->committed_us = now_us;
}

static void end_batch(struct server *server)
{
	if (!server->has_batch)
		return;
	server->has_batch = false;
	ev_timer_stop(server->loop, &server->pause);
	if (server->promise_count > 0)
		note_commit(server);
	if (server->ops->on_batch_end(server->ctx) < 0)
		break_promises(server);
	for (size_t i = 0; i < server->reply_count; i++)
		send_one(server, &server->replies[i]);
	udp_flush(server->udp);
	server->reply_count = server->seen_count = server->promise_count = 0;
}

/* What promises nothing does not wait for what does. */
static void send_others(struct server *server)
{
	for (; server->seen_count < server->reply_count; server->seen_count++) {
		struct reply *reply = &server->replies[server->seen_count];

		if (!reply->is_promise)
			send_one(server, reply);
	}
	udp_flush(server->udp);
}

static bool may_wait(const struct server *server)
{
	return server->promise_count > 0 &&
	       server->promise_count < PROMISES_ENOUGH &&
	       server->soon_count >= PAUSE_AFTER &&
	       clock_monotonic_us() - server->committed_us < PAUSE_US;
}

static void on_before_sleep(struct ev_loop *loop, ev_prepare *prepare,
			    int events)
{
	struct server *server = prepare->data;

	(void)events;
	server->turn_us = 0;
	if (!server->has_batch || !may_wait(server)) {
		end_batch(server);
		return;
	}
	send_others(server);
	if (!ev_is_active(&server->pause)) {
		ev_timer_set(&server->pause, PAUSE_US / 1e6, 0.);
		ev_timer_start(loop, &server->pause);
	}
}

/* The loop is about to sleep again, and looks. */
static void on_pause_end(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop, (void)timer, (void)events;
}

static bool on_query(void *ctx, const struct asker *asker, const uint8_t *query,
		     size_t length)
{
	struct server *server = ctx;
	struct asker timed;

	if (server->tap) {
		if (server->turn_us == 0)
			server->turn_us = clock_monotonic_us();
		timed = *asker;
		timed.since_us = server->turn_us;
		asker = &timed;
	}
	server->has_batch = true;
	return server->ops->on_query(server->ctx, asker, query, length);
}

static void on_queries_end(void *ctx)
{
	struct server *server = ctx;

	server->ops->on_queries_end(server->ctx);
}

/* By TCP what was read is moved at once. */
static bool on_message(void *ctx, const struct asker *asker,
		       const uint8_t *query, size_t length)
{
	bool has_reply = on_query(ctx, asker, query, length);

	on_queries_end(ctx);
	return has_reply;
}

static const struct udp_ops udp_ops = {
	.on_query = on_query,
	.on_queries_end = on_queries_end,
};

int server_open(struct server **server, struct ev_loop *loop,
		const struct server_conf *conf, const struct server_ops *ops,
		void *ctx)
{
	struct server *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->ops = ops;
	new->ctx = ctx;
	ev_prepare_init(&new->before_sleep, on_before_sleep);
	new->before_sleep.data = new;
	ev_timer_init(&new->pause, on_pause_end, 0., 0.);
	new->committed_us = INT64_MIN / 2;
	new->replies = calloc(REPLIES_MAX, sizeof(*new->replies));
	if (!new->replies)
		goto close_server;
	ret = udp_open(&new->udp, loop, conf, &udp_ops, new);
	if (ret < 0)
		goto close_server;
	ret = tcp_open(&new->tcp, loop, conf, on_message, new);
	if (ret < 0)
		goto close_server;
	*server = new;
	return 0;

close_server:
	server_close(new);
	return ret;
}

void server_start(struct server *server)
{
	ev_prepare_start(server->loop, &server->before_sleep);
	udp_start(server->udp);
	tcp_start(server->tcp);
}

void server_close(struct server *server)
{
	if (!server)
		return;
	if (ev_is_active(&server->before_sleep)) {
		end_batch(server);
		ev_prepare_stop(server->loop, &server->before_sleep);
	}
	tcp_close(server->tcp);
	udp_close(server->udp);
	free(server->replies);
	free(server);
}

/*
 * A queue that is full is emptied behind the reply that filled it, never
 * before one: what a promise stands for is in the batch that it waits in, so
 * both are kept, or broken, together.
 */
static void queue(struct server *server, const struct asker *asker,
		  bool is_promise, const uint8_t *message, size_t length)
{
	struct reply *reply = &server->replies[server->reply_count++];

	assert(length <= DNS_EDNS_SIZE);
	reply->asker = *asker;
	reply->is_promise = is_promise;
	server->promise_count += is_promise;
	reply->length = length;
	memcpy(reply->message, message, length);
	server->has_batch = true;
	if (server->reply_count == REPLIES_MAX)
		end_batch(server);
}

void server_reply(struct server *server, const struct asker *asker,
		  const uint8_t *message, size_t length)
{
	if (!asker->is_tcp) {
		queue(server, asker, false, message, length);
		return;
	}
	if (server->tap)
		server->tap(server->tap_ctx, asker, message, length);
	tcp_send(server->tcp, asker, message, length);
}

void server_promise(struct server *server, const struct asker *asker,
		    const uint8_t *message, size_t length)
{
	queue(server, asker, true, message, length);
}

void server_set_tap(struct server *server, server_tap_fn fn, void *ctx)
{
	server->tap = fn;
	server->tap_ctx = ctx;
}

uint16_t server_keepalive_ds(const struct server *server)
{
	return tcp_keepalive_ds(server->tcp);
}

void server_stats(const struct server *server, struct server_stats *stats)
{
	udp_stats(server->udp, stats);
	tcp_stats(server->tcp, stats);
}
