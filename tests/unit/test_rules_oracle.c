// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random rules and random questions, decided a second time in the obvious way:
 * every rule in order, every entry of a list in order, names as text, logic as
 * Kleene's tables, and for rules that need more both ways followed to their
 * ends.
 */
#include "tests/unit/rules_model.h"

#define ROUNDS 1500
#define QUESTIONS 40

/* The question as the model sees it. */
struct question {
	const char *name; /* NULL: unknown */
	const struct facts *facts;
};

enum says { NO, YES, NEVER, WANTS_FLOW, WANTS_ADDRESS };

/* Labels that `name` has more than `suffix`, or -1 if it is not below it. */
static int labels_below(const char *name, const char *suffix)
{
	size_t length = strlen(name), above = strlen(suffix);
	int count = 0;

	if (length < above || strcmp(name + length - above, suffix) != 0)
		return -1;
	if (length > above && name[length - above - 1] != '.')
		return -1;
	for (size_t i = 0; i < length - above; i++)
		count += name[i] == '.';
	return count;
}

/* "(^|\.)ab$", "(^|\.)ab\..*m$" */
static bool regex_says(const char *expression, const char *name)
{
	const char *label = expression + 6;
	size_t length = strcspn(label, "$\\");
	bool has_more = label[length] == '\\';

	for (const char *at = name; at; at = strchr(at, '.')) {
		at += *at == '.';
		if (strncmp(at, label, length) != 0)
			continue;
		if (!has_more && at[length] == '\0')
			return true;
		if (has_more && at[length] == '.' &&
		    name[strlen(name) - 1] == 'm')
			return true;
	}
	return false;
}

static enum says name_says(const struct item *item, const char *name)
{
	int below = name ? labels_below(name, item->argument) : -1;

	if (!name)
		return NO;
	if (item->kind == KEYWORD)
		return strstr(name, item->argument) ? YES : NO;
	if (item->kind == GLOB) /* "*.x" */
		return labels_below(name, item->argument + 2) > 0 ? YES : NO;
	if (item->kind == REGEX)
		return regex_says(item->argument, name) ? YES : NO;
	if (item->kind == EXACT)
		return below == 0 ? YES : NO;
	if (item->kind == BELOW)
		return below > 0 ? YES : NO;
	if (item->kind == CHILD)
		return below == 1 ? YES : NO;
	return below >= 0 ? YES : NO;
}

static enum says address_says(const struct item *item,
			      const struct question *question)
{
	const struct facts *facts = question->facts;

	if (facts->dst.family == ADDR_NONE) {
		if (!question->name || item->is_no_resolve)
			return NO;
		return facts->is_final ? NEVER : WANTS_ADDRESS;
	}
	return (addr_to_ipv4(&facts->dst) & item->mask) == item->network ? YES
									 : NO;
}

static enum says flow_says(const struct item *item, const struct facts *facts)
{
	if (facts->network == NETWORK_UNKNOWN)
		return facts->is_final ? NEVER : WANTS_FLOW;
	if (item->kind == NETWORK)
		return facts->network == item->protocol ? YES : NO;
	return facts->network != NETWORK_ICMP &&
			       facts->dst_port >= item->first &&
			       facts->dst_port <= item->last
		       ? YES
		       : NO;
}

static enum says source_says(const struct item *item, const struct facts *facts)
{
	if (facts->src.family == ADDR_NONE)
		return facts->is_final ? NEVER : WANTS_FLOW;
	return (addr_to_ipv4(&facts->src) & item->mask) == item->network ? YES
									 : NO;
}

static enum says user_says(const struct item *item, const struct facts *facts)
{
	if (facts->owner == OWNER_UNKNOWN)
		return facts->is_final ? NEVER : WANTS_FLOW;
	if (facts->owner == OWNER_ASKABLE)
		return WANTS_FLOW;
	return facts->owner == OWNER_KNOWN && facts->uid >= item->first &&
			       facts->uid <= item->last
		       ? YES
		       : NO;
}

