// SPDX-License-Identifier: BSD-2-Clause
/*
 * types.h - the types of rules, as they are written.
 *
 * Source	mihomo, rules/parser.go and its manual
 */
#ifndef ERSATZ_COMMON_RULES_TYPES_H
#define ERSATZ_COMMON_RULES_TYPES_H

#include "common/compiler.h"

enum rule_type {
	RULE_DOMAIN,
	RULE_DOMAIN_SUFFIX,
	RULE_DOMAIN_KEYWORD,
	RULE_DOMAIN_WILDCARD,
	RULE_DOMAIN_REGEX,
	RULE_GEOSITE,
	RULE_GEOIP,
	RULE_IP_ASN,
	RULE_IP_CIDR,
	RULE_SRC_MAC,
	RULE_SRC_PORT,
	RULE_DST_PORT,
	RULE_NETWORK,
	RULE_UID,
	RULE_PROCESS_NAME,
	RULE_PROCESS_NAME_REGEX,
	RULE_PROCESS_PATH,
	RULE_PROCESS_PATH_REGEX,
	RULE_CGROUP,
	RULE_SET,
	RULE_AND,
	RULE_OR,
	RULE_NOT,
	RULE_SUB,
	RULE_MATCH,
};

/* How the argument is cut out of the text. */
enum rule_form {
	RULE_FORM_NONE,   /* there is none */
	RULE_FORM_PLAIN,  /* up to the next comma */
	RULE_FORM_REGEX,  /* commas belong to it */
	RULE_FORM_PARENS, /* up to the parenthesis that closes it */
};

struct rule_word {
	const char *word;
	enum rule_type type;
	enum rule_form form;
	int is_source;       /* the same of the source: SRC-IP-CIDR */
	const char *example; /* of an argument; NULL: there is none */
};

/*
 * The type of that word, without regard to case; or NULL, and for what Clash
 * has and we cannot serve `*instead` is what to expect, else NULL.
 */
const struct rule_word *rule_word_find(const char *word, const char **instead);

/* What is meant by a word that is none, or NULL. */
const char *rule_word_nearest(const char *word);

/* "DOMAIN, DOMAIN-SUFFIX, ... or MATCH": for messages. */
#define RULE_WORDS                                                            \
	"DOMAIN, DOMAIN-SUFFIX, DOMAIN-KEYWORD, IP-CIDR, DST-PORT, NETWORK, " \
	"GEOIP, GEOSITE, RULE-SET, MATCH or another of ersatz.yaml(5)"

#endif
