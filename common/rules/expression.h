// SPDX-License-Identifier: BSD-2-Clause
/*
 * expression.h - the text of AND, OR and NOT, and what is in there.
 *
 *	AND,((DOMAIN-SUFFIX,example.com),(NOT,((NETWORK,udp))))
 *
 * Errors	as argument.h
 */
#ifndef ERSATZ_COMMON_RULES_EXPRESSION_H
#define ERSATZ_COMMON_RULES_EXPRESSION_H

#include "common/compiler.h"
#include "common/rules/logic.h"
#include "common/rules/matcher.h"
#include "common/rules/parse.h"

#include <stdint.h>

#define EXPRESSION_PARTS_MAX 256

/* The argument of the parts: "((...),(...))". */
NODISCARD int expression_add(struct matcher *matcher, enum logic_op op,
			     const struct rule_parts *parts, uint32_t line);

/* One rule in parentheses: "(NETWORK,udp)". */
NODISCARD int expression_add_inner(struct matcher *matcher, char *text,
				   uint32_t line,
				   const struct rule_place *place);

#endif
