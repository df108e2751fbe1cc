// SPDX-License-Identifier: BSD-2-Clause
/*
 * throws.h - which prefixes stay out of the TUN.
 *
 * See plan.h for the list, and table.h for who else asks.  Pure.
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

/*
 * The same with the link that each leads to, 0 where it does not matter;
 * sorted by link, none covers another of the same link.
 */
struct throw_way {
	struct prefix prefix;
	int ifindex;
};
struct throw_ways {
	struct throw_way *list; /* owned */
	size_t count;
};
NODISCARD int throws_collect_ways(struct throw_ways *ways,
				  const struct config *config,
				  const struct nl_state *found,
				  const struct plan_facts *facts);
void throw_ways_fini(struct throw_ways *ways);

/* Link-local, multicast, broadcast: of the link, on every host. */
bool throws_is_always(const struct prefix *prefix);

/* Is the whole prefix thrown by one of them? */
bool throws_have(const struct throws *throws, const struct prefix *prefix);
bool throws_cover(const struct throws *throws, const struct addr *addr);

#endif