static enum says item_says(const struct item *item,
			   const struct question *question);

/* All yes, or none no; the last of the unknown ones counts. */
static enum says logic_says(const struct item *item,
			    const struct question *question)
{
	size_t count[WANTS_ADDRESS + 1] = {0};

	for (size_t i = 0; i < item->part_count; i++)
		count[item_says(&item->parts[i], question)]++;
	if (item->kind == NOT && count[NO] + count[YES] > 0)
		return count[NO] ? YES : NO;
	if (item->kind == AND && count[NO])
		return NO;
	if (item->kind == AND && count[YES] == item->part_count)
		return YES;
	if (item->kind == OR && count[YES])
		return YES;
	if (item->kind == OR && count[NO] == item->part_count)
		return NO;
	if (count[WANTS_ADDRESS])
		return WANTS_ADDRESS;
	return count[WANTS_FLOW] ? WANTS_FLOW : NEVER;
}

static enum says item_says(const struct item *item,
			   const struct question *question)
{
	switch (item->kind) {
	case EXACT:
	case SUFFIX:
	case KEYWORD:
	case BELOW:
	case CHILD:
	case GLOB:
	case REGEX:
		return name_says(item, question->name);
	case CIDR:
		return address_says(item, question);
	case PORT:
	case NETWORK:
		return flow_says(item, question->facts);
	case SOURCE:
		return source_says(item, question->facts);
	case USER:
		return user_says(item, question->facts);
	case AND:
	case OR:
	case NOT:
		return logic_says(item, question);
	case ANY:
		return YES;
	}
	return NO;
}

/* What will never be known does not match. */
static enum says rule_says(const struct model_rule *rule,
			   const struct question *question)
{
	enum says result = NO;

	for (size_t k = 0; k < rule->count; k++) {
		enum says says = item_says(&rule->items[k], question);

		if (says == YES)
			return YES;
		if (says > result)
			result = says;
	}
	return result == NEVER ? NO : result;
}

/* Where to go on behind the end of a list. */
struct after {
	const struct model_list *list;
	size_t from;
	const struct after *after;
};

/* One question about one model, and what it comes to. */
struct inquiry {
	const struct model *model;
	const struct question *question;
	bool reached[6]; /* outbounds that it can still end at */
	const struct model_rule *certain; /* that it ends at for sure */
	const struct model_rule *waiting; /* the first that is not known */
	enum says wants;
};

static void follow(struct inquiry *inquiry, const struct model_list *list,
		   size_t from, const struct after *after)
{
	const struct after next = {list, from + 1, after};
	const struct model_rule *rule = &list->rules[from];
	enum says says;

	if (from == list->count && after) {
		follow(inquiry, after->list, after->from, after->after);
		return;
	}
	if (from == list->count) {
		inquiry->reached[OUTBOUND_DIRECT] = true;
		return;
	}
	says = rule_says(rule, inquiry->question);
	if (rule->sub >= 0 && says != NO)
		follow(inquiry, &inquiry->model->subs[rule->sub], 0, &next);
	else if (rule->outbound != OUTBOUND_PASS && says != NO)
		inquiry->reached[rule->outbound] = true;
	if ((rule->sub < 0 && rule->outbound == OUTBOUND_PASS) || says != YES)
		follow(inquiry, list, from + 1, after);
}

/* The first rule that is sure to match, if nothing before it does. */
static bool find_certain(struct inquiry *inquiry, const struct model_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct model_rule *rule = &list->rules[i];

		if (rule_says(rule, inquiry->question) != YES)
			continue;
		if (rule->sub >= 0) {
			if (find_certain(inquiry,
					 &inquiry->model->subs[rule->sub]))
				return true;
		} else if (rule->outbound != OUTBOUND_PASS) {
			inquiry->certain = rule;
			return true;
		}
	}
	return false;
}

