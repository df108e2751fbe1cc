// SPDX-License-Identifier: BSD-2-Clause
/*
 * icmp.h - what the relay answers to ping, and to what is no protocol of ours.
 *
 * DIRECT and interface: the request leaves by that link with its own id,
 * sequence number, payload and TTL, and what comes back, be it the reply or
 * the error of a router on the way, goes to the application: ping and
 * traceroute see the real way.  Through a proxy: prober.h.  An address
 * without a name and one that a rule rejects are told so at once.  Never an
 * invented time.  With `routed.icmp: drop` requests are dropped and counted.
 *
 * Everything that is neither TCP, UDP nor an echo request is told that there
 * is no such protocol.
 *
 * Errors	-errno
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_ICMP_ICMP_H
#define ERSATZ_ROUTED_RELAY_ICMP_ICMP_H

#include "routed/relay/parts.h"

struct icmp;

/* Parts are borrowed; all but `icmp` are there already. */
NODISCARD int icmp_new(struct icmp **icmp, struct parts *parts);
void icmp_free(struct icmp *icmp);

void icmp_on_packet(struct icmp *icmp, const struct packet *packet);

/* The parent's raw socket for an exit; taken. */
void icmp_on_socket(struct icmp *icmp, int ifindex, uint8_t family, int fd);
void icmp_on_links(struct icmp *icmp, const struct nl_state *state);
/* A flow to this destination was connected. */
void icmp_on_connected(struct icmp *icmp, const struct endpoint *dst);

#endif
