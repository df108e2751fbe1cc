// SPDX-License-Identifier: BSD-2-Clause
/*
 * condition.h - what is asked one by one: keywords, wildcards, ports,
 * networks.
 *
 * Plain names and prefixes have an index of their own (name_index.h,
 * prefix_set.h); these are the few that are left.
 *
 * Errors	-EINVAL for text that is none, ERR_MALFORMED for Unicode,
 *		-ENOMEM
 * Ownership	the owner embeds the struct; condition_fini() frees what it
 *		holds
 * Thread	asking is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_CONDITION_H
#define ERSATZ_COMMON_RULES_CONDITION_H

#include "common/compiler.h"
#include "common/name.h"
#include "common/rules.h"

#include <stdbool.h>
#include <stdint.h>

/* The three values; what is needed makes two of the third. */
enum answer {
	ANSWER_NO,
	ANSWER_YES,
	ANSWER_NEEDS_ADDRESS,
	ANSWER_NEEDS_FLOW,
};

/* Facts and what was made of them once for all conditions. */
struct asked {
	const struct facts *facts;
	uint8_t text_length; /* 0: not made yet */
	char text[NAME_WIRE_MAX];
};

void asked_init(struct asked *asked, const struct facts *facts);

enum condition_type {
	CONDITION_KEYWORD,
	CONDITION_WILDCARD,
	CONDITION_PORTS,
	CONDITION_NETWORK,
	CONDITION_ANY,
};

struct ports;
struct wildcard;

struct condition {
	enum condition_type type;
	enum network network;
	uint32_t line; /* of the list it stands in */
	union {
		char *keyword;             /* owned */
		struct wildcard *wildcard; /* owned */
		struct ports *ports;       /* owned */
	};
};

void condition_fini(struct condition *condition);

/* Any part of the name's text, dots included. */
NODISCARD int condition_init_keyword(struct condition *condition,
				     const char *text);

/*
 * A name in which labels "*" stand for any one label, for names that have the
 * kinds (name_index.h) of relation to it.
 */
NODISCARD int condition_init_wildcard(struct condition *condition,
				      const struct name *pattern,
				      unsigned kinds);

/* "443", "80/443", "8000-9000/22". */
NODISCARD int condition_init_ports(struct condition *condition,
				   const char *text);

/* "tcp" or "udp". */
NODISCARD int condition_init_network(struct condition *condition,
				     const char *text);

void condition_init_any(struct condition *condition);

enum answer condition_ask(const struct condition *condition,
			  struct asked *asked);

#endif
