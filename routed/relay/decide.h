// SPDX-License-Identifier: BSD-2-Clause
/*
 * decide.h - what is to be done with a packet that opens something.
 *
 * A fake address is looked up in the map (read only, opened when it is first
 * needed, and again when another file lies there), and the rules are asked
 * with everything that is known of the flow.  A fake address without a name
 * is refused at once: somebody's cache is older than our map.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_DECIDE_H
#define ERSATZ_ROUTED_RELAY_DECIDE_H

#include "routed/link.h"
#include "routed/relay/neighbours.h"
#include "routed/relay/packet.h"
#include "routed/relay/policy.h"
#include "routed/relay/unreachable.h"
#include "routed/relay/uses.h"

struct decider;

/* A flow as the rules see it. */
struct decide_flow {
	struct endpoint src, dst;
	enum network network;
	/* It is one of this host: the parent can be asked who has it. */
	bool is_askable;
	const struct link_owner *owner; /* what it said; NULL: not asked */
	/* To a real address: it may say a name, or has said this one. */
	bool is_sniffable;
	const struct name *name; /* borrowed; NULL: none yet */
};

struct decision {
	/*
	 * A rule asks who has the flow.  Only slot, name and rule are set then;
	 * decide once more with the owner.
	 */
	bool needs_owner;
	/*
	 * The rules depend on a name that the flow may say; what is set here
	 * is for one that says none.
	 */
	bool needs_name;
	bool is_refused;
	enum refusal refusal; /* if so */
	int outbound;         /* no group */
	int group; /* that it was chosen from: the rule's; or the same */
	const struct rule *rule;   /* borrowed from the policy; NULL: none */
	uint32_t slot;             /* 0: a real address */
	uint32_t map_us, rules_us; /* what it took to know */
	struct name name; /* length 0: none is known; slot 0: sniffed */
};

/* `map_path` is copied. */
NODISCARD int decider_new(struct decider **decider, const char *map_path);
void decider_free(struct decider *decider);

/* Is a flow of this outbound, which is no group, refused as such? */
bool decide_is_refused(const struct policy *policy, int outbound,
		       enum refusal *refusal);

/* That of a packet, which nobody is asked about: TCP, UDP or ICMP. */
struct decide_flow decide_flow_of(const struct packet *packet);

/* Each fake address that is decided about is noted there; borrowed. */
void decider_set_uses(struct decider *decider, struct uses *uses);

/* Who is asked for the card of a device behind us; borrowed. */
void decider_set_neighbours(struct decider *decider,
			    struct neighbours *neighbours);

/*
 * An address of a DIRECT name: what enters the TUN for it all the same is sent
 * there directly, whatever a rule would say of the address alone.
 */
void decider_note_direct(struct decider *decider,
			 const struct link_direct *direct);

/* TCP, UDP or ICMP. */
void decide(struct decider *decider, const struct policy *policy,
	    const struct decide_flow *flow, struct decision *decision);

/* The name of a slot, for people who look; false if there is none. */
NODISCARD bool decider_name(struct decider *decider, uint32_t slot,
			    struct name *name);

#endif
