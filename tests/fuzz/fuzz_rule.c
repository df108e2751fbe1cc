// SPDX-License-Identifier: BSD-2-Clause
/* Lines of `rules:`, one a line of the input, that read no file. */
#include "common/rules.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void add(struct rules *rules, const char *text, struct rule_place *place)
{
	static const char *const outbounds[] = {"proxy", NULL};
	static const char *const upstreams[] = {"far", NULL};
	const struct rules_names names = {outbounds, upstreams};

	if (!strstr(text, "RULE-SET") && !strstr(text, "GEO"))
		fuzz_require(rules_add(rules, text, &names, place) <= 0);
	place->line++;
}

static int on_prefix(void *ctx, const struct prefix *prefix)
{
	(void)ctx;
	fuzz_require(prefix->addr.family != ADDR_NONE);
	return 0;
}

static void on_step(void *ctx, const struct rule *rule, enum rule_says says)
{
	size_t *steps = ctx;

	fuzz_require(rule->text);
	(void)says;
	(*steps)++;
}

static void ask(const struct rules *rules)
{
	struct name name;
	struct facts facts = {.name = &name};
	size_t steps = 0;

	fuzz_require(name_parse(&name, "www.example.com") == 0);
	for (int is_final = 0; is_final < 2; is_final++) {
		facts.is_final = is_final;
		struct verdict verdict = rules_decide(rules, &facts);
		struct verdict told =
			rules_explain(rules, &facts, on_step, &steps);
		fuzz_require(verdict.kind == told.kind &&
			     verdict.rule == told.rule &&
			     verdict.outbound == told.outbound);
	}
	fuzz_require(rules_direct_prefixes(rules, true, on_prefix, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules *rules = rules_new();
	struct diag diag;
	struct rule_place place = {.diag = &diag, .file = "/f", .line = 1};
	char *text = malloc(size + 1);
	char *rest = text;

	fuzz_require(rules && text);
	diag_init(&diag);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		add(rules, line, &place);
	fuzz_require(rules_finish(rules, &diag) <= 0);
	if (rules_seal(rules) == 0)
		ask(rules);
	else
		fuzz_require(diag.errors > 0);
	free(text);
	rules_free(rules);
	diag_fini(&diag);
	return 0;
}
