// SPDX-License-Identifier: BSD-2-Clause
/*
 * sniffing.h - a flow that is to say its name before its outbound is known.
 *
 *	SYN -> decide: a name would matter -> SYN into the namespace
 *	    -> accepted there -> what the application says -> decide
 *	    -> dial -> passage.h
 *
 * Such a flow is accepted without knowing whether its destination is, so the
 * application sees a refusal as a reset.  Only flows to real addresses come
 * here, only with `routed.sniff`, and only where the rules depend on a name;
 * one that keeps silent, as clients do whose server speaks first, goes on
 * without.  What it says is looked at where it lies (MSG_PEEK), so that the
 * outbound gets all of it.
 *
 * The name decides which rule matches, and nothing else: the outbound is asked
 * for the address that the application dialled.  What a client claims must not
 * lead elsewhere than where it goes.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_SNIFFING_H
#define ERSATZ_ROUTED_RELAY_SNIFFING_H

#include "routed/relay/parts.h"

/* Could a TCP flow there say a name that is looked for? */
bool sniffing_is_wanted(const struct policy *policy,
			const struct endpoint *dst);

/* The SYN goes into the namespace. */
void sniffing_enter(struct parts *parts, struct flow *flow);

/* It was accepted there; takes `fd`. */
void sniffing_on_accepted(struct parts *parts, struct flow *flow, int fd);

/* It said nothing for long enough. */
void sniffing_on_silence(struct parts *parts, struct flow *flow);

/* The outbound is there; takes `fd`. */
void sniffing_on_connected(struct parts *parts, struct flow *flow, int fd);

#endif
