// SPDX-License-Identifier: BSD-2-Clause
/*
 * quota.h - what one device behind us may take of the relay.
 *
 * The pools of flows and of half-open flows are for everybody.  An address
 * that is not this host's own may have `routed.flows-per-source` flows, and a
 * quarter of what may be half open, so that one that floods leaves room for
 * the others.  This host's programs share all that there is.
 *
 * Errors	-ENOMEM
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_QUOTA_H
#define ERSATZ_ROUTED_RELAY_QUOTA_H

#include "routed/relay/flows.h"

struct quota;

struct quota_conf {
	uint32_t flows, half_open; /* that there may be at all */
	uint32_t flows_a_source;
};

NODISCARD int quota_new(struct quota **quota, const struct quota_conf *conf);
void quota_free(struct quota *quota);

/* For a new flow of another host; false: it has enough. */
NODISCARD bool quota_take(struct quota *quota, struct flow *flow,
			  const struct addr *src);
/* The flow is not half open any more; one that was not taken is fine. */
void quota_open(struct quota *quota, struct flow *flow, const struct addr *src);
/* The flow is no more; the same. */
void quota_give(struct quota *quota, struct flow *flow, const struct addr *src);

#endif
