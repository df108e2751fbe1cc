// SPDX-License-Identifier: BSD-2-Clause
/*
 * prefix_index.h - the address prefixes of all rules: which is the earliest
 * rule that an address belongs to?
 *
 * What name_index.h is for names.  Filled, sealed, then asked.  Sealing cuts
 * the address space into ranges that each have one answer, so that a question
 * is one binary search whatever the number of prefixes and of rules.
 *
 * Units	24 bytes a range, and at most two ranges a prefix
 * Errors	-ENOMEM
 * Ownership	prefix_index_new() gives to the caller
 * Thread	finding is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_PREFIX_INDEX_H
#define ERSATZ_COMMON_RULES_PREFIX_INDEX_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/rules/hit.h"
#include "common/rules/span.h"

#include <stdbool.h>
#include <stddef.h>

struct prefix_index;

NODISCARD struct prefix_index *prefix_index_new(void); /* NULL: no memory */
void prefix_index_free(struct prefix_index *index);

NODISCARD int prefix_index_add(struct prefix_index *index,
			       const struct prefix *prefix,
			       struct rule_hit hit);

/* Call once, after the last prefix_index_add(). */
NODISCARD int prefix_index_seal(struct prefix_index *index);

/*
 * The hit with the lowest rule; false: there is none.  The line is that of the
 * widest prefix of this rule which has the address.
 */
bool prefix_index_find(const struct prefix_index *index,
		       const struct addr *addr, struct rule_hit *hit);

/* A stretch of addresses, and the earliest rule that has them. */
struct prefix_range {
	struct span span;
	uint32_t rule;
};

/*
 * All of them in order, `count` of them, those without a rule left out; a
 * sealed index.  free() them; NULL: no memory.
 */
NODISCARD struct prefix_range *
prefix_index_ranges(const struct prefix_index *index, size_t *count);

#endif
