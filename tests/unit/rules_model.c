// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/rules_model.h"

#define PARTS_MAX 3
#define DEPTH_MAX 3
#define ITEM_SIZE 2000 /* of the text of one */

static const char *const sub_names[] = {"inner", "innermost"};

static const char *const outbound_words[] = {
	"DIRECT", "REJECT", "REJECT-DROP", "PASS", "proxy", "backup",
};

/* Few labels: names meet, and are each other's suffix, often. */
void model_random_text(char *out, int labels_max)
{
	static const char *const labels[] = {"a", "b", "ab", "com", "x-1"};
	int count = 1 + rand() % labels_max;

	out[0] = '\0';
	for (int i = 0; i < count; i++) {
		strcat(out, i ? "." : "");
		strcat(out, labels[rand() % 5]);
	}
}

struct addr model_random_addr(void)
{
	return addr_ipv4((uint32_t)(rand() % 3) << 24 | (uint32_t)(rand() % 3)
								<< 16);
}

static void random_cidr(struct item *item)
{
	unsigned length = (unsigned)(rand() % 4) * 8;
	char text[PREFIX_TEXT_SIZE];
	struct prefix prefix = {
		.addr = model_random_addr(),
		.length = (uint8_t)length,
	};

	prefix_mask(&prefix);
	item->mask = length ? ~0U << (32 - length) : 0;
	item->network = addr_to_ipv4(&prefix.addr);
	snprintf(item->argument, sizeof(item->argument), "%s",
		 prefix_format(&prefix, text, sizeof(text)));
	item->is_no_resolve = rand() % 2;
}

static void random_logic(struct item *item, int depth);

static enum kind random_kind(bool is_list, int depth)
{
	enum kind kind = (enum kind)(rand() % 16);

	if (!is_list && (kind == BELOW || kind == CHILD))
		return EXACT;
	if (kind == ANY && (is_list || depth > 0 || rand() % 3))
		return SUFFIX;
	if (kind >= AND && depth == DEPTH_MAX)
		return NETWORK;
	return kind;
}

static struct item random_item(bool is_list, int depth)
{
	struct item item = {.kind = random_kind(is_list, depth)};

	switch (item.kind) {
	case EXACT:
	case SUFFIX:
	case BELOW:
	case CHILD:
		model_random_text(item.argument, 3);
		break;
	case KEYWORD:
		model_random_text(item.argument, 2);
		break;
	case GLOB:
		strcpy(item.argument, "*.");
		model_random_text(item.argument + 2, 2);
		break;
	case REGEX:
		strcpy(item.argument, "(^|\\.)");
		model_random_text(item.argument + 6, 1);
		strcat(item.argument, rand() % 2 ? "$" : "\\..*m$");
		break;
	case CIDR:
	case SOURCE:
		random_cidr(&item);
		break;
	case PORT:
	case USER:
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
	case AND:
	case OR:
	case NOT:
		random_logic(&item, depth + 1);
		break;
	case ANY:
		break;
	}
	return item;
}

static void random_logic(struct item *item, int depth)
{
	item->part_count =
		item->kind == NOT ? 1 : 1 + (size_t)(rand() % PARTS_MAX);
	item->parts = calloc(item->part_count, sizeof(*item->parts));
	assert_non_null(item->parts);
	for (size_t i = 0; i < item->part_count; i++)
		item->parts[i] = random_item(false, depth);
}

static void free_item(struct item *item)
{
	for (size_t i = 0; i < item->part_count; i++)
		free_item(&item->parts[i]);
	free(item->parts);
}

static void random_rule(struct model_rule *rule, int subs_from)
{
	rule->outbound = rand() % 6;
	rule->sub = -1;
	if (subs_from < MODEL_SUBS && rand() % 8 == 0) {
		rule->sub = subs_from + rand() % (MODEL_SUBS - subs_from);
		rule->outbound = OUTBOUND_PASS;
	}
	rule->is_list = rule->sub < 0 && rand() % 4 == 0;
	rule->count = rule->is_list ? (size_t)(rand() % MODEL_ENTRIES_MAX) : 1;
	for (size_t k = 0; k < rule->count; k++)
		rule->items[k] = random_item(rule->is_list, rule->sub >= 0);
}

static void random_list(struct model_list *list, size_t max, int subs_from,
			unsigned *line)
{
	list->count = (size_t)rand() % (max + 1);
	for (size_t i = 0; i < list->count; i++) {
		random_rule(&list->rules[i], subs_from);
		list->rules[i].line = ++*line;
	}
}

void model_random(struct model *model)
{
	unsigned line = 0;

	random_list(&model->rules, MODEL_RULES_MAX, 0, &line);
	for (int i = 0; i < MODEL_SUBS; i++)
		random_list(&model->subs[i], 4, i + 1, &line);
}

