// SPDX-License-Identifier: BSD-2-Clause
/*
 * logic.h - AND, OR and NOT of what rules ask.
 *
 * The parts are matchers with indexes of their own: a name in there says
 * nothing by itself.
 *
 * Errors	-ENOMEM
 * Ownership	logic_new() gives to the caller; the parts are the logic's
 * Thread	asking is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_LOGIC_H
#define ERSATZ_COMMON_RULES_LOGIC_H

#include "common/compiler.h"
#include "common/rules/asked.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct matcher;

enum logic_op { LOGIC_AND, LOGIC_OR, LOGIC_NOT };

struct logic {
	enum logic_op op;
	size_t count;
	struct matcher **parts; /* owned, each of them */
};

NODISCARD struct logic *logic_new(enum logic_op op); /* NULL: no memory */
void logic_free(struct logic *logic);

/* Takes the part; frees it if there is no room. */
NODISCARD int logic_add(struct logic *logic, struct matcher *part);

/* Seals the parts. */
NODISCARD int logic_seal(struct logic *logic);

/* Does a part want names to be resolved? */
bool logic_resolves(const struct logic *logic);

/* `line`: of the first part that is in a list, if the answer is yes. */
enum answer logic_ask(const struct logic *logic, struct asked *asked,
		      uint32_t *line);

#endif
