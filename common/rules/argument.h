// SPDX-License-Identifier: BSD-2-Clause
/*
 * argument.h - what the argument of a rule means, for each type.
 *
 * Errors	ERR_CONFIG: the diag of the place got an error; -EOPNOTSUPP:
 *		this build cannot, and nothing was told; -ENOMEM, -EFBIG
 */
#ifndef ERSATZ_COMMON_RULES_ARGUMENT_H
#define ERSATZ_COMMON_RULES_ARGUMENT_H

#include "common/compiler.h"
#include "common/rules/matcher.h"
#include "common/rules/parse.h"

#include <stdint.h>

/*
 * Adds what the parts say to the matcher, AND and its like with all that is
 * in there.  `line` is a number of sources.h.  Not for SUB-RULE.
 */
NODISCARD int argument_add(struct matcher *matcher,
			   const struct rule_parts *parts, uint32_t line);

/* The condition of SUB-RULE: the one rule in its parentheses. */
NODISCARD int argument_add_guard(struct matcher *matcher,
				 const struct rule_parts *parts);

/* The build lacks something for that type: an error that says what. */
int argument_tell_missing(const struct rule_parts *parts);

#endif
