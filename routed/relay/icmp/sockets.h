// SPDX-License-Identifier: BSD-2-Clause
/*
 * sockets.h - the raw sockets that echo requests leave by.
 *
 * The parent opens them, one for each exit and family, binds each to its
 * interface for good and sends them along (LINK_ICMP).  They go with their
 * interface: another one of that name is another exit.
 *
 * Errors	-ENETUNREACH: there is no socket for that exit; -errno
 * Ownership	descriptors are taken
 * Thread	the thread of the loop
 * Source	raw(7), ip(7), ipv6(7); RFC 3542 for ICMPv6
 */
#ifndef ERSATZ_ROUTED_RELAY_ICMP_SOCKETS_H
#define ERSATZ_ROUTED_RELAY_ICMP_SOCKETS_H

#include "common/nl.h"
#include "routed/relay/icmp/message.h"

#include <ev.h>

#define ICMP_SOCKETS_MAX 64

struct icmp_sockets;

/* `from` sent the answer; both live until the function returns. */
typedef void (*icmp_answer_fn)(void *ctx, const struct addr *from,
			       const struct icmp_answer *answer);

NODISCARD int icmp_sockets_new(struct icmp_sockets **sockets,
			       struct ev_loop *loop, icmp_answer_fn fn,
			       void *ctx);
void icmp_sockets_free(struct icmp_sockets *sockets);

/* An older one of the same exit and family is closed. */
void icmp_sockets_give(struct icmp_sockets *sockets, int ifindex,
		       enum addr_family family, int fd);
/* Closes those whose interface is gone. */
void icmp_sockets_on_links(struct icmp_sockets *sockets,
			   const struct nl_state *state);

/* Where a request goes: out of this interface, to that address. */
struct icmp_way {
	int ifindex;
	struct addr to;
};

NODISCARD int icmp_sockets_send(struct icmp_sockets *sockets,
				const struct icmp_way *way,
				const struct icmp_echo *echo);

#endif
