// SPDX-License-Identifier: BSD-2-Clause
/*
 * matcher.h - what one rule matches: any one of its entries.
 *
 * DOMAIN-SUFFIX,example.com has one entry, a RULE-SET one for each line of its
 * list.  Names are not kept here but in a name index that all rules share,
 * under the number of the rule; matcher_ask() speaks of everything else.
 *
 * Errors	ERR_CONFIG: the diag of the place got an error; -ENOMEM, -EFBIG
 * Ownership	the owner embeds the struct; matcher_fini() frees what it
 *		holds, which the name index is not
 * Thread	asking is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_MATCHER_H
#define ERSATZ_COMMON_RULES_MATCHER_H

#include "common/compiler.h"
#include "common/rules/condition.h"
#include "common/rules/name_index.h"
#include "common/rules/parse.h"
#include "common/rules/prefix_set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct matcher {
	struct name_index *names; /* borrowed */
	uint32_t rule;
	struct prefix_set prefixes;
	struct condition *conditions; /* owned */
	size_t condition_count, condition_room;
	bool resolves; /* some prefix is without no-resolve */
};

/* An argument, and how it is to be taken. */
struct matcher_entry {
	enum rule_type type; /* all but RULE_SET */
	const char *argument;
	uint32_t line; /* of the list; 0: of no list */
	bool is_no_resolve;
};

void matcher_init(struct matcher *matcher, struct name_index *names,
		  uint32_t rule);
void matcher_fini(struct matcher *matcher);

NODISCARD int matcher_add(struct matcher *matcher,
			  const struct matcher_entry *entry,
			  const struct rule_place *place);

/*
 * One word of a list: an address or a prefix, or a name as Clash's domain
 * lists have them (the argument; the type is not looked at):
 *
 *	example.com	that name
 *	.example.com	all below it
 *	+.example.com	both
 *	*.example.com	all with exactly one label more; "*" can be any label
 */
NODISCARD int matcher_add_word(struct matcher *matcher,
			       const struct matcher_entry *entry,
			       const struct rule_place *place);

/* Call once, after the last entry. */
void matcher_seal(struct matcher *matcher);

/* Is there anything that the name index does not tell? */
bool matcher_is_asked(const struct matcher *matcher);

/* `line` is set with ANSWER_YES. */
enum answer matcher_ask(const struct matcher *matcher, struct asked *asked,
			uint32_t *line);

#endif
