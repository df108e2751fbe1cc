// SPDX-License-Identifier: BSD-2-Clause
/*
 * refuse.h - ending what is not open yet, and telling why.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_REFUSE_H
#define ERSATZ_ROUTED_RELAY_REFUSE_H

#include "routed/relay/parts.h"

/* A packet that opens nothing is answered. */
void refuse_packet(struct parts *parts, const struct packet *packet,
		   enum refusal refusal);

/* Ends a flow that is held or entering and tells the application why. */
void refuse_flow(struct parts *parts, struct flow *flow,
		 const struct dial_failure *failure);
/* The same, and leaves the application waiting. */
void refuse_silently(struct parts *parts, struct flow *flow);

/*
 * For the log.  One destination that is out of reach is nobody's business, a
 * proxy is.
 */
void refuse_log(struct parts *parts, const struct flow *flow,
		const struct dial_failure *failure);

#endif
