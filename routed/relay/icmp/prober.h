// SPDX-License-Identifier: BSD-2-Clause
/*
 * prober.h - is a destination alive, as seen through a proxy?
 *
 * A proxy carries no ping, so an echo request is answered after a connection
 * was made through it, with the delay that this took; if none can be made
 * the host is unreachable.  One probe a second and destination; what it found
 * answers for that second.  The port is one that a flow to this destination
 * used lately, else 443, then 80; a far host that refuses is alive.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_ICMP_PROBER_H
#define ERSATZ_ROUTED_RELAY_ICMP_PROBER_H

#include "routed/relay/parts.h"

struct prober;
struct icmp_targets;
struct icmp_target;

/* All borrowed. */
NODISCARD int prober_new(struct prober **prober, struct parts *parts,
			 struct icmp_targets *targets);
/* Gives up what is under way; what waits is not answered. */
void prober_free(struct prober *prober);

/* Answers the request now or later.  False: no room, nothing will be said. */
NODISCARD bool prober_echo(struct prober *prober, struct icmp_target *target,
			   const struct packet *packet);

/* A flow to this destination was connected. */
void prober_note(struct prober *prober, const struct endpoint *dst);

#endif
