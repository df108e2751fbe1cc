// SPDX-License-Identifier: BSD-2-Clause
/*
 * stream.h - one connection to one server, kept open, with many questions.
 *
 * Questions are sent as they come, and answers may come in any order: each has
 * an ID of its own among those under way.  The connection is made when there
 * is something to ask, and closed when nothing was for STREAM_IDLE_MS.  A
 * server may close it at any time: what it has not answered then is asked once
 * more on a new connection, if the old one had ever answered anything.  One
 * that is silent towards a question that was given up is not used any longer.
 *
 * TCP is spoken here; TLS, and what goes through a proxy, is a pipe of
 *tunnel.h.
 *
 * Ownership	struct stream is embedded; its buffer is taken with the
 *		connection and given back with it
 * Thread	the thread of the loop
 * Source	RFC 7766 6.2 (pipelining, reuse), RFC 7858 3.4
 */
#ifndef ERSATZ_DNSD_UPSTREAM_STREAM_H
#define ERSATZ_DNSD_UPSTREAM_STREAM_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/uplink.h"
#include "dnsd/upstream/tunnel.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_IDLE_MS 20000
#define STREAM_CONNECT_MS 5000
#define STREAM_QUERY_MAX 512

struct stream_query;

struct stream_ops {
	/* Writes the query; its length, at most STREAM_QUERY_MAX. */
	size_t (*write)(struct stream_query *query, uint8_t *out);
	/*
	 * A message with its ID; false: it is not the answer, wait on.  Else
	 * it has been withdrawn.
	 */
	bool (*on_message)(struct stream_query *query, const uint8_t *message,
			   size_t length);
	/* The connection failed; the query is at rest.  `why` may be NULL. */
	void (*on_error)(struct stream_query *query, int status,
			 const char *why);
};

/* Embedded by the one who asks, zeroed at first. */
struct stream_query {
	struct stream_query *next;
	struct stream *stream; /* NULL: at rest */
	uint16_t id;
	bool is_sent, is_again, is_failing;
	int64_t sent_ms;
};

struct stream {
	struct ev_loop *loop;             /* borrowed, as all of these */
	const struct uplink_watch *watch; /* that sockets are bound by */
	const struct stream_ops *ops;
	struct upstream_server_conf server;
	const char *interface;    /* borrowed; NULL: the uplink */
	struct tunnel *tunnel;    /* borrowed; NULL: plain TCP */
	struct tunnel_call *call; /* owned; NULL: a socket of our own */
	int fd;                   /* with `call`: libcurl's; -1: none */
	bool is_open;             /* else it is being made, or there is none */
	bool has_answered;
	unsigned connection; /* so many were ended before */
	struct ev_io io;
	struct ev_timer timer;
	int64_t received_ms;
	struct stream_query *queries; /* borrowed; in the order of asking */
	uint8_t *in;                  /* owned, while connected */
	size_t in_length;
	size_t out_length, out_at;
	uint8_t out[2 + STREAM_QUERY_MAX];
};

/* How a connection is made. */
struct stream_way {
	struct tunnel *tunnel; /* borrowed; NULL: plain TCP */
	const char *interface; /* borrowed; NULL: the uplink */
};

/* All above `server` is set by the caller. */
void stream_init(struct stream *stream);

/*
 * Asks, by that way if there is no connection yet.  Negative when no connection
 * can be tried; else it ends with a call of on_message, of on_error, or of
 * stream_withdraw().
 */
NODISCARD int stream_ask(struct stream *stream, const struct stream_way *way,
			 const struct upstream_server_conf *server,
			 struct stream_query *query);
void stream_withdraw(struct stream_query *query);

/* Ends the connection; what is under way fails with that. */
void stream_close(struct stream *stream, int status, const char *why);

#endif
