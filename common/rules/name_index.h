// SPDX-License-Identifier: BSD-2-Clause
/*
 * name_index.h - the names of all rules: which is the earliest rule that a
 * name belongs to?
 *
 * One hash table for everything, so that a question costs one look-up a label
 * whether there are ten names or a million.  Rules are numbers here; each
 * name also keeps the line that it came from, to be named in a verdict.
 *
 * Units	16 bytes a slot, at most 3/4 of the slots used, and the wire
 *		form of each name once
 * Errors	-ENOMEM; -EFBIG for more than 4 GiB of names
 * Ownership	name_index_new() gives to the caller; names are copied
 * Thread	finding is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_NAME_INDEX_H
#define ERSATZ_COMMON_RULES_NAME_INDEX_H

#include "common/compiler.h"
#include "common/name.h"
#include "common/rules/hit.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a name in the index stands for: or them together. */
enum {
	NAME_ITSELF = 1, /* example.com */
	NAME_BELOW = 2,  /* everything under it, at any depth */
	NAME_CHILD = 4,  /* what has exactly one label more */
	NAME_SUFFIX = NAME_ITSELF | NAME_BELOW,
};

#define NAME_INDEX_RULE_MAX ((1U << 29) - 1)

struct name_index;

NODISCARD struct name_index *name_index_new(void); /* NULL: no memory */
void name_index_free(struct name_index *index);

/* Hits must come in order of their rules: an earlier one stays. */
NODISCARD int name_index_add(struct name_index *index, const struct name *name,
			     unsigned kinds, struct rule_hit hit);

/*
 * So many may follow: saves growing step by step.  Nothing is looked up from
 * then on until the index is sealed.
 */
NODISCARD int name_index_expect(struct name_index *index, size_t more);

/* All is there; gives back the memory that was kept for growing. */
NODISCARD int name_index_seal(struct name_index *index);

/* The hit with the lowest rule, then the lowest line; false: there is none. */
bool name_index_find(const struct name_index *index, const struct name *name,
		     struct rule_hit *hit);

/* Names held, for whoever wants to tell. */
size_t name_index_count(const struct name_index *index);

#endif
