// SPDX-License-Identifier: BSD-2-Clause
/*
 * udp.h - queries and replies by UDP, many with one system call.
 *
 * A reply leaves from the address that was asked: where a socket is bound to
 * the wildcard address, the address comes with the query (IP_PKTINFO,
 * IPV6_RECVPKTINFO) and goes with the reply.
 *
 * Errors	-errno; udp_open() has logged which address
 * Ownership	udp_open() gives to the caller
 * Thread	the thread of the loop
 * Source	ip(7), ipv6(7), RFC 3542 6
 */
#ifndef ERSATZ_DNSD_LISTEN_UDP_H
#define ERSATZ_DNSD_LISTEN_UDP_H

#include "dnsd/server.h"

#define UDP_BATCH 128 /* datagrams to a system call */

struct udp;

/* As those of struct server_ops; the end is that of what was read at once. */
struct udp_ops {
	server_query_fn on_query;
	void (*on_queries_end)(void *ctx);
};

NODISCARD int udp_open(struct udp **udp, struct ev_loop *loop,
		       const struct server_conf *conf,
		       const struct udp_ops *ops, void *ctx);
void udp_start(struct udp *udp);
void udp_close(struct udp *udp);

/*
 * Puts a reply into the batch, which leaves when it is full, when the
 * listener changes, and at udp_flush(); `message` is borrowed until then.
 */
void udp_queue(struct udp *udp, const struct asker *asker,
	       const uint8_t *message, size_t length);
void udp_flush(struct udp *udp);

/* Sets the udp_ members. */
void udp_stats(const struct udp *udp, struct server_stats *stats);

#endif
