// SPDX-License-Identifier: BSD-2-Clause
/*
 * held.h - datagrams that wait until somebody can send them.
 *
 * While an association is being made or a name is being looked up, the first
 * datagrams of an application wait, in order, in buffers out of a pool; most
 * are small, a few may be as large as datagrams get.  What finds no buffer is
 * dropped by the caller, as any full queue would.
 *
 * Ownership	what was taken goes back by held_give()
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_HELD_H
#define ERSATZ_ROUTED_RELAY_UDP_HELD_H

#include "routed/relay/udp/datagram.h"

struct held_pool;

struct held {
	struct held *next;
	bool is_large;
	struct datagram datagram; /* its payload lies behind this struct */
};

/* All zero: empty. */
struct held_queue {
	struct held *first, *last;
	unsigned count;
};

#define HELD_QUEUE_MAX 32

NODISCARD int held_pool_new(struct held_pool **pool);
void held_pool_free(struct held_pool *pool);

/* Copies it to the end of the queue; false: there is no room. */
NODISCARD bool held_put(struct held_pool *pool, struct held_queue *queue,
			const struct datagram *datagram);
/* The first one, NULL: none. */
struct held *held_take(struct held_queue *queue);
void held_give(struct held_pool *pool, struct held *held);
void held_clear(struct held_pool *pool, struct held_queue *queue);

/* How many are in use. */
unsigned held_pool_count(const struct held_pool *pool);

#endif
