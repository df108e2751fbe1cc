// SPDX-License-Identifier: BSD-2-Clause
/*
 * icmp_exits.h - raw ICMP sockets for the relay, one an exit and family.
 *
 * Only the parent can open them.  Each is bound to one interface, which the
 * relay cannot change any more, and takes in nothing but replies and errors.
 * Whatever has an address and is neither loopback nor the TUN can be an exit.
 * A new relay, and an interface that comes, gets new ones.
 *
 * Privilege	CAP_NET_RAW
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_ICMP_EXITS_H
#define ERSATZ_ROUTED_ICMP_EXITS_H

#include "common/nl.h"
#include "routed/relays.h"

#define ICMP_EXITS_MAX 64

struct icmp_exit {
	int ifindex;
	enum addr_family family;
};

/* What the relay of now has. */
struct icmp_exits {
	struct icmp_exit list[ICMP_EXITS_MAX];
	size_t count;
};

/* The exits that there are, at most ICMP_EXITS_MAX.  Pure. */
void icmp_exits_find(struct icmp_exits *exits, const struct nl_state *state,
		     const char *tun);

/*
 * Gives the relay, if it is ready, what it has not got yet.  `exits` is what
 * it got, all zero for a new one.  What cannot be given now is logged, and
 * tried again with the next change.
 */
void icmp_exits_offer(struct icmp_exits *exits, struct relays *relays,
		      const struct nl_state *state, const char *tun);

#endif