static void free_list(struct model_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		for (size_t k = 0; k < list->rules[i].count; k++)
			free_item(&list->rules[i].items[k]);
	}
}

void model_free(struct model *model)
{
	free_list(&model->rules);
	for (int i = 0; i < MODEL_SUBS; i++)
		free_list(&model->subs[i]);
}

static void print_logic(char *out, size_t size, const struct item *item,
			const char *type);

/* "TYPE,argument", or for some in lists the word alone. */
static void print_item(char *out, size_t size, const struct item *item,
		       bool is_list)
{
	static const char *const types[] = {
		[EXACT] = "DOMAIN",
		[SUFFIX] = "DOMAIN-SUFFIX",
		[KEYWORD] = "DOMAIN-KEYWORD",
		[CIDR] = "IP-CIDR",
		[PORT] = "DST-PORT",
		[NETWORK] = "NETWORK",
		[SOURCE] = "SRC-IP-CIDR",
		[USER] = "UID",
		[GLOB] = "DOMAIN-WILDCARD",
		[REGEX] = "DOMAIN-REGEX",
		[AND] = "AND",
		[OR] = "OR",
		[NOT] = "NOT",
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
	else if (item->kind >= AND)
		print_logic(out, size, item, types[item->kind]);
	else
		snprintf(out, size, "%s,%s", types[item->kind], item->argument);
}

/* "AND,((...),(...))" */
static void print_logic(char *out, size_t size, const struct item *item,
			const char *type)
{
	size_t used = (size_t)snprintf(out, size, "%s,(", type);

	for (size_t i = 0; i < item->part_count; i++) {
		const struct item *part = &item->parts[i];
		char text[ITEM_SIZE];

		print_item(text, sizeof(text), part, false);
		used += (size_t)snprintf(out + used, size - used, "%s(%s%s)",
					 i ? ", " : "", text,
					 part->kind < AND && part->is_no_resolve
						 ? ",no-resolve"
						 : "");
		assert_true(used < size);
	}
	snprintf(out + used, size - used, ")");
}

static void print_rule(char *out, size_t size, const struct model_rule *rule)
{
	const struct item *item = &rule->items[0];
	const char *option = item->is_no_resolve ? ",no-resolve" : "";
	char text[ITEM_SIZE];

	if (rule->is_list) {
		snprintf(out, size, "RULE-SET,%u.txt,%s", rule->line,
			 outbound_words[rule->outbound]);
		return;
	}
	print_item(text, sizeof(text), item, false);
	if (rule->sub >= 0)
		snprintf(out, size, "SUB-RULE,(%s%s),%s", text, option,
			 sub_names[rule->sub]);
	else
		snprintf(out, size, "%s,%s%s", text,
			 outbound_words[rule->outbound], option);
}

static void write_list(const struct folder *folder, const char *file,
		       const struct model_rule *rule)
{
	char list[MODEL_ENTRIES_MAX * ITEM_SIZE] = "", item[ITEM_SIZE];

	for (size_t k = 0; k < rule->count; k++) {
		print_item(item, sizeof(item), &rule->items[k], true);
		strcat(list, item);
		if (rule->items[k].is_no_resolve)
			strcat(list, ",no-resolve");
		strcat(list, "\n");
	}
	folder_write(folder, file, list, strlen(list));
}

static void add_rule(struct rules *rules, const struct folder *folder,
		     const struct model_rule *rule, struct rule_place *place)
{
	char text[2 * ITEM_SIZE], file[32];

	place->line = rule->line;
	snprintf(file, sizeof(file), "%u.txt", rule->line);
	if (rule->is_list)
		write_list(folder, file, rule);
	print_rule(text, sizeof(text), rule);
	if (rules_add(rules, text, &fixture_names, place) < 0)
		fail_msg("%s: %s", text, place->diag->lines[0]);
	if (rule->is_list)
		assert_int_equal(unlink(folder_file(folder, file)), 0);
}

static void add_list(struct rules *rules, const struct folder *folder,
		     const struct model_list *list, struct rule_place *place)
{
	for (size_t i = 0; i < list->count; i++)
		add_rule(rules, folder, &list->rules[i], place);
}

struct rules *model_build(const struct model *model,
			  const struct folder *folder)
{
	struct rules *rules = rules_new();
	struct diag diag;
	char file[128];
	struct rule_place place = {.diag = &diag, .file = file};

	assert_non_null(rules);
	diag_init(&diag);
	snprintf(file, sizeof(file), "%s/rules.yaml", folder->path);
	add_list(rules, folder, &model->rules, &place);
	for (int i = 0; i < MODEL_SUBS; i++) {
		place.list = sub_names[i];
		assert_int_equal(rules_add_list(rules, place.list), 0);
		add_list(rules, folder, &model->subs[i], &place);
	}
	diag_fini(&diag);
	assert_int_equal(rules_seal(rules), 0);
	return rules;
}
