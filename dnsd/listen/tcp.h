// SPDX-License-Identifier: BSD-2-Clause
/*
 * tcp.h - queries and replies by TCP: bounded clients, pipelining.
 *
 * A client may send many queries without waiting; replies leave in the order
 * in which they become ready.  What a client does not read stops its own
 * queries and nobody else's.  When all places are taken, or no descriptor is
 * left, the client that has been idle longest makes room: whoever hoards
 * connections takes them from himself.
 *
 * Errors	-errno; tcp_open() has logged which address
 * Ownership	tcp_open() gives to the caller
 * Thread	the thread of the loop
 * Source	RFC 1035 4.2.2, RFC 7766
 */
#ifndef ERSATZ_DNSD_LISTEN_TCP_H
#define ERSATZ_DNSD_LISTEN_TCP_H

#include "dnsd/server.h"

#define TCP_CLIENTS_MAX 2048 /* a quarter of the descriptors, if fewer */
#define TCP_IDLE_MS 10000    /* without a query that waits for its reply */
#define TCP_QUERY_MAX 4096   /* a longer one closes the connection */
#define TCP_PIPELINE_MAX 64  /* unanswered queries, then reading pauses */

/* Descriptors that clients may have, of so many in all: a quarter. */
size_t tcp_descriptors(size_t limit);

struct tcp;

NODISCARD int tcp_open(struct tcp **tcp, struct ev_loop *loop,
		       const struct server_conf *conf, server_query_fn fn,
		       void *ctx);
void tcp_start(struct tcp *tcp);
void tcp_close(struct tcp *tcp);

/* Sends at once, or when the client reads; a client that has gone is ignored.
 */
void tcp_send(struct tcp *tcp, const struct asker *asker,
	      const uint8_t *message, size_t length);

/* As server_keepalive_ds() says. */
uint16_t tcp_keepalive_ds(const struct tcp *tcp);

/* Sets the tcp_ members. */
void tcp_stats(const struct tcp *tcp, struct server_stats *stats);

#endif
