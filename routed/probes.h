// SPDX-License-Identifier: BSD-2-Clause
/*
 * probes.h - the lookups that tell whether a plan came out as meant.
 *
 * An address of each pool, a far address, a flow that is in the TUN, each
 * exempt sender, a socket bound to the uplink, each outbound's server, the
 * LAN.  Pure.
 *
 * Errors	-ENOMEM
 */
#ifndef ERSATZ_ROUTED_PROBES_H
#define ERSATZ_ROUTED_PROBES_H

#include "routed/throws.h"

/* Sets plan->probes. */
NODISCARD int probes_make(struct plan *plan, const struct config *config,
			  const struct nl_state *found,
			  const struct plan_facts *facts,
			  const struct throws *throws);

#endif
