// SPDX-License-Identifier: BSD-2-Clause
/*
 * listing.h - telling a client of every flow.
 *
 * The parent hands over the descriptor of a client of its control socket; it
 * gets a line of JSON for each flow and then {"end":true}, as fast as it
 * reads, and is closed.  The walk goes by numbers, so flows may come and go
 * meanwhile.  A client that reads nothing for ten seconds is dropped.
 *
 * Which names somebody goes to is nobody else's business: a viewer who does
 * not see all gets the flows of this host whose socket is that user's now, and
 * neither those of other users nor those of other hosts.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_LISTING_H
#define ERSATZ_ROUTED_RELAY_LISTING_H

#include "routed/link.h"
#include "routed/relay/parts.h"

struct listings;

NODISCARD int listings_new(struct listings **listings, struct parts *parts);
void listings_free(struct listings *listings);

/*
 * Takes `fd`; closes it at once when too many clients read already, of whom
 * half may be such as do not see all.
 */
void listings_add(struct listings *listings, int fd,
		  const struct link_viewer *viewer);

#endif
