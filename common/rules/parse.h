// SPDX-License-Identifier: BSD-2-Clause
/*
 * parse.h - the text of one rule, taken apart.
 *
 * TYPE,argument,OUTBOUND[,option...] in a configuration and
 * TYPE,argument[,option...] in a list; MATCH has no argument.  Types are read
 * without regard to case, and blanks around commas do not count, as in Clash.
 * What the argument means is the business of matcher.h.
 *
 * Errors	ERR_CONFIG: the diag of the place got an error
 */
#ifndef ERSATZ_COMMON_RULES_PARSE_H
#define ERSATZ_COMMON_RULES_PARSE_H

#include "common/compiler.h"
#include "common/rules.h"

#include <stdbool.h>
#include <stddef.h>

#define RULE_TEXT_MAX 4096 /* of a rule or a line of a list */

/* Arguments of diag_error() and diag_warning(). */
#define PLACE_ARGS(place) \
	(place)->diag, (place)->file, (place)->line, (place)->column

enum rule_type {
	RULE_DOMAIN,
	RULE_DOMAIN_SUFFIX,
	RULE_DOMAIN_KEYWORD,
	RULE_IP_CIDR, /* IP-CIDR6 is the same */
	RULE_DST_PORT,
	RULE_NETWORK,
	RULE_SET,
	RULE_MATCH,
};

struct rule_parts {
	enum rule_type type;
	const char *type_word; /* as written */
	char *argument;        /* in the text that was given; "" for MATCH */
	struct rule_place argument_place;
	int outbound;
	int upstream;
	bool is_no_resolve;
};

/* Both cut `text` into pieces, in place. */
NODISCARD int rule_parse(struct rule_parts *parts, char *text,
			 const struct rules_names *names,
			 const struct rule_place *place);

/*
 * A line of a list, which has neither outbound nor upstream, and cannot be
 * MATCH or another list.  -EOPNOTSUPP, and nothing told, for a type of Clash
 * that this version does not have: `type_word` is set.
 */
NODISCARD int rule_parse_list_line(struct rule_parts *parts, char *text,
				   const struct rule_place *place);

#endif
