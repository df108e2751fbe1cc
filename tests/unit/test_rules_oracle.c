// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random rules and random questions, decided a second time in the obvious way:
 * every rule in order, every entry of a list in order, names as text, and for
 * rules that need more both ways followed to their ends.
 */
#include "tests/unit/fixture_rules.h"

#define RULES_MAX 12
#define ENTRIES_MAX 6
#define ROUNDS 1500
#define QUESTIONS 40

enum kind { EXACT, SUFFIX, KEYWORD, CIDR, PORT, NETWORK, ANY, BELOW, CHILD };

/* One thing to match: a rule has one, a list some. */
struct item {
	enum kind kind;
	char argument[64];
	bool is_no_resolve;
	uint32_t network, mask;
	unsigned first, last;
	enum network protocol;
};

struct model_rule {
	int outbound;
	bool is_list;
	size_t count;
	struct item items[ENTRIES_MAX];
};

struct model {
	struct model_rule rules[RULES_MAX];
	size_t count;
};

static const char *const outbound_words[] = {
	"DIRECT", "REJECT", "REJECT-DROP", "PASS", "proxy", "backup",
};

/* Few labels: names meet, and are each other's suffix, often. */
static void random_text(char *out, int labels_max)
{
	static const char *const labels[] = {"a", "b", "ab", "com", "x-1"};
	int count = 1 + rand() % labels_max;

	out[0] = '\0';
	for (int i = 0; i < count; i++) {
		strcat(out, i ? "." : "");
		strcat(out, labels[rand() % 5]);
	}
}

static void random_cidr(struct item *item)
{
	unsigned length = (unsigned)(rand() % 4) * 8;
	char text[PREFIX_TEXT_SIZE];
	struct prefix prefix = {
		.addr = addr_ipv4((uint32_t)(rand() % 3) << 24 |
				  (uint32_t)(rand() % 3) << 16),
		.length = (uint8_t)length,
	};

	prefix_mask(&prefix);
	item->mask = length ? ~0U << (32 - length) : 0;
	item->network = addr_to_ipv4(&prefix.addr);
	snprintf(item->argument, sizeof(item->argument), "%s",
		 prefix_format(&prefix, text, sizeof(text)));
	item->is_no_resolve = rand() % 2;
}

static struct item random_item(bool is_list)
{
	struct item item = {.kind = (enum kind)(rand() % 9)};

	if (!is_list && (item.kind == BELOW || item.kind == CHILD))
		item.kind = EXACT;
	if (item.kind == ANY && (is_list || rand() % 3))
		item.kind = SUFFIX;
	switch (item.kind) {
	case EXACT:
	case SUFFIX:
	case BELOW:
	case CHILD:
		random_text(item.argument, 3);
		break;
	case KEYWORD:
		random_text(item.argument, 2);
		break;
	case CIDR:
		random_cidr(&item);
		break;
	case PORT:
		item.first = (unsigned)(rand() % 4);
		item.last = item.first + (unsigned)(rand() % 2);
		snprintf(item.argument, sizeof(item.argument), "%u-%u",
			 item.first, item.last);
		break;
	case NETWORK:
		item.protocol = rand() % 2 ? NETWORK_TCP : NETWORK_UDP;
		strcpy(item.argument,
		       item.protocol == NETWORK_TCP ? "tcp" : "udp");
		break;
	case ANY:
		break;
	}
	return item;
}

static void random_model(struct model *model)
{
	model->count = (size_t)(rand() % (RULES_MAX + 1));
	for (size_t i = 0; i < model->count; i++) {
		struct model_rule *rule = &model->rules[i];

		rule->outbound = rand() % 6;
		rule->is_list = rand() % 4 == 0;
		rule->count =
			rule->is_list ? (size_t)(rand() % ENTRIES_MAX) : 1;
		for (size_t k = 0; k < rule->count; k++)
			rule->items[k] = random_item(rule->is_list);
	}
}

/* "TYPE,argument", or for some in lists the word alone. */
static void print_item(char *out, size_t size, const struct item *item,
		       bool is_list)
{
	static const char *const types[] = {
		"DOMAIN",   "DOMAIN-SUFFIX", "DOMAIN-KEYWORD", "IP-CIDR",
		"DST-PORT", "NETWORK",       "MATCH",
	};
	static const char *const marks[] = {
		[EXACT] = "",
		[SUFFIX] = "+.",
		[BELOW] = ".",
		[CHILD] = "*.",
	};
	bool is_word = item->kind == BELOW || item->kind == CHILD ||
		       (is_list && item->kind <= SUFFIX && rand() % 2);

	if (is_word)
		snprintf(out, size, "%s%s", marks[item->kind], item->argument);
	else if (item->kind == ANY)
		snprintf(out, size, "MATCH");
	else
		snprintf(out, size, "%s,%s", types[item->kind], item->argument);
}

static void add_rule(struct rules *rules, const struct folder *folder,
		     const struct model_rule *rule, struct rule_place *place)
{
	char list[ENTRIES_MAX * 128] = "", item[128], text[512], file[32];

	for (size_t k = 0; k < rule->count; k++) {
		print_item(item, sizeof(item), &rule->items[k], rule->is_list);
		strcat(list, item);
		if (rule->is_list && rule->items[k].is_no_resolve)
			strcat(list, ",no-resolve");
		strcat(list, rule->is_list ? "\n" : "");
	}
	snprintf(file, sizeof(file), "%u.txt", place->line);
	if (rule->is_list) {
		folder_write(folder, file, list, strlen(list));
		snprintf(list, sizeof(list), "RULE-SET,%s", file);
	}
	snprintf(text, sizeof(text), "%s,%s%s", list,
		 outbound_words[rule->outbound],
		 !rule->is_list && rule->items[0].is_no_resolve ? ",no-resolve"
								: "");
	assert_int_equal(rules_add(rules, text, &fixture_names, place), 0);
	if (rule->is_list)
		assert_int_equal(unlink(folder_file(folder, file)), 0);
}

