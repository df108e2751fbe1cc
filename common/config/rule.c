// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/err.h"
#include "common/rules/form.h"

#include <errno.h>
#include <string.h>

/* The NAME of "sub-rules.NAME"; NULL for "rules". */
static const char *list_of(const struct schema_call *call)
{
	size_t length = strlen(call->key->name);

	return call->path[length] == '.' ? call->path + length + 1 : NULL;
}

static int parse_rule(const struct schema_call *call, void *target,
		      const char *text)
{
	const struct schema_walk *walk = call->walk;
	const struct config *config = walk->root;
	const struct config_names *known = walk->context;
	const struct rules_names names = {
		.outbounds = known->outbounds,
		.upstreams = known->upstreams,
	};
	const struct rule_place place = {
		.diag = walk->diag,
		.file = walk->file,
		.line = call->place->line,
		.column = call->place->column + !call->value->is_plain,
		.list = list_of(call),
	};

	(void)target;
	return rules_add(config->rules, text, &names, &place);
}

const struct schema_type config_rule = {
	.expected = "a rule such as DOMAIN-SUFFIX,example.com,DIRECT",
	.parse = parse_rule,
	.json = "\"type\": \"string\", \"pattern\": \"^[A-Z0-9-]+,\"",
};

void config_print_rules(const void *root, FILE *out)
{
	const struct config *config = root;
	size_t count = rules_count(config->rules);

	while (count > 0 && rules_at(config->rules, count - 1)->list)
		count--;
	fprintf(out, "rules:%s\n", count ? "" : " []");
	for (size_t i = 0; i < count; i++)
		schema_print_item(rules_at(config->rules, i)->text, out);
}

void config_print_sub_rules(const void *root, FILE *out)
{
	const struct config *config = root;
	const char *list = NULL;

	fputs("sub-rules:\n", out);
	for (size_t i = 0; i < rules_count(config->rules); i++) {
		const struct rule *rule = rules_at(config->rules, i);

		if (!rule->list)
			continue;
		if (rule->list != list) {
			fputs("  ", out);
			schema_print_text(rule->list, out);
			fputs(":\n", out);
		}
		list = rule->list;
		fputs("  ", out);
		schema_print_item(rule->text, out);
	}
}

int config_sub_rules_each(const struct schema_call *call, void *object)
{
	const struct config *config = object;
	int ret = config_check_name(call, list_of(call));

	if (ret < 0)
		return ret;
	ret = rules_add_list(config->rules, list_of(call));
	if (ret != -EFBIG)
		return ret;
	return schema_error(call, "there are too many '%s', expected fewer",
			    call->key->name);
}

int config_geo_done(const struct schema_call *call, void *object)
{
	const struct schema_walk *walk = call->walk;
	const struct config *config = object;
	struct rules_geo geo = config->geo;
	const char **paths[] = {&geo.country, &geo.asn, &geo.site};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		if (!*paths[i])
			continue;
		*paths[i] = config_path_beside(walk, *paths[i]);
		if (!*paths[i])
			return -ENOMEM;
	}
	rules_set_geo(config->rules, &geo);
	return 0;
}

static bool is_of_clash(int format)
{
	return format == FORM_AUTO || format == FORM_TEXT ||
	       format == FORM_YAML;
}

int config_rule_set_each(const struct schema_call *call, void *object)
{
	const struct rule_set_conf *set = object;
	int ret = config_check_name(call, set->name);

	if (ret < 0)
		return ret;
	if (set->behavior == FORM_AUTO || is_of_clash(set->format))
		return 0;
	return schema_error(call,
			    "'%s' has a 'behavior', which only lists of Clash "
			    "have, and a 'format' that is none of these, "
			    "expected one of them",
			    call->path);
}

int config_rule_sets_done(const struct schema_call *call, void *object)
{
	const struct config *config = object;

	(void)call;
	rules_set_sets(config->rules, config->rule_sets,
		       config->rule_set_count);
	return 0;
}
