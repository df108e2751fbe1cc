// SPDX-License-Identifier: BSD-2-Clause
/*
 * pending.h - echo requests that left by an interface.
 *
 * A ring of fixed size, found by what an answer tells: where the request
 * went, its id and its sequence number.  The id is the application's own
 * unless another one has it on its way to the same destination.  Entries are
 * not taken out by an answer, so that duplicates are seen as what they are;
 * the oldest one makes room.
 *
 * Errors	-ENOMEM
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_ICMP_PENDING_H
#define ERSATZ_ROUTED_RELAY_ICMP_PENDING_H

#include "routed/relay/icmp/message.h"

struct pending;

NODISCARD int pending_new(struct pending **pending, uint32_t capacity);
void pending_free(struct pending *pending);

/* Keeps the quote of a request to `dst`; returns the id to send it with. */
uint16_t pending_add(struct pending *pending, const struct addr *dst,
		     const struct icmp_quote *quote);

/* The request that has this answer, NULL: nobody's. */
const struct icmp_quote *pending_find(const struct pending *pending,
				      const struct addr *dst, uint16_t id,
				      uint16_t seq);

#endif
