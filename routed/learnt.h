// SPDX-License-Identifier: BSD-2-Clause
/*
 * learnt.h - what the parent has learnt while running, in copies of its own.
 *
 * Errors	-ENOMEM; what was there before stays then
 * Ownership	learnt_fini() frees the copies; the facts point into them
 */
#ifndef ERSATZ_ROUTED_LEARNT_H
#define ERSATZ_ROUTED_LEARNT_H

#include "routed/plan.h"
#include "routed/rule_directs.h"

struct learnt {
	struct plan_facts facts; /* its arrays are owned here */
	struct uid_range *uids;
	struct prefix *far_ends;
	struct endpoint *udp_servers;
	uint16_t *tunnel_ports;
	struct rule_directs rule_directs;
};

void learnt_fini(struct learnt *learnt);

NODISCARD int learnt_set_uids(struct learnt *learnt,
			      const struct uid_range *uids, size_t count);
NODISCARD int learnt_set_far_ends(struct learnt *learnt,
				  const struct prefix *ends, size_t count);
NODISCARD int learnt_set_udp_servers(struct learnt *learnt,
				     const struct endpoint *servers,
				     size_t count);

NODISCARD int learnt_set_tunnel_ports(struct learnt *learnt,
				      const uint16_t *ports, size_t count);

/* What the rules of a configuration say; again when there is another. */
NODISCARD int learnt_set_rules(struct learnt *learnt,
			       const struct config *config);

/* 1 when it is new, 0 when it was there. */
NODISCARD int learnt_add_far_end(struct learnt *learnt,
				 const struct prefix *end);

#endif
