// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/all.h"

#include "common/err.h"
#include "common/rules/argument.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LISTS_MAX 1024 /* of sub-rules, and `rules:` */
#define DEPTH_MAX 16   /* of SUB-RULEs in each other */

static struct rule_list *add_list(struct rules *rules, const char *name)
{
	struct rule_list **lists = NULL, *list;

	if (rules->list_count < LISTS_MAX)
		lists = reallocarray(rules->lists, rules->list_count + 1,
				     sizeof(struct rule_list *));
	if (!lists)
		return NULL;
	rules->lists = lists;
	if (name)
		name = arena_text(&rules->texts, name, strlen(name));
	list = rule_list_new(name);
	if (list)
		rules->lists[rules->list_count++] = list;
	return list;
}

struct rules *rules_new(void)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return NULL;
	rules->load.sources = &rules->sources;
	if (add_list(rules, NULL))
		return rules;
	rules_free(rules);
	return NULL;
}

void rules_free(struct rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->list_count; i++)
		rule_list_free(rules->lists[i]);
	free(rules->lists);
	geo_fini(&rules->load.geo);
	sources_fini(&rules->sources);
	arena_fini(&rules->texts);
	free(rules);
}

void rules_leave_lists_out(struct rules *rules)
{
	rules->load.is_without_lists = true;
}

void rules_set_geo(struct rules *rules, const struct rules_geo *geo)
{
	rules->load.geo.files = *geo;
}

void rules_set_sets(struct rules *rules, const struct rule_set_conf *sets,
		    size_t count)
{
	rules->load.sets = sets;
	rules->load.set_count = count;
}

size_t rules_count(const struct rules *rules)
{
	size_t count = 0;

	for (size_t i = 0; i < rules->list_count; i++)
		count += rules->lists[i]->count;
	return count;
}

const struct rule *rules_at(const struct rules *rules, size_t index)
{
	size_t list = 0;

	for (; index >= rules->lists[list]->count; list++) {
		index -= rules->lists[list]->count;
		assert(list + 1 < rules->list_count);
	}
	return &rules->lists[list]->entries[index].rule;
}

size_t rules_file_count(const struct rules *rules)
{
	return rules->sources.count;
}

struct rules_file rules_file_at(const struct rules *rules, size_t index)
{
	const struct source *source = &rules->sources.at[index];

	assert(index < rules->sources.count);
	return (struct rules_file){
		.file = source->file,
		.path_length = source->path_length,
		.form = source->form,
		.entries = source->entries,
		.is_inner = source->is_inner,
	};
}

static bool has_entries_of(const struct rules *rules, const char *file)
{
	for (size_t i = 0; i < rules->sources.count; i++) {
		const struct source *source = &rules->sources.at[i];

		if (source->entries > 0 && strcmp(source->file, file) == 0)
			return true;
	}
	return false;
}

const char *rules_find_emptied(const struct rules *before,
			       const struct rules *after)
{
	for (size_t i = 0; i < after->sources.count; i++) {
		const struct source *source = &after->sources.at[i];

		/* What it includes may all be left out by its attributes. */
		if (source->entries == 0 && !source->is_inner &&
		    has_entries_of(before, source->file))
			return source->file;
	}
	return NULL;
}

/* `rules:` for NULL; NULL if there is none of that name. */
static struct rule_list *find_list(const struct rules *rules, const char *name)
{
	if (!name)
		return rules->lists[0];
	for (size_t i = 1; i < rules->list_count; i++) {
		if (strcmp(rules->lists[i]->name, name) == 0)
			return rules->lists[i];
	}
	return NULL;
}

int rules_add_list(struct rules *rules, const char *name)
{
	if (find_list(rules, name) || add_list(rules, name))
		return 0;
	return rules->list_count < LISTS_MAX ? -ENOMEM : -EFBIG;
}

static int fill_entry(struct rules *rules, struct rule_list *list,
		      struct rule_entry *entry, const struct rule_parts *parts)
{
	int ret;

