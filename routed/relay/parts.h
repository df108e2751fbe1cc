// SPDX-License-Identifier: BSD-2-Clause
/*
 * parts.h - what a relay is made of, for those who see a flow through.
 *
 * relay.c makes all of it, in this order, and frees it in the reverse one;
 * intake.h and passage.h work with it.  It is the `ctx` of the poller.
 */
#ifndef ERSATZ_ROUTED_RELAY_PARTS_H
#define ERSATZ_ROUTED_RELAY_PARTS_H

#include "routed/link.h"
#include "routed/relay/backlog.h"
#include "routed/relay/carrier.h"
#include "routed/relay/decide.h"
#include "routed/relay/flows.h"
#include "routed/relay/hold.h"
#include "routed/relay/inquiry.h"
#include "routed/relay/mover.h"
#include "routed/relay/policy.h"
#include "routed/relay/scout.h"
#include "routed/relay/uses.h"

struct flow_log;
struct icmp;
struct quota;
struct udp;

struct parts {
	struct ev_loop *loop;  /* borrowed */
	struct policy *policy; /* what new flows follow */
	struct uplink_watch *uplinks;
	struct uses *uses; /* who keeps a flow to a slot: relay.c note_all() */
	struct decider *decider;
	struct neighbours *neighbours; /* NULL: they cannot be read */
	struct resolver *resolver;
	struct poller *poller;
	struct mover_room *room;
	struct flows *flows;
	struct flow_log *log; /* NULL until it is there */
	struct holds *holds;
	struct quota *quota;
	struct inquiry *inquiry;
	struct carrier *carrier;
	struct backlog *backlog[2]; /* for others, and for this host */
	struct icmp *icmp;
	struct udp *udp;
	struct dialler dialler;
	struct scout *scout;
	struct link_counters counters; /* those of flows that are no more */
	struct log_limit failures;     /* of destinations, */
	struct log_limit faults;       /* of outbounds */
	size_t moved;                  /* bytes, since the TUNs had a turn */
};

#endif
