// SPDX-License-Identifier: BSD-2-Clause
/*
 * plan_main.h - what `mode: main` has of its own.  Pure.
 */
#ifndef ERSATZ_ROUTED_PLAN_MAIN_H
#define ERSATZ_ROUTED_PLAN_MAIN_H

#include "routed/plan.h"

/*
 * 0, or ERR_FOREIGN where our routes would beat those of another VPN; `why`
 * is the sentence for the user then.
 */
NODISCARD int plan_main_check(const struct config *config,
			      const struct nl_state *found, char *why,
			      size_t size);

/* plan_rank_of() for a route of ours in main. */
enum plan_rank plan_main_rank(const struct nl_route *route);

#endif
