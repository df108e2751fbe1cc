// SPDX-License-Identifier: BSD-2-Clause
/*
 * listing.h - telling a client of every flow.
 *
 * The parent hands over the descriptor of a client of its control socket; it
 * gets a line of JSON for each flow and then {"end":true}, as fast as it
 * reads, and is closed.  The walk goes by numbers, so flows may come and go
 * meanwhile.  A client that reads nothing for ten seconds is dropped.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_LISTING_H
#define ERSATZ_ROUTED_RELAY_LISTING_H

#include "routed/relay/parts.h"

struct listings;

NODISCARD int listings_new(struct listings **listings, struct parts *parts);
void listings_free(struct listings *listings);

/* Takes `fd`; closes it at once when too many clients read already. */
void listings_add(struct listings *listings, int fd);

#endif
