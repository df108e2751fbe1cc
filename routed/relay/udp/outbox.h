// SPDX-License-Identifier: BSD-2-Clause
/*
 * outbox.h - datagrams on their way to the outbounds, in batches.
 *
 * What a turn of the loop brings is copied here and sent when the turn ends
 * or the box is full: each leg's share in one sendmmsg(2), runs of datagrams
 * of one size to one destination as trains (UDP_SEGMENT, Linux 4.18).
 *
 * Ownership	everything but legs and sockets is copied
 * Thread	the thread of the loop
 * Source	udp(7), RFC 1928 7
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_OUTBOX_H
#define ERSATZ_ROUTED_RELAY_UDP_OUTBOX_H

#include "routed/relay/socks_address.h"
#include "routed/relay/udp/datagram.h"
#include "routed/relay/udp/table.h"

struct outbox;

enum outbox_verdict {
	OUTBOX_AGAIN, /* the error was another datagram's: try once more */
	OUTBOX_NEXT,  /* told; go on with the next one */
};

struct outbox_ops {
	/* Sending this datagram failed with -errno; the leg stays. */
	enum outbox_verdict (*on_error)(void *ctx, struct udp_leg *leg,
					const struct datagram *datagram,
					int error);
	/* So many datagrams were dropped: the socket's buffer is full. */
	void (*on_dropped)(void *ctx, unsigned count);
};

/* Where it goes, and what goes before each datagram. */
struct outbox_target {
	struct endpoint to; /* no family: where the socket is connected to */
	size_t head_length;
	uint8_t head[SOCKS_UDP_HEAD_MAX];
};

NODISCARD int outbox_new(struct outbox **outbox, const struct outbox_ops *ops,
			 void *ctx);
void outbox_free(struct outbox *outbox);

/* `datagram` has the endpoints that the application sees. */
void outbox_put(struct outbox *outbox, struct udp_leg *leg,
		const struct datagram *datagram,
		const struct outbox_target *target);
void outbox_flush(struct outbox *outbox);
/* The leg's socket goes: what is left for it goes nowhere. */
void outbox_forget(struct outbox *outbox, const struct udp_leg *leg);

#endif
