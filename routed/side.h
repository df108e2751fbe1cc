// SPDX-License-Identifier: BSD-2-Clause
/*
 * side.h - our second nftables table: on which side of the TUN a flow of a
 * device behind us is.
 *
 * The first packet of a flow goes where the routes say; the way that it takes
 * is written down in conntrack, and leads all further ones (by rules on the
 * marks of gateway.h), whatever throws and routes come or go.  So a flow that
 * is in the TUN stays there, and one that is outside stays outside.  Replies
 * of what came in by an uplink (a published port) leave by it for the same
 * reason.  A flow that was there before us counts as outside, unless the
 * profile is closed; one that is in the TUN while there is no TUN is refused.
 *
 * New flows to the addresses of DIRECT names (the sets) begin outside, and
 * queries to port 53 inside, whoever is asked: the relay has them answered.
 *
 * What devices on the interfaces that the configuration names send past the
 * TUN by an uplink leaves with this host's address, as what the relay carries
 * does.  On the same segment as the main router that is also what brings
 * replies back to us.  Whoever makes a bridge for guests does that himself.
 *
 * A packet from outside with a source address of our own is one of ours that
 * came back: a router sends to us what we send to it.  It is dropped, and
 * counted; by the quota the kernel tells of the first one, so that nobody has
 * to ask.
 *
 * No ICMP redirect tells a device of another gateway.  TCP that does not go
 * through the TUN is told the segment size that fits its way.
 *
 * Pure.  The text is the inside of `table inet NAME { }`; NULL when there is
 * nobody to serve.
 *
 * Errors	-ENOMEM
 * Ownership	the text goes to the caller
 */
#ifndef ERSATZ_ROUTED_SIDE_H
#define ERSATZ_ROUTED_SIDE_H

#include "routed/plan.h"

#define SIDE_TABLE "ersatz_gateway"
#define SIDE_COMMENT "ersatz routed: gateway"
/* Of addresses of DIRECT names; "4" or "6" behind it. */
#define SIDE_SET "named"
#define SIDE_COUNTER_LOOP "loop"
#define SIDE_QUOTA_LOOP "loop_told"
#define SIDE_COUNTER_STRANDED "stranded"

NODISCARD int side_make(char **text, const struct config *config,
			const struct nl_state *found,
			const struct plan_facts *facts);

#endif
