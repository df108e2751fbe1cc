// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/logic.h"

#include "common/rules/matcher.h"

#include <errno.h>
#include <stdlib.h>

struct logic *logic_new(enum logic_op op)
{
	struct logic *logic = calloc(1, sizeof(*logic));

	if (logic)
		logic->op = op;
	return logic;
}

void logic_free(struct logic *logic)
{
	if (!logic)
		return;
	for (size_t i = 0; i < logic->count; i++)
		matcher_free(logic->parts[i]);
	free(logic->parts);
	free(logic);
}

int logic_add(struct logic *logic, struct matcher *part)
{
	struct matcher **parts = reallocarray(logic->parts, logic->count + 1,
					      sizeof(struct matcher *));

	if (!parts) {
		matcher_free(part);
		return -ENOMEM;
	}
	logic->parts = parts;
	logic->parts[logic->count++] = part;
	return 0;
}

int logic_seal(struct logic *logic)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < logic->count; i++)
		ret = matcher_seal(logic->parts[i]);
	return ret;
}

bool logic_resolves(const struct logic *logic)
{
	bool resolves = false;

	for (size_t i = 0; i < logic->count; i++)
		resolves |= matcher_resolves(logic->parts[i]);
	return resolves;
}

static enum answer combine(enum logic_op op, enum answer sum, enum answer part)
{
	switch (op) {
	case LOGIC_AND:
		return answer_and(sum, part);
	case LOGIC_OR:
		return answer_or(sum, part);
	case LOGIC_NOT:
		return answer_not(part);
	}
	return part;
}

enum answer logic_ask(const struct logic *logic, struct asked *asked,
		      uint32_t *line)
{
	const enum answer settled =
		logic->op == LOGIC_AND ? ANSWER_NO : ANSWER_YES;
	enum answer sum = logic->op == LOGIC_AND ? ANSWER_YES : ANSWER_NO;

	*line = 0;
	for (size_t i = 0; i < logic->count; i++) {
		uint32_t part_line = 0;
		enum answer answer =
			matcher_ask(logic->parts[i], asked, &part_line);

		sum = combine(logic->op, sum, answer);
		if (answer == ANSWER_YES && *line == 0)
			*line = part_line;
		if (sum == settled)
			break;
	}
	return sum;
}
