// SPDX-License-Identifier: BSD-2-Clause
/*
 * train.h - datagrams to the host, many in one frame.
 *
 * Datagrams of one size from one source to one application are put together
 * and written as one super-packet, which the kernel takes apart where the
 * application reads (Linux 6.2; before that each is written by itself).
 * Nothing is copied.  What an IPv6 host behind us could not receive whole is
 * cut into fragments.
 *
 * Ownership	payloads are borrowed until train_flush()
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_TRAIN_H
#define ERSATZ_ROUTED_RELAY_UDP_TRAIN_H

#include "routed/relay/udp/datagram.h"

#include <sys/uio.h>

/* Members are private; all zero but the carrier, which is borrowed. */
struct train {
	struct carrier *carrier;
	bool has_no_segments; /* the kernel does not know them */
	bool is_closed;       /* the last one was shorter: it ends the train */
	struct datagram datagram;
	unsigned count;
	uint16_t id;
	struct iovec parts[1 + DATAGRAM_SEGMENTS_MAX];
};

/*
 * From datagram->src to datagram->dst.  `is_far`: the application is not on
 * this host, and its way may be narrow.
 */
void train_put(struct train *train, const struct datagram *datagram,
	       bool is_far);
void train_flush(struct train *train);

#endif