static bool find_waiting(struct inquiry *inquiry, const struct model_list *list,
			 enum says guard)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct model_rule *rule = &list->rules[i];
		enum says says = rule_says(rule, inquiry->question);

		if (says == NO)
			continue;
		if (says < guard)
			says = guard;
		if (rule->sub >= 0) {
			if (find_waiting(inquiry,
					 &inquiry->model->subs[rule->sub],
					 says))
				return true;
		} else if (rule->outbound != OUTBOUND_PASS) {
			inquiry->waiting = rule;
			inquiry->wants = says;
			return true;
		}
	}
	return false;
}

/* The line that is named must be one that matches. */
static void check_line(const struct model_rule *rule, struct verdict verdict,
		       const struct question *question)
{
	assert_int_equal(verdict.list_file != NULL, rule->is_list);
	if (!rule->is_list)
		return;
	assert_in_range(verdict.list_line, 1, rule->count);
	assert_int_equal(
		item_says(&rule->items[verdict.list_line - 1], question), YES);
}

static void check(const struct model *model, struct verdict verdict,
		  const struct question *question)
{
	struct inquiry inquiry = {.model = model, .question = question};
	int ways = 0;

	follow(&inquiry, &model->rules, 0, NULL);
	for (int i = 0; i < 6; i++)
		ways += inquiry.reached[i];
	if (ways > 1) {
		assert_true(find_waiting(&inquiry, &model->rules, YES));
		assert_int_equal(verdict.kind, inquiry.wants == WANTS_ADDRESS
						       ? VERDICT_NEEDS_ADDRESS
						       : VERDICT_NEEDS_FLOW);
		assert_int_equal(verdict.rule->line, inquiry.waiting->line);
	} else if (!find_certain(&inquiry, &model->rules)) {
		assert_int_equal(verdict.kind, VERDICT_NO_RULE);
		assert_int_equal(verdict.outbound, OUTBOUND_DIRECT);
	} else {
		assert_int_equal(verdict.kind, VERDICT_MATCH);
		assert_int_equal(verdict.outbound, inquiry.certain->outbound);
		assert_int_equal(verdict.rule->line, inquiry.certain->line);
		check_line(inquiry.certain, verdict, question);
	}
}

static void count_step(void *ctx, const struct rule *rule, enum rule_says says)
{
	unsigned *last = ctx;

	(void)says;
	if (rule->list)
		return;
	assert_int_equal(rule->line, *last + 1);
	*last = rule->line;
}

static void ask(const struct model *model, const struct rules *rules)
{
	char text[64];
	struct name name;
	struct facts facts = {
		.network = (enum network)(rand() % 4),
		.dst_port = (uint16_t)(rand() % 6),
		.owner = (enum flow_owner)(rand() % 4),
		.uid = (uint32_t)(rand() % 6),
		.is_final = rand() % 3 == 0,
	};
	struct question question = {.facts = &facts};
	struct verdict verdict, told;
	unsigned last = 0;

	model_random_text(text, 4);
	name = name_of(text);
	if (rand() % 5) {
		question.name = text;
		facts.name = &name;
	}
	if (rand() % 2)
		facts.dst = model_random_addr();
	if (rand() % 2)
		facts.src = addr_ipv4((uint32_t)(rand() % 3) << 24);
	verdict = rules_decide(rules, &facts);
	check(model, verdict, &question);
	told = rules_explain(rules, &facts, count_step, &last);
	assert_int_equal(told.kind, verdict.kind);
	assert_int_equal(told.outbound, verdict.outbound);
	assert_ptr_equal(told.rule, verdict.rule);
	assert_int_equal(told.list_line, verdict.list_line);
}

static void random_rules_decide_like_the_model(void **state)
{
	struct folder folder;

	(void)state;
	srand(6);
	folder_open(&folder);
	for (int round = 0; round < ROUNDS; round++) {
		struct model model;
		struct rules *rules;

		model_random(&model);
		rules = model_build(&model, &folder);
		for (int i = 0; i < QUESTIONS; i++)
			ask(&model, rules);
		rules_free(rules);
		model_free(&model);
	}
	folder_close(&folder, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rules_decide_like_the_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
