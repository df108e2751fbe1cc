// SPDX-License-Identifier: BSD-2-Clause
/*
 * server.h - the sockets that clients ask: UDP in batches, TCP.
 *
 * The server knows neither rules nor upstreams.  For each datagram or TCP
 * message it calls `on_query`; that function answers at once, with
 * server_reply(), or later: it copies the struct asker, which stays valid as a
 * value (a TCP client that has gone is ignored).  Replies made while a UDP
 * batch is being handled leave together, after `on_batch_end` returned; that
 * is where new rows of the map are committed.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_SERVER_H
#define ERSATZ_DNSD_SERVER_H

#include "common/addr.h"
#include "common/compiler.h"

#include <ev.h>
#include <stddef.h>
#include <stdint.h>

struct server;

struct asker {
	struct endpoint client;
	struct addr local; /* the address that was asked */
	int ifindex;       /* it came in by, for link-local ones; else 0 */
	uint16_t listener;
	bool is_tcp;
	uint64_t tcp_client; /* number, never reused */
};

struct server_conf {
	const struct endpoint *listen; /* UDP and TCP on each; borrowed */
	size_t listen_count;
};

struct server_ops {
	void (*on_query)(void *ctx, const struct asker *asker,
			 const uint8_t *query, size_t length);
	/*
	 * After all queries of a batch.  A negative result means that what
	 * the batch promised is not durable: its replies are dropped and
	 * on_query_failed is called for each instead.
	 */
	int (*on_batch_end)(void *ctx);
};

/* Binds all sockets; needs privilege for port 53.  Errors name the address. */
NODISCARD int server_open(struct server **server, struct ev_loop *loop,
			  const struct server_conf *conf,
			  const struct server_ops *ops, void *ctx);
/* Starts to read, after privilege is gone. */
void server_start(struct server *server);
void server_close(struct server *server);

/*
 * Sends a whole message back; by UDP the caller has kept it within
 * question.udp_size.  Copies.
 */
void server_reply(struct server *server, const struct asker *asker,
		  const uint8_t *message, size_t length);

#endif
