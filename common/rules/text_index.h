// SPDX-License-Identifier: BSD-2-Clause
/*
 * text_index.h - keywords, wildcards and expressions of all rules: which is
 * the earliest rule that has one which a name matches?
 *
 * One pass over the name tells which of them can match at all (cover.h); only
 * these are asked.  Those of which nothing is known are always asked.
 *
 * Errors	-ENOMEM
 * Ownership	text_index_new() gives to the caller; conditions are taken
 * Thread	finding is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_TEXT_INDEX_H
#define ERSATZ_COMMON_RULES_TEXT_INDEX_H

#include "common/compiler.h"
#include "common/rules/condition.h"
#include "common/rules/hit.h"

#include <stdbool.h>

struct text_index;

NODISCARD struct text_index *text_index_new(void); /* NULL: no memory */
void text_index_free(struct text_index *index);

/*
 * Takes a condition_is_of_name(), and frees it when there is no room.  Hits
 * must come in order of their rules and lines.
 */
NODISCARD int text_index_add(struct text_index *index,
			     struct condition *condition, struct rule_hit hit);

/* Call once, after the last one. */
NODISCARD int text_index_seal(struct text_index *index);

/*
 * The hit with the lowest rule, then the lowest line, of those before the
 * rule `end`.  The question must have a name.
 */
bool text_index_find(const struct text_index *index, struct asked *asked,
		     uint32_t end, struct rule_hit *hit);

#endif