	matcher_init(&entry->matcher, &rules->load);
	if (parts->type == RULE_SUB) {
		entry->rule.outbound = OUTBOUND_PASS;
		entry->sub_name = arena_text(&rules->texts, parts->sub_rule,
					     strlen(parts->sub_rule));
		if (!entry->sub_name)
			return -ENOMEM;
		return argument_add_guard(&entry->matcher, parts);
	}
	entry->is_any = parts->type == RULE_MATCH;
	if (parts->outbound != OUTBOUND_PASS)
		matcher_share(&entry->matcher, list->names, list->texts,
			      list->prefixes, (uint32_t)list->count);
	ret = argument_add(&entry->matcher, parts, 0);
	return ret == -EOPNOTSUPP ? argument_tell_missing(parts) : ret;
}

static int add_entry(struct rules *rules, struct rule_list *list,
		     const struct rule_parts *parts, const char *text,
		     const struct rule_place *place)
{
	struct rule_entry *entry = rule_list_next(list);
	struct arena *texts = &rules->texts;
	int ret;

	if (!entry)
		return -ENOMEM;
	entry->rule = (struct rule){
		.file = arena_text(texts, place->file, strlen(place->file)),
		.line = place->line,
		.list = list->name,
		.text = arena_text(texts, text, strlen(text)),
		.outbound = parts->outbound,
		.upstream = parts->upstream,
	};
	if (!entry->rule.file || !entry->rule.text)
		return -ENOMEM;
	entry->sub_column = place->column;
	rules->load.file = entry->rule.file;
	ret = fill_entry(rules, list, entry, parts);
	if (ret < 0) {
		rule_entry_fini(entry);
		return ret;
	}
	entry->rule.looks_up =
		matcher_resolves(&entry->matcher) &&
		(entry->sub_name || parts->outbound != OUTBOUND_PASS);
	list->count++;
	return 0;
}

/* Tells, once, that a rule stands behind one that matches everything. */
static void check_reach(struct rule_list *list, const struct rule_parts *parts,
			const struct rule_place *place)
{
	if (list->has_end && !list->is_end_told) {
		diag_warning(PLACE_ARGS(place),
			     "rule is never reached, MATCH in line %u comes "
			     "before it",
			     list->end_line);
		list->is_end_told = true;
	}
	if (!list->has_end && parts->type == RULE_MATCH &&
	    parts->outbound != OUTBOUND_PASS) {
		list->has_end = true;
		list->end_line = place->line;
	}
}

static int add(struct rules *rules, const char *text,
	       const struct rules_names *names, const struct rule_place *place)
{
	char copy[RULE_TEXT_MAX + 1];
	struct rule_parts parts;
	size_t length = strlen(text);
	struct rule_list *list;
	int ret = rules_add_list(rules, place->list);

	if (ret < 0)
		return ret;
	if (length > RULE_TEXT_MAX) {
		diag_error(PLACE_ARGS(place),
			   "rule is longer than %d bytes, expected one "
			   "argument (many go into a RULE-SET)",
			   RULE_TEXT_MAX);
		return ERR_CONFIG;
	}
	memcpy(copy, text, length + 1);
	ret = rule_parse(&parts, copy, names, place);
	if (ret < 0)
		return ret;
	list = find_list(rules, place->list);
	ret = add_entry(rules, list, &parts, text, place);
	if (ret == 0)
		check_reach(list, &parts, place);
	return ret;
}

int rules_add(struct rules *rules, const char *text,
	      const struct rules_names *names, const struct rule_place *place)
{
	int ret;

	assert(!rules->is_finished);
	ret = add(rules, text, names, place);
	if (ret < 0)
		rules->is_broken = true;
	return ret;
}

static struct rule_place place_of(const struct rule_entry *entry,
				  struct diag *diag)
{
	return (struct rule_place){
		.diag = diag,
		.file = entry->rule.file,
		.line = entry->rule.line,
		.column = entry->sub_column,
	};
}

