// SPDX-License-Identifier: BSD-2-Clause
/*
 * server.h - the sockets that clients ask: UDP in batches, TCP.
 *
 * The server knows neither rules nor upstreams.  For each datagram or TCP
 * message it calls `on_query`; that function answers at once, with
 * server_reply(), or later: it copies the struct asker, which stays valid as a
 * value (a TCP client that has gone is ignored).
 *
 * A batch is what one turn of the loop brings: datagrams, TCP messages,
 * answers of upstreams.  When the turn ends (or the queue of replies is full)
 * `on_batch_end` is called, where new rows of the map are committed, and then
 * the replies leave together.
 *
 * Errors	-errno
 * Ownership	server_open() gives to the caller
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_SERVER_H
#define ERSATZ_DNSD_SERVER_H

#include "common/addr.h"
#include "common/compiler.h"
#include "dnsd/cause.h"
#include "dnsd/question.h"

#include <ev.h>
#include <stdbool.h>
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
	int64_t since_us;    /* when it came in; 0 while nobody looks on */
	int64_t now_ms;      /* CLOCK_BOOTTIME, when it was read */
	struct cause cause;  /* of the reply; filled in by who decides */
};

/* Is it a program of this host? */
static inline bool asker_is_local(const struct asker *asker)
{
	return addr_is_loopback(&asker->client.addr) ||
	       addr_equal(&asker->client.addr, &asker->local);
}

struct server_conf {
	const struct endpoint *listen; /* UDP and TCP on each; borrowed */
	size_t listen_count;
};

/* False: that is no query, and there will be no reply. */
typedef bool (*server_query_fn)(void *ctx, const struct asker *asker,
				const uint8_t *query, size_t length);

struct server_ops {
	/*
	 * `query` is good until on_queries_end() returns, which comes soon:
	 * so that several may be looked at before the first is answered.
	 */
	server_query_fn on_query;
	void (*on_queries_end)(void *ctx);
	/*
	 * Before the replies of a batch leave.  A negative result means that
	 * what the batch promised is not durable: each reply that was made with
	 * server_promise() then passes through on_promise_broken.
	 */
	int (*on_batch_end)(void *ctx);
	/*
	 * Turns a reply into a failure, in place, at most `size` bytes.
	 * Returns the new length.
	 */
	size_t (*on_promise_broken)(void *ctx, struct asker *asker,
				    uint8_t *message, size_t length,
				    size_t size);
};

/* Binds all sockets; needs privilege for port 53.  Errors name the address. */
NODISCARD int server_open(struct server **server, struct ev_loop *loop,
			  const struct server_conf *conf,
			  const struct server_ops *ops, void *ctx);
/* Starts to read, after privilege is gone. */
void server_start(struct server *server);
void server_close(struct server *server);

/*
 * Sends a whole message back at the end of the batch; by UDP the caller has
 * kept it within question.udp_size.  Copies.
 */
void server_reply(struct server *server, const struct asker *asker,
		  const uint8_t *message, size_t length);

/*
 * The same for a reply that holds only once the batch is durable; at most
 * DNS_EDNS_SIZE bytes, by TCP too.
 */
void server_promise(struct server *server, const struct asker *asker,
		    const uint8_t *message, size_t length);

/*
 * For how long a TCP client may be silent, in tenths of a second (RFC 7828);
 * 0 when places are short.
 */
uint16_t server_keepalive_ds(const struct server *server);

/*
 * From now on `fn` sees each reply as it leaves; NULL: nobody does, and it
 * costs nothing.
 */
typedef void (*server_tap_fn)(void *ctx, const struct asker *asker,
			      const uint8_t *message, size_t length);
void server_set_tap(struct server *server, server_tap_fn fn, void *ctx);

struct server_stats {
	uint64_t udp_queries, tcp_queries; /* messages that came in */
	uint64_t udp_replies, tcp_replies; /* messages that left */
	uint64_t udp_unsent;  /* replies that the kernel did not take */
	uint64_t tcp_clients; /* accepted */
	uint64_t tcp_evicted; /* closed to make room for another */
	uint32_t tcp_open;    /* now */
};
void server_stats(const struct server *server, struct server_stats *stats);

#endif
