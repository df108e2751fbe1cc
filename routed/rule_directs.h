// SPDX-License-Identifier: BSD-2-Clause
/*
 * rule_directs.h - the prefixes that the rules send DIRECT whatever else is
 * true, as far as the kernel may carry them.
 *
 * A throw is no DIRECT where something else is promised: none in a closed
 * profile, where nothing leaves but by the relay; none if an uplink is chosen
 * by hand, as main may prefer another one; none in main itself.  Prefixes
 * shorter than /8 are left to the relay too: with rules that end in
 * "MATCH,DIRECT" nothing would be captured, and no name of an earlier rule be
 * seen when it is asked at a resolver far away.
 *
 * A walk through all rules: once for a configuration, not for each plan.
 * Pure.
 *
 * Errors	-ENOMEM
 * Ownership	rule_directs_fini() frees the list
 */
#ifndef ERSATZ_ROUTED_RULE_DIRECTS_H
#define ERSATZ_ROUTED_RULE_DIRECTS_H

#include "common/config.h"

struct rule_directs {
	struct prefix *list; /* owned */
	size_t count;
};

NODISCARD int rule_directs_find(struct rule_directs *directs,
				const struct config *config);
void rule_directs_fini(struct rule_directs *directs);

#endif