static int tell_no_list(const struct rules *rules,
			const struct rule_entry *entry, struct diag *diag)
{
	struct rule_place place = place_of(entry, diag);
	const char *names[LISTS_MAX], *nearest;
	size_t count = 0;

	for (size_t i = 1; i < rules->list_count; i++)
		names[count++] = rules->lists[i]->name;
	names[count] = NULL;
	nearest = diag_nearest(entry->sub_name, names);
	if (nearest)
		diag_error(PLACE_ARGS(&place),
			   "there are no sub-rules '%s', did you mean '%s'?",
			   entry->sub_name, nearest);
	else
		diag_error(PLACE_ARGS(&place),
			   "there are no sub-rules '%s', expected one of "
			   "'sub-rules:'",
			   entry->sub_name);
	return ERR_CONFIG;
}

static int tie(struct rules *rules, struct rule_list *list, struct diag *diag)
{
	int worst = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct rule_entry *entry = &list->entries[i];

		if (!entry->sub_name)
			continue;
		entry->sub = find_list(rules, entry->sub_name);
		if (!entry->sub)
			worst = tell_no_list(rules, entry, diag);
	}
	return worst;
}

enum { MARK_NEW, MARK_ENTERED, MARK_DONE };

/*
 * Do SUB-RULEs lead round in a circle, or go too deep?  Each list is entered
 * once, and keeps how deep it goes.
 */
static int check_depth(struct rule_list *list, struct diag *diag)
{
	list->mark = MARK_ENTERED;
	for (size_t i = 0; i < list->count; i++) {
		const struct rule_entry *entry = &list->entries[i];
		struct rule_place place = place_of(entry, diag);
		struct rule_list *sub = entry->sub;

		if (!sub)
			continue;
		if (sub->mark == MARK_NEW && check_depth(sub, diag) < 0)
			return ERR_CONFIG;
		if (sub->mark == MARK_ENTERED || sub->depth == DEPTH_MAX) {
			diag_error(PLACE_ARGS(&place),
				   "sub-rules '%s' lead back to themselves, or "
				   "are more than %d deep, expected an end",
				   entry->sub_name, DEPTH_MAX);
			return ERR_CONFIG;
		}
		if (list->depth <= sub->depth)
			list->depth = sub->depth + 1;
	}
	list->mark = MARK_DONE;
	return 0;
}

int rules_finish(struct rules *rules, struct diag *diag)
{
	int ret = 0, geo;

	assert(!rules->is_finished);
	rules->is_finished = true;
	for (size_t i = 0; i < rules->list_count; i++) {
		if (tie(rules, rules->lists[i], diag) < 0)
			ret = ERR_CONFIG;
	}
	for (size_t i = 0; ret == 0 && i < rules->list_count; i++) {
		if (rules->lists[i]->mark == MARK_NEW)
			ret = check_depth(rules->lists[i], diag);
	}
	geo = rules->load.is_without_lists
		      ? 0
		      : geo_read(&rules->load.geo, &rules->sources, diag);
	ret = geo < 0 ? geo : ret;
	if (ret < 0)
		rules->is_broken = true;
	return ret;
}

static int finish_silently(struct rules *rules)
{
	struct diag diag;
	int ret;

	diag_init(&diag);
	ret = rules_finish(rules, &diag);
	diag_fini(&diag);
	return ret;
}

int rules_seal(struct rules *rules)
{
	int ret = 0;

	assert(!rules->is_sealed);
	if (!rules->is_finished && !rules->is_broken)
		ret = finish_silently(rules);
	if (ret == -ENOMEM)
		return ret;
	if (rules->is_broken)
		return ERR_CONFIG;
	for (size_t i = 0; ret == 0 && i < rules->list_count; i++)
		ret = rule_list_seal(rules->lists[i]);
	geo_fini(&rules->load.geo);
	rules->is_sealed = ret == 0;
	return ret;
}
