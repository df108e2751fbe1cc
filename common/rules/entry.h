// SPDX-License-Identifier: BSD-2-Clause
/*
 * entry.h - one thing to match, from its text into a matcher.
 *
 * Says nothing about what is wrong: argument.h does for rules, list_line.h for
 * lists, each in its own words.
 *
 * Errors	-EINVAL for text that is none; -EOPNOTSUPP: this build cannot;
 *		-ENOMEM, -EFBIG
 */
#ifndef ERSATZ_COMMON_RULES_ENTRY_H
#define ERSATZ_COMMON_RULES_ENTRY_H

#include "common/compiler.h"
#include "common/rules/matcher.h"

#include <stdbool.h>
#include <stdint.h>

/* A name; Unicode is made ASCII.  Odd characters must be escaped. */
NODISCARD int entry_parse_name(struct name *name, const char *text);

/* `kinds` of name_index.h. */
NODISCARD int entry_add_name(struct matcher *matcher, const char *text,
			     unsigned kinds, uint32_t line);

/*
 * A name as Clash's domain lists have them:
 *
 *	example.com	that name
 *	.example.com	all below it
 *	+.example.com	both
 *	*.example.com	all with exactly one label more; "*" can be any label
 *
 * -EDOM: "*" is part of a label.
 */
NODISCARD int entry_add_pattern(struct matcher *matcher, const char *text,
				uint32_t line);

/* Takes the mark of the kind off the front of such a name. */
unsigned entry_take_kinds(const char **text);

/* CONDITION_KEYWORD or CONDITION_GLOB; Unicode is made ASCII. */
NODISCARD int entry_add_name_text(struct matcher *matcher,
				  enum condition_type type, const char *text,
				  uint32_t line);

/* One of the types of a regular expression; `why` tells of -EINVAL. */
NODISCARD int entry_add_regex(struct matcher *matcher, enum condition_type type,
			      const char *text, uint32_t line,
			      char why[REGEX_WHY_SIZE]);

/* How a prefix is meant. */
struct entry_use {
	uint32_t line;
	bool is_no_resolve;
	bool is_source;
};

NODISCARD int entry_add_prefix(struct matcher *matcher,
			       const struct prefix *prefix,
			       const struct entry_use *use);

#endif
