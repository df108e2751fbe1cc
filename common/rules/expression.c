// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each rule inside becomes a matcher of its own.  The depth is bounded by the
 * length of a rule's text: a level takes eight bytes of it.
 */
#include "common/rules/expression.h"

#include "common/err.h"
#include "common/rules/argument.h"

#include <errno.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define DEPTH_MAX 32

/* Cuts "( ... )" off the front; `*rest` is behind it.  NULL: there is none. */
static char *take_parens(char *text, char **rest)
{
	int depth = 0;

	text += strspn(text, BLANKS);
	if (*text != '(')
		return NULL;
	for (char *c = text; *c; c++) {
		if (*c == '\\' && c[1])
			c++;
		else if (*c == '(')
			depth++;
		else if (*c == ')' && --depth == 0) {
			*c = '\0';
			*rest = c + 1 + strspn(c + 1, BLANKS);
			return text + 1;
		}
	}
	return NULL;
}

static int depth_of(const char *text)
{
	int depth = 0, deepest = 0;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		else if (*text == '(' && ++depth > deepest)
			deepest = depth;
		else if (*text == ')')
			depth--;
	}
	return deepest;
}

static int tell_form(const struct rule_place *place, const char *what)
{
	diag_error(PLACE_ARGS(place),
		   "%s, expected each rule in parentheses and all of them in "
		   "another pair, as in "
		   "AND,((DOMAIN-SUFFIX,example.com),(NETWORK,udp))",
		   what);
	return ERR_CONFIG;
}

static int add_part(struct matcher *matcher, char *text, uint32_t line,
		    const struct rule_place *place)
{
	struct rule_parts parts;
	const char *instead = NULL;
	int ret = rule_parse_part(&parts, text, place);

	if (ret == -EOPNOTSUPP) {
		(void)rule_word_find(parts.type_word, &instead);
		diag_error(PLACE_ARGS(place),
			   "rule type '%s' cannot be served here, expected %s",
			   parts.type_word, instead);
		return ERR_CONFIG;
	}
	if (ret < 0)
		return ret;
	ret = argument_add(matcher, &parts, line);
	return ret == -EOPNOTSUPP ? argument_tell_missing(&parts) : ret;
}

int expression_add_inner(struct matcher *matcher, char *text, uint32_t line,
			 const struct rule_place *place)
{
	char *rest, *inner = take_parens(text, &rest);
	struct rule_place at;

	if (!inner || *rest)
		return tell_form(place, "the condition is not in parentheses");
	at = rule_place_at(place, text, inner);
	if (depth_of(inner) > DEPTH_MAX)
		return tell_form(place, "the parentheses are too deep");
	return add_part(matcher, inner, line, &at);
}

/* All of "(...),(...)". */
static int add_parts(struct matcher *matcher, struct logic *logic, char *text,
		     uint32_t line, const struct rule_place *place)
{
	char *rest = text;

	do {
		struct rule_place at = rule_place_at(place, text, rest);
		char *inner = take_parens(rest, &rest);
		struct matcher *part;
		int ret;

		if (!inner)
			return tell_form(&at, "a rule is not in parentheses");
		if (*rest && *rest != ',')
			return tell_form(&at, "a comma is missing");
		if (logic->count == EXPRESSION_PARTS_MAX)
			return tell_form(&at, "there are more than 256 rules");
		part = matcher_new(matcher->load);
		if (!part)
			return -ENOMEM;
		at.column += at.column > 0;
		ret = add_part(part, inner, line, &at);
		if (ret < 0) {
			matcher_free(part);
			return ret;
		}
		ret = logic_add(logic, part);
		if (ret < 0)
			return ret;
	} while (*rest++ == ',');
	return 0;
}

static int fill(struct matcher *matcher, struct logic *logic,
		const struct rule_parts *parts, uint32_t line)
{
	char *rest, *inner = take_parens(parts->argument, &rest);
	struct rule_place at;
	int ret;

	if (!inner || *rest)
		return tell_form(&parts->argument_place,
				 "the rules are not in parentheses");
	if (depth_of(inner) > DEPTH_MAX)
		return tell_form(&parts->argument_place,
				 "the parentheses are too deep");
	at = rule_place_at(&parts->argument_place, parts->argument, inner);
	ret = add_parts(matcher, logic, inner, line, &at);
	if (ret == 0 && logic->op == LOGIC_NOT && logic->count != 1)
		return tell_form(&parts->argument_place, "NOT is of one rule");
	return ret;
}

int expression_add(struct matcher *matcher, enum logic_op op,
		   const struct rule_parts *parts, uint32_t line)
{
	struct logic *logic = logic_new(op);
	struct condition condition;
	int ret;

	if (!logic)
		return -ENOMEM;
	ret = fill(matcher, logic, parts, line);
	if (ret < 0) {
		logic_free(logic);
		return ret;
	}
	condition_init_logic(&condition, logic);
	return matcher_add_condition(matcher, &condition, line);
}
