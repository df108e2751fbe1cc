// SPDX-License-Identifier: BSD-2-Clause
/*
 * draft.h - a plan while it is being made; for plan.c and its parts alone.
 *
 * The first error sticks; everything after it is skipped.  Pure.
 *
 * Ownership	what is appended goes into draft->plan
 */
#ifndef ERSATZ_ROUTED_DRAFT_H
#define ERSATZ_ROUTED_DRAFT_H

#include "routed/exits.h"
#include "routed/plan.h"
#include "routed/throws.h"

/* What the kernel makes of 0 in IPv6; it must be told apart from nothing. */
#define DRAFT_METRIC_IPV6 1024
#define DRAFT_METRIC_LAST 65535

struct draft {
	struct plan *plan;
	const struct config *config;
	const struct nl_state *found;
	const struct plan_facts *facts;
	struct throws throws;
	struct exits exits;
	struct prefix *targets; /* what is led into the TUN, but the pools */
	size_t target_count;
	uint32_t shift; /* band.h */
	int error;
};

/* Everything in two halves, or what is included; after the throws. */
NODISCARD int draft_find_targets(struct draft *draft);
bool draft_has_targets(const struct draft *draft, uint8_t family);

/* Is there such a thing as IPv6?  And does the TUN take it? */
bool draft_has_family(const struct draft *draft, uint8_t family);
bool draft_carries(const struct draft *draft, uint8_t family);
void draft_each_family(struct draft *draft,
		       void (*fn)(struct draft *draft, uint8_t family));

/* The pool of the family; its family is ADDR_NONE when that is off. */
struct prefix draft_pool(const struct draft *draft, uint8_t family);

void draft_append(struct draft *draft, const struct nl_object *object);
void draft_append_route(struct draft *draft, const struct nl_route *route);
/* In our band.  Twice the same (configured and learnt) is once. */
void draft_append_rule(struct draft *draft, const struct nl_rule *rule);

/* `dst` into the TUN. */
void draft_append_tun_route(struct draft *draft, uint32_t table,
			    const struct prefix *dst);
/* `dst` leads nowhere: RTN_UNREACHABLE, RTN_PROHIBIT. */
void draft_append_end(struct draft *draft, uint32_t table,
		      const struct prefix *dst, uint8_t type);

/* A rule of ours that matches everything yet. */
struct nl_rule draft_rule(uint8_t family, uint32_t priority, uint32_t table);
/*
 * To main: what this host, as a router, says of a packet; ICMP types `first`
 * to `last`.  (RFC 792, 4443)
 */
struct nl_rule draft_icmp_errors(uint8_t family, uint32_t priority,
				 uint8_t first, uint8_t last);

/* plan_exempt.c */
void plan_exemptions(struct draft *draft, uint8_t family);
void plan_exemption_ends(struct draft *draft, uint8_t family);

/* plan_main.c: everything of `mode: main`. */
void plan_main(struct draft *draft);

/* plan.c */
void plan_tun(struct draft *draft);

#endif
