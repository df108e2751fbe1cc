// SPDX-License-Identifier: BSD-2-Clause
/*
 * condition.h - what is asked one by one: keywords, wildcards, regular
 * expressions, ports, networks, owners of a flow, and logic out of these.
 *
 * Plain names and prefixes have indexes of their own (name_index.h,
 * prefix_index.h); text_index.h tells which of those that are of a name are
 * worth asking.
 *
 * Errors	-EINVAL for text that is none, -ENOMEM
 * Ownership	the owner embeds the struct; condition_fini() frees what it
 *		holds
 * Thread	asking is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_CONDITION_H
#define ERSATZ_COMMON_RULES_CONDITION_H

#include "common/compiler.h"
#include "common/name.h"
#include "common/rules/asked.h"
#include "common/rules/cover.h"
#include "common/rules/logic.h"
#include "common/rules/regex.h"

#include <stdbool.h>
#include <stdint.h>

enum condition_type {
	CONDITION_KEYWORD,
	CONDITION_LABELS,
	CONDITION_GLOB,
	CONDITION_REGEX,
	CONDITION_DST_PORT,
	CONDITION_SRC_PORT,
	CONDITION_NETWORK,
	CONDITION_SRC_MAC,
	CONDITION_UID,
	CONDITION_PROCESS_NAME,
	CONDITION_PROCESS_NAME_REGEX,
	CONDITION_PROCESS_PATH,
	CONDITION_PROCESS_PATH_REGEX,
	CONDITION_CGROUP,
	CONDITION_LOGIC,
	CONDITION_ANY,
};

struct ranges;
struct wildcard;

struct condition {
	enum condition_type type;
	enum network network;
	uint32_t line; /* of the list it stands in */
	union {
		struct mac mac;
		char *text;                /* owned */
		struct wildcard *wildcard; /* owned */
		struct ranges *ranges;     /* owned */
		struct regex *regex;       /* owned */
		struct logic *logic;       /* owned */
	};
};

void condition_fini(struct condition *condition);

/* KEYWORD, GLOB ("*" any characters, "?" one): of the name, lower-cased. */
NODISCARD int condition_init_name_text(struct condition *condition,
				       enum condition_type type,
				       const char *text);

/*
 * LABELS: a name in which labels "*" stand for any one label, for names that
 * have the kinds (name_index.h) of relation to it.
 */
NODISCARD int condition_init_labels(struct condition *condition,
				    const struct name *pattern, unsigned kinds);

/* DST_PORT, SRC_PORT, UID: "443", "80/443", "8000-9000/22". */
NODISCARD int condition_init_ranges(struct condition *condition,
				    enum condition_type type, const char *text);

/* "tcp" or "udp". */
NODISCARD int condition_init_network(struct condition *condition,
				     const char *text);

/* "02:42:ac:11:00:02" */
NODISCARD int condition_init_mac(struct condition *condition, const char *text);

/* PROCESS_NAME, PROCESS_PATH, CGROUP. */
NODISCARD int condition_init_owner_text(struct condition *condition,
					enum condition_type type,
					const char *text);

/* REGEX, PROCESS_NAME_REGEX, PROCESS_PATH_REGEX: takes the expression. */
void condition_init_regex(struct condition *condition, enum condition_type type,
			  struct regex *regex);

/* Takes the logic. */
void condition_init_logic(struct condition *condition, struct logic *logic);

void condition_init_any(struct condition *condition);

/* Is it about the name and nothing else? */
bool condition_is_of_name(const struct condition *condition);

/* The rest is for those alone: what their names cannot do without, */
void condition_make_cover(const struct condition *condition,
			  struct cover *cover);
/* and whether the name is one; the question must have a name. */
bool condition_has_name(const struct condition *condition, struct asked *asked);

/* `line` is set with ANSWER_YES. */
enum answer condition_ask(const struct condition *condition,
			  struct asked *asked, uint32_t *line);

#endif
