// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name has 253 characters at most: what needs more than this goes wild. */
#define STEPS_MAX 20000
#define STACK_SIZE (24 * 1024)

struct regex {
	pcre2_code *code;             /* owned */
	pcre2_match_context *context; /* owned; the limits */
	char *text;                   /* owned */
	bool is_jit;
};

/* Memory for one match; what was taken is given back by leaving. */
struct stack {
	size_t used;
	_Alignas(max_align_t) char bytes[STACK_SIZE];
};

static void *take(PCRE2_SIZE size, void *ctx)
{
	struct stack *stack = ctx;
	size_t room = STACK_SIZE - stack->used;
	void *memory = stack->bytes + stack->used;

	size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (size > room)
		return NULL;
	stack->used += size;
	return memory;
}

static void give_back(void *memory, void *ctx)
{
	(void)memory;
	(void)ctx;
}

int regex_new(struct regex **regex, const char *text, char why[REGEX_WHY_SIZE])
{
	struct regex *new = calloc(1, sizeof(*new));
	PCRE2_SIZE at;
	int error;

	if (!new)
		return -ENOMEM;
	new->text = strdup(text);
	new->context = pcre2_match_context_create(NULL);
	if (!new->text || !new->context) {
		regex_free(new);
		return -ENOMEM;
	}
	pcre2_set_match_limit(new->context, STEPS_MAX);
	new->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
				  PCRE2_CASELESS | PCRE2_DOTALL |
					  PCRE2_DOLLAR_ENDONLY |
					  PCRE2_NEVER_BACKSLASH_C,
				  &error, &at, NULL);
	if (!new->code) {
		char reason[REGEX_WHY_SIZE - 32] = "";

		pcre2_get_error_message(error, (PCRE2_UCHAR *)reason,
					sizeof(reason));
		snprintf(why, REGEX_WHY_SIZE, "%s at character %zu", reason,
			 at + 1);
		regex_free(new);
		return -EINVAL;
	}
	/* Where it cannot be had, matching is slower, and as bounded. */
	new->is_jit = pcre2_jit_compile(new->code, PCRE2_JIT_COMPLETE) == 0;
	*regex = new;
	return 0;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_code_free(regex->code);
	pcre2_match_context_free(regex->context);
	free(regex->text);
	free(regex);
}

const char *regex_text(const struct regex *regex)
{
	return regex->text;
}

bool regex_matches(const struct regex *regex, const char *text, size_t length)
{
	struct stack stack;
	pcre2_general_context *general;
	pcre2_match_data *data = NULL;

	stack.used = 0;
	general = pcre2_general_context_create(take, give_back, &stack);
	if (general)
		data = pcre2_match_data_create(1, general);
	if (!data)
		return false;
	if (regex->is_jit)
		return pcre2_jit_match(regex->code, (PCRE2_SPTR)text, length, 0,
				       0, data, regex->context) >= 0;
	return pcre2_match(regex->code, (PCRE2_SPTR)text, length, 0, 0, data,
			   regex->context) >= 0;
}