static struct rules *build(const struct model *model,
			   const struct folder *folder)
{
	struct rules *rules = rules_new();
	struct diag diag;
	char file[128];
	struct rule_place place = {.diag = &diag, .file = file};

	assert_non_null(rules);
	diag_init(&diag);
	snprintf(file, sizeof(file), "%s/rules.yaml", folder->path);
	for (size_t i = 0; i < model->count; i++) {
		place.line = (unsigned)i + 1;
		add_rule(rules, folder, &model->rules[i], &place);
	}
	diag_fini(&diag);
	assert_int_equal(rules_seal(rules), 0);
	return rules;
}

/* The question as the model sees it. */
struct question {
	const char *name; /* NULL: unknown */
	const struct facts *facts;
};

enum says { NO, YES, WANTS_ADDRESS, WANTS_FLOW };

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

static enum says name_says(const struct item *item, const char *name)
{
	int below = name ? labels_below(name, item->argument) : -1;

	if (!name)
		return NO;
	if (item->kind == KEYWORD)
		return strstr(name, item->argument) ? YES : NO;
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

	if (facts->dst.family == ADDR_NONE)
		return question->name && !facts->is_final &&
				       !item->is_no_resolve
			       ? WANTS_ADDRESS
			       : NO;
	return (addr_to_ipv4(&facts->dst) & item->mask) == item->network ? YES
									 : NO;
}

static enum says flow_says(const struct item *item, const struct facts *facts)
{
	if (facts->network == NETWORK_UNKNOWN)
		return facts->is_final ? NO : WANTS_FLOW;
	if (item->kind == NETWORK)
		return facts->network == item->protocol ? YES : NO;
	return facts->network != NETWORK_ICMP &&
			       facts->dst_port >= item->first &&
			       facts->dst_port <= item->last
		       ? YES
		       : NO;
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
		return name_says(item, question->name);
	case CIDR:
		return address_says(item, question);
	case PORT:
	case NETWORK:
		return flow_says(item, question->facts);
	case ANY:
		return YES;
	}
	return NO;
}

static enum says rule_says(const struct model_rule *rule,
			   const struct question *question)
{
	enum says result = NO;

	for (size_t k = 0; k < rule->count; k++) {
		enum says says = item_says(&rule->items[k], question);

		if (says == YES)
			return YES;
		if (says != NO && result != WANTS_ADDRESS)
			result = says;
	}
	return result;
}

/* Marks each outbound that a question can still end at from rule `from`. */
static void follow(const struct model *model, const struct question *question,
		   size_t from, bool reached[6])
{
	enum says says;

	if (from == model->count) {
		reached[OUTBOUND_DIRECT] = true;
		return;
	}
	says = rule_says(&model->rules[from], question);
	if (model->rules[from].outbound != OUTBOUND_PASS && says != NO)
		reached[model->rules[from].outbound] = true;
	if (model->rules[from].outbound == OUTBOUND_PASS || says != YES)
		follow(model, question, from + 1, reached);
}

/* Where the question ends for sure: that rule, or the end of the list. */
static size_t find_certain(const struct model *model,
			   const struct question *question)
{
	size_t i = 0;

	while (i < model->count &&
	       (model->rules[i].outbound == OUTBOUND_PASS ||
		rule_says(&model->rules[i], question) != YES))
		i++;
	return i;
}

static size_t find_waiting(const struct model *model,
			   const struct question *question)
{
	size_t i = 0;

	while (model->rules[i].outbound == OUTBOUND_PASS ||
	       rule_says(&model->rules[i], question) == NO)
		i++;
	return i;
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
	size_t certain = find_certain(model, question), waiting;
	bool reached[6] = {false};
	int ways = 0;

	follow(model, question, 0, reached);
	for (int i = 0; i < 6; i++)
		ways += reached[i];
	if (ways > 1) {
		waiting = find_waiting(model, question);
		assert_int_equal(verdict.kind,
				 rule_says(&model->rules[waiting], question) ==
						 WANTS_ADDRESS
					 ? VERDICT_NEEDS_ADDRESS
					 : VERDICT_NEEDS_FLOW);
		assert_int_equal(verdict.rule->line, waiting + 1);
	} else if (certain == model->count) {
		assert_int_equal(verdict.kind, VERDICT_NO_RULE);
		assert_int_equal(verdict.outbound, OUTBOUND_DIRECT);
	} else {
		assert_int_equal(verdict.kind, VERDICT_MATCH);
		assert_int_equal(verdict.outbound,
				 model->rules[certain].outbound);
		assert_int_equal(verdict.rule->line, certain + 1);
		check_line(&model->rules[certain], verdict, question);
	}
}

static void count_step(void *ctx, const struct rule *rule, enum rule_says says)
{
	unsigned *last = ctx;

	(void)says;
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
		.is_final = rand() % 3 == 0,
	};
	struct question question = {.facts = &facts};
	struct verdict verdict, told;
	unsigned last = 0;

	random_text(text, 4);
	name = name_of(text);
	if (rand() % 5) {
		question.name = text;
		facts.name = &name;
	}
	if (rand() % 2)
		facts.dst = addr_ipv4((uint32_t)(rand() % 3) << 24 |
				      (uint32_t)(rand() % 3) << 16);
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

		random_model(&model);
		rules = build(&model, &folder);
		for (int i = 0; i < QUESTIONS; i++)
			ask(&model, rules);
		rules_free(rules);
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
