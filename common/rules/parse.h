// SPDX-License-Identifier: BSD-2-Clause
/*
 * parse.h - the text of one rule, taken apart.
 *
 * TYPE,argument,OUTBOUND[,option...] in a configuration and
 * TYPE,argument[,option...] in a list or inside of AND, OR and NOT; MATCH has
 * no argument.  Types are read without regard to case, and blanks around
 * commas do not count, as in Clash.  What the argument means is the business
 * of argument.h.
 *
 * Errors	ERR_CONFIG: the diag of the place got an error
 */
#ifndef ERSATZ_COMMON_RULES_PARSE_H
#define ERSATZ_COMMON_RULES_PARSE_H

#include "common/compiler.h"
#include "common/rules.h"
#include "common/rules/types.h"

#include <stdbool.h>
#include <stddef.h>

#define RULE_TEXT_MAX 4096 /* of a rule or a line of a list */

/* Arguments of diag_error() and diag_warning(). */
#define PLACE_ARGS(place) \
	(place)->diag, (place)->file, (place)->line, (place)->column

/* "'text' is wrong, expected ..."; ERR_CONFIG. */
int rule_tell_wrong(const struct rule_place *place, const char *text,
		    const char *expected);

/* The place of `at` in a text that begins at `place`. */
struct rule_place rule_place_at(const struct rule_place *place,
				const char *text, const char *at);

struct rule_parts {
	enum rule_type type;
	const char *type_word; /* as written */
	char *argument;        /* in the text that was given; "" for MATCH */
	struct rule_place argument_place;
	int outbound;
	const char *sub_rule; /* the name behind SUB-RULE, else NULL */
	int upstream;
	bool is_no_resolve;
	bool is_source; /* it is about the source of the flow */
};

/* Both cut `text` into pieces, in place. */
NODISCARD int rule_parse(struct rule_parts *parts, char *text,
			 const struct rules_names *names,
			 const struct rule_place *place);

/*
 * A rule that has neither outbound nor upstream, and is not MATCH or SUB-RULE.
 * -EOPNOTSUPP, and nothing told, for a type of Clash that cannot be served:
 * `type_word` is set.
 */
NODISCARD int rule_parse_part(struct rule_parts *parts, char *text,
			      const struct rule_place *place);

#endif
