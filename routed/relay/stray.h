// SPDX-License-Identifier: BSD-2-Clause
/*
 * stray.h - packets that are neither TCP nor ICMP: answered, never swallowed.
 *
 * UDP is not carried, so it is told so at once: an application that tries
 * QUIC falls back to TCP.  Only a rule that says REJECT-DROP keeps silent.
 *
 * UDP from the TUN's own address and a port that no client would use comes
 * from a server on the wildcard address, whose replies go astray: the parent
 * is told of it, once for each port.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_STRAY_H
#define ERSATZ_ROUTED_RELAY_STRAY_H

#include "routed/relay/parts.h"

struct stray;

/* `link_fd` is borrowed. */
NODISCARD int stray_new(struct stray **stray, int link_fd);
void stray_free(struct stray *stray);

/* Everything but TCP and ICMP. */
void stray_on_packet(struct stray *stray, struct parts *parts,
		     const struct packet *packet);

#endif
