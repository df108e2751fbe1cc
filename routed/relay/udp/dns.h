// SPDX-License-Identifier: BSD-2-Clause
/*
 * dns.h - questions that enter the TUN, to dnsd.
 *
 * An application that asks 8.8.8.8 by UDP is answered by dnsd, from 8.8.8.8.
 * All questions share one socket on this host, told apart by their ids, which
 * are replaced on the way and put back in the answer; the oldest one gives
 * way when there are too many.  What dnsd itself asks never enters the TUN.
 *
 * Thread	the thread of the loop
 * Source	RFC 1035 4.1.1
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_DNS_H
#define ERSATZ_ROUTED_RELAY_UDP_DNS_H

#include "routed/relay/udp/datagram.h"

struct udp;
struct udp_dns;

#define UDP_DNS_PORT 53

NODISCARD int udp_dns_new(struct udp_dns **dns, struct udp *udp);
void udp_dns_free(struct udp_dns *dns);

/* Somebody asks; without a dnsd the port is unreachable. */
void udp_dns_ask(struct udp_dns *dns, const struct datagram *datagram);

#endif
