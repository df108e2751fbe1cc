// SPDX-License-Identifier: BSD-2-Clause
/*
 * rule_list.h - rules in order: those of `rules:`, or of one of `sub-rules:`.
 *
 * Errors	-ENOMEM, -EFBIG
 * Ownership	rule_list_new() gives to the caller; texts of rules are
 *		borrowed
 * Thread	a sealed list is const
 */
#ifndef ERSATZ_COMMON_RULES_RULE_LIST_H
#define ERSATZ_COMMON_RULES_RULE_LIST_H

#include "common/compiler.h"
#include "common/rules.h"
#include "common/rules/matcher.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rule_list;

struct rule_entry {
	struct rule rule;
	struct matcher matcher; /* with SUB-RULE: the condition */
	bool is_any;            /* MATCH */
	const char *sub_name;   /* borrowed; NULL: no SUB-RULE */
	unsigned sub_column;
	struct rule_list *sub; /* borrowed; once the rules are finished */
};

struct rule_list {
	const char *name;           /* borrowed; NULL: `rules:` */
	struct rule_entry *entries; /* owned */
	size_t count, room;
	struct name_index *names;      /* owned */
	struct text_index *texts;      /* owned */
	struct prefix_index *prefixes; /* owned */
	bool has_end;      /* a MATCH: nothing after it is reached */
	unsigned end_line; /* where it stands */
	bool is_end_told;
	/* Places of entries, in order. */
	uint32_t *every;  /* owned */
	uint32_t *walked; /* owned; that the indexes alone do not decide */
	uint32_t *named;  /* owned; the same while a name may still come */
	size_t walked_count, named_count;
	/* Of whoever looks for circles: was it entered, and its depth. */
	int mark, depth;
};

NODISCARD struct rule_list *rule_list_new(const char *name);
void rule_list_free(struct rule_list *list);

/*
 * Room for one more, zeroed, which counts once `list->count` says so.  NULL:
 * no memory, or more rules than an index can number.
 */
NODISCARD struct rule_entry *rule_list_next(struct rule_list *list);

void rule_entry_fini(struct rule_entry *entry);

NODISCARD int rule_list_seal(struct rule_list *list);

#endif
