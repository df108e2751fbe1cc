// SPDX-License-Identifier: BSD-2-Clause
/*
 * throws.h - which prefixes stay out of the TUN.
 *
 * See plan.h for the list.  Pure.
 *
 * Errors	-ENOMEM
 * Ownership	throws_fini() frees the list
 */
#ifndef ERSATZ_ROUTED_THROWS_H
#define ERSATZ_ROUTED_THROWS_H

#include "routed/plan.h"

/* Sorted, and none covers another; /2 or longer. */
struct throws {
	struct prefix *prefixes; /* owned */
	size_t count;
};

NODISCARD int throws_collect(struct throws *throws, const struct config *config,
			     const struct nl_state *found,
			     const struct plan_facts *facts);
void throws_fini(struct throws *throws);

bool throws_cover(const struct throws *throws, const struct addr *addr);

#endif
