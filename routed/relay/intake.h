// SPDX-License-Identifier: BSD-2-Clause
/*
 * intake.h - a flow from its first SYN until it is open, or refused.
 *
 *	SYN -> decide -> (whose is it?) -> dial -> SYN into the namespace
 *	    -> accepted there -> passage.h
 *
 * The application gets no SYN-ACK before the outbound is connected, so what
 * it sees of connect() is the truth: connected, refused, unreachable.  (A flow
 * whose name is to be sniffed is the exception: sniffing.h.)
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_INTAKE_H
#define ERSATZ_ROUTED_RELAY_INTAKE_H

#include "routed/relay/parts.h"

/* A packet that opens a flow, and the frame that it lies in. */
void intake_on_syn(struct parts *parts, const struct packet *packet,
		   const uint8_t *frame, size_t length);

/* The parent's answer: whose flow it is. */
void intake_on_owner(struct parts *parts, uint32_t id,
		     const struct link_owner *owner);

/* The inner namespace accepted a connection; takes `fd`. */
void intake_on_accepted(struct parts *parts, int fd, const struct tuple *tuple);

/*
 * On with a flow that something was decided about: whose it is, what its name
 * is, or its outbound.
 */
void intake_go_on(struct parts *parts, struct flow *flow);

/* With what was learnt of it; false: that was a refusal, and it is gone. */
NODISCARD bool intake_decide_anew(struct parts *parts, struct flow *flow,
				  const struct link_owner *owner);

/* Ends what took too long. */
void intake_on_time(struct parts *parts);

/*
 * The host's links changed: flows that left by an address or a link that is
 * gone are reset, those that are still held dial anew.
 */
void intake_on_links(struct parts *parts, const struct nl_state *state);

/* Is it an address of this host, the TUN's own one included? */
bool intake_is_of_this_host(const struct parts *parts, const struct addr *addr);
/* Where SYNs from there wait: a flood of others is not in this host's way. */
struct backlog *intake_backlog(const struct parts *parts,
			       const struct addr *src);
/* Resets a flow that somebody wants closed; it may have ended. */
void intake_close(struct parts *parts, const struct link_flow *flow);

/*
 * parts->policy is another one: flows whose outbound is not in it any more
 * are reset, all others keep theirs, whatever the rules now say.
 */
void intake_on_policy(struct parts *parts);

/* Ends every flow: open ones by resets, held ones by silence. */
void intake_stop(struct parts *parts);

/* For dialler.ops; the ctx is the parts. */
extern const struct dial_ops intake_dial_ops;

#endif
