// SPDX-License-Identifier: BSD-2-Clause
/*
 * carrier.h - packets between the host's TUN and the inner one.
 *
 *	host's TUN  --- TCP but opening SYNs ------------->  inner TUN
 *	            --- everything else ---> on_packet
 *	            <-- TCP ------------------------------   inner TUN
 *
 * Frames are copied as they are, their struct virtio_net_hdr included, so
 * that super-packets stay whole and checksums that are not there yet stay so.
 * What on_packet gets is carried only if it calls carrier_inject().
 *
 * Errors	-errno from carrier_new(); packets that cannot be written are
 *		counted as dropped, as any link would
 * Ownership	the descriptors are borrowed; frames live until on_packet
 *		returns
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_CARRIER_H
#define ERSATZ_ROUTED_RELAY_CARRIER_H

#include "common/compiler.h"
#include "routed/relay/packet.h"
#include "routed/relay/unreachable.h"

#include <ev.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct carrier;

/* struct virtio_net_hdr without the count of merged buffers. */
#define CARRIER_HEADER_SIZE 10

struct carrier_counters {
	uint64_t in;      /* from the host */
	uint64_t out;     /* to the host */
	uint64_t dropped; /* could not be written, or were nobody's business */
};

struct carrier_ops {
	/* A frame is the header above and then at least one byte. */
	void (*on_packet)(void *ctx, const uint8_t *frame, size_t length);
	/* A TUN was taken away; nothing is carried any more. */
	void (*on_gone)(void *ctx, int error);
};

/* Descriptors are non-blocking: the host's TUN, the inner one. */
NODISCARD int carrier_new(struct carrier **carrier, struct ev_loop *loop,
			  const int tun_fds[2], const struct carrier_ops *ops,
			  void *ctx);
void carrier_free(struct carrier *carrier);

/* Into the inner namespace, as it is. */
void carrier_inject(struct carrier *carrier, const uint8_t *frame,
		    size_t length);
/*
 * To the host: the header, which is all zero when the checksums are there,
 * and a packet that answers one of the host's.
 */
void carrier_reply(struct carrier *carrier, const uint8_t *frame,
		   size_t length);
/*
 * The same out of parts.  -EINVAL: the kernel does not take such a frame (a
 * kind of super-packet that it does not know), and it was not counted.
 */
NODISCARD int carrier_reply_parts(struct carrier *carrier,
				  const struct iovec *parts, int count);
/* Passes on what a router said of a packet of the host's. */
void carrier_pass_on(struct carrier *carrier, const struct packet *packet,
		     const struct unreachable_error *error);
/* Answers a packet of the host's, as unreachable.h does. */
void carrier_refuse(struct carrier *carrier, const struct packet *packet,
		    enum refusal refusal);
/* Counts a packet that on_packet left lying. */
void carrier_drop(struct carrier *carrier);

/*
 * A turn for both TUNs in the midst of other work: their queues are short,
 * and a packet that is dropped costs its flow a time-out.
 */
void carrier_turn(struct carrier *carrier);

/* Carries out what still waits in the inner namespace: before an end. */
void carrier_flush(struct carrier *carrier);

const struct carrier_counters *carrier_counters(const struct carrier *carrier);

#endif
