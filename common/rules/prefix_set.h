// SPDX-License-Identifier: BSD-2-Clause
/*
 * prefix_set.h - the address prefixes of one rule.
 *
 * Filled, sealed, then asked by binary search.  A prefix that lies inside
 * another one of the set says nothing new and is dropped by the sealing, so
 * what is left is disjoint.
 *
 * Errors	-ENOMEM
 * Ownership	the owner embeds the struct, zeroed; prefix_set_fini() frees
 *		what it holds
 * Thread	asking is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_PREFIX_SET_H
#define ERSATZ_COMMON_RULES_PREFIX_SET_H

#include "common/addr.h"
#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefix_entry {
	struct prefix prefix;
	uint32_t line; /* that it came from */
};

struct prefix_set {
	struct prefix_entry *entries; /* owned */
	size_t count, room;
	bool is_sealed;
};

void prefix_set_fini(struct prefix_set *set);

NODISCARD int prefix_set_add(struct prefix_set *set,
			     const struct prefix *prefix, uint32_t line);

/* Call once, after the last prefix_set_add(). */
void prefix_set_seal(struct prefix_set *set);

/* The entry that the address lies in, or NULL. */
const struct prefix_entry *prefix_set_find(const struct prefix_set *set,
					   const struct addr *addr);

#endif
