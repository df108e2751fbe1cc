// SPDX-License-Identifier: BSD-2-Clause
/*
 * matcher.h - what one rule matches: any one of its entries.
 *
 * DOMAIN-SUFFIX,example.com has one entry, a RULE-SET one for each line of its
 * list.  Names and prefixes of a rule are not kept here but in indexes that
 * all rules share, under the number of the rule; matcher_ask() speaks of
 * everything else.  A part of AND, OR and NOT has indexes of its own, and
 * speaks of all.
 *
 * Errors	-ENOMEM, -EFBIG
 * Ownership	the owner embeds the struct; matcher_fini() frees what it
 *		holds, which shared indexes are not
 * Thread	asking is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_MATCHER_H
#define ERSATZ_COMMON_RULES_MATCHER_H

#include "common/compiler.h"
#include "common/rules/condition.h"
#include "common/rules/name_index.h"
#include "common/rules/prefix_index.h"
#include "common/rules/text_index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load;

struct matcher {
	struct load *load; /* borrowed; while entries are added */
	struct name_index *names;
	struct text_index *texts;
	struct prefix_index *prefixes;
	bool is_apart; /* the indexes are its own, and made when needed */
	uint32_t rule;
	struct prefix_index *sources; /* owned; of the other end; NULL: none */
	struct condition *conditions; /* owned */
	size_t condition_count, condition_room;
	bool has_names; /* in `names` or `texts` */
	bool resolves;  /* some prefix is without no-resolve */
	size_t entry_count;
};

void matcher_init(struct matcher *matcher, struct load *load);
/* Before any entry: what indexes can hold goes to these, as a rule's. */
void matcher_share(struct matcher *matcher, struct name_index *names,
		   struct text_index *texts, struct prefix_index *prefixes,
		   uint32_t rule);
void matcher_fini(struct matcher *matcher);

/* The same on the heap, for parts; NULL: no memory. */
NODISCARD struct matcher *matcher_new(struct load *load);
void matcher_free(struct matcher *matcher);

/* So many names may follow. */
NODISCARD int matcher_expect(struct matcher *matcher, size_t names);

/* `line` is a number of sources.h; 0: not of a list. */
NODISCARD int matcher_add_name(struct matcher *matcher, const struct name *name,
			       unsigned kinds, uint32_t line);

/* Takes the condition; frees it when there is no room. */
NODISCARD int matcher_add_condition(struct matcher *matcher,
				    struct condition *condition, uint32_t line);

/* Where prefixes of destinations, or of sources, go; NULL: no memory. */
struct prefix_index *matcher_prefixes(struct matcher *matcher, bool is_source);

/* Call once, after the last entry. */
NODISCARD int matcher_seal(struct matcher *matcher);

/* Is there anything that the shared indexes do not tell? */
bool matcher_is_asked(const struct matcher *matcher);

/* Does it want names to be resolved, in its parts too? */
bool matcher_resolves(const struct matcher *matcher);

/* `line` is set with ANSWER_YES. */
enum answer matcher_ask(const struct matcher *matcher, struct asked *asked,
			uint32_t *line);

#endif
