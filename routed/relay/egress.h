// SPDX-License-Identifier: BSD-2-Clause
/*
 * egress.h - by which link a socket of an outbound leaves this host.
 *
 * An outbound that is an interface leaves by it; every other one by the link
 * that leads to the address that is dialled: the destination's or the
 * proxy's.  A bound socket never enters the TUN.
 *
 * An interface with no route to the destination is refused here.  The kernel
 * would not: it takes every address for a neighbour that a socket bound to a
 * link asks for in vain, and looks for strangers by ARP.
 *
 * Errors	-ENODEV: there is no such interface; -ENETUNREACH: no way out
 *		by it; -errno
 */
#ifndef ERSATZ_ROUTED_RELAY_EGRESS_H
#define ERSATZ_ROUTED_RELAY_EGRESS_H

#include "routed/relay/policy.h"

struct egress {
	const struct outbound_conf *outbound;
	const char *uplink; /* the one that is pinned, NULL: found */
};

/* The link's index, 0: `to` is on this host.  `name` is the link's. */
NODISCARD int egress_find(const struct egress *egress,
			  const struct nl_state *state, const struct addr *to,
			  char name[IFNAMSIZ]);

/* Binds a new socket to it; returns the same. */
NODISCARD int egress_bind(const struct egress *egress,
			  const struct nl_state *state, const struct addr *to,
			  int fd);

/*
 * Is the link up that a socket left by, and its address still there?  One
 * without a carrier may come back, and its flows go on then; not so when
 * another uplink has taken its place.
 */
bool egress_is_alive(const struct nl_state *state, int ifindex,
		     const struct addr *local);

#endif
