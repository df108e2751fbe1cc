// SPDX-License-Identifier: BSD-2-Clause
/*
 * pieces.h - putting fragmented packets together again.
 *
 * The host's kernel cuts a datagram that is larger than the TUN's MTU; the
 * pieces come one by one and in any order.  What is under way is bounded in
 * number and in time; one source can have a quarter of the room only while
 * others want it.  Pieces that overlap make the whole datagram void (RFC
 * 5722), exact copies of what is there are left out.
 *
 * Knows no clock and does no I/O.
 *
 * Units	milliseconds, bytes
 * Ownership	the whole packet is valid until the next call
 * Source	RFC 791 3.2, 815, 8200 4.5, 5722
 */
#ifndef ERSATZ_ROUTED_RELAY_PIECES_H
#define ERSATZ_ROUTED_RELAY_PIECES_H

#include "routed/relay/packet.h"

#define PIECES_TIME_MS 15000

struct pieces;

/* Room for `capacity` packets under way; memory is used when they come. */
NODISCARD int pieces_new(struct pieces **pieces, unsigned capacity);
void pieces_free(struct pieces *pieces);

/*
 * Takes a fragment.  True when it was the last one that was missing: `whole`
 * is the packet then, without options or extension headers.
 */
NODISCARD bool pieces_add(struct pieces *pieces, const struct packet *packet,
			  int64_t now_ms, struct packet *whole);

/* How many are under way. */
unsigned pieces_count(const struct pieces *pieces);

#endif
