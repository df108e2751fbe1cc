// SPDX-License-Identifier: BSD-2-Clause
/*
 * rules_model.h - random rules, as a structure and as rules of the library.
 *
 * Names, prefixes and numbers are few, so that rules meet.  Each rule has a
 * line of its own, those of sub-rules behind those of `rules:`.
 */
#ifndef ERSATZ_TESTS_RULES_MODEL_H
#define ERSATZ_TESTS_RULES_MODEL_H

#include "tests/unit/fixture_rules.h"

#define MODEL_RULES_MAX 12
#define MODEL_ENTRIES_MAX 6

#define MODEL_SUBS 2 /* lists of sub-rules */

enum kind {
	EXACT,
	SUFFIX,
	KEYWORD,
	CIDR,
	PORT,
	NETWORK,
	ANY,
	BELOW,
	CHILD,
	SOURCE,
	USER,
	GLOB,
	REGEX,
	AND,
	OR,
	NOT,
};

/* One thing to match: a rule has one, a list some. */
struct item {
	enum kind kind;
	char argument[64];
	size_t part_count; /* of AND, OR, NOT */
	struct item *parts;
	bool is_no_resolve;
	uint32_t network, mask;
	unsigned first, last;
	enum network protocol;
};

struct model_rule {
	int outbound;
	int sub; /* SUB-RULE: which list; else -1 */
	unsigned line;
	bool is_list;
	size_t count;
	struct item items[MODEL_ENTRIES_MAX];
};

struct model_list {
	struct model_rule rules[MODEL_RULES_MAX];
	size_t count;
};

struct model {
	struct model_list rules, subs[MODEL_SUBS];
};

/* Draws with rand(). */
void model_random(struct model *model);
void model_free(struct model *model);
/* The same as rules, by way of text and list files in the folder. */
struct rules *model_build(const struct model *model,
			  const struct folder *folder);

/* A name of at most so many labels. */
void model_random_text(char *out, int labels_max);
/* One of the few addresses, of nine. */
struct addr model_random_addr(void);

#endif
