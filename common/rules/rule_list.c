// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/rule_list.h"

#include <errno.h>
#include <stdlib.h>

struct rule_list *rule_list_new(const char *name)
{
	struct rule_list *list = calloc(1, sizeof(*list));

	if (!list)
		return NULL;
	list->name = name;
	list->names = name_index_new();
	list->texts = text_index_new();
	list->prefixes = prefix_index_new();
	if (list->names && list->texts && list->prefixes)
		return list;
	rule_list_free(list);
	return NULL;
}

void rule_entry_fini(struct rule_entry *entry)
{
	matcher_fini(&entry->matcher);
}

void rule_list_free(struct rule_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		rule_entry_fini(&list->entries[i]);
	free(list->named);
	free(list->walked);
	free(list->every);
	free(list->entries);
	prefix_index_free(list->prefixes);
	text_index_free(list->texts);
	name_index_free(list->names);
	free(list);
}

struct rule_entry *rule_list_next(struct rule_list *list)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		struct rule_entry *entries;

		if (room > NAME_INDEX_RULE_MAX)
			return NULL;
		entries = reallocarray(list->entries, room, sizeof(*entries));
		if (!entries)
			return NULL;
		list->entries = entries;
		list->room = room;
	}
	list->entries[list->count] = (struct rule_entry){.sub = NULL};
	return &list->entries[list->count];
}

/*
 * Rules of nothing but names, texts and prefixes are found by the indexes. When
 * the address is not known they may want it; then it is enough to ask the first
 * one of each outbound, as the others lead nowhere else.
 */
static bool is_walked(const struct rule_list *list, size_t at)
{
	const struct rule_entry *entry = &list->entries[at];

	if (entry->sub_name || matcher_is_asked(&entry->matcher))
		return true;
	if (!entry->matcher.resolves)
		return false;
	for (size_t i = 0; i < list->walked_count; i++) {
		const struct rule_entry *earlier =
			&list->entries[list->walked[i]];

		if (earlier->matcher.resolves && !earlier->matcher.is_apart &&
		    earlier->rule.outbound == entry->rule.outbound)
			return false;
	}
	return true;
}

/* The same for a name that is not known yet; `walked` are known. */
static bool is_named(const struct rule_list *list, size_t at)
{
	const struct rule_entry *entry = &list->entries[at];

	if (!entry->matcher.has_names)
		return false;
	for (size_t i = 0; i < list->named_count; i++) {
		const struct rule_entry *earlier =
			&list->entries[list->named[i]];

		if (earlier->matcher.has_names && !earlier->sub_name &&
		    earlier->rule.outbound == entry->rule.outbound)
			return false;
	}
	return true;
}

int rule_list_seal(struct rule_list *list)
{
	size_t room = list->count ? list->count : 1;
	int ret = prefix_index_seal(list->prefixes);

	if (ret == 0)
		ret = text_index_seal(list->texts);
	if (ret < 0)
		return ret;
	list->every = calloc(room, sizeof(*list->every));
	list->walked = calloc(room, sizeof(*list->walked));
	list->named = calloc(room, sizeof(*list->named));
	if (!list->every || !list->walked || !list->named)
		return -ENOMEM;
	for (uint32_t i = 0; ret == 0 && i < list->count; i++) {
		struct rule_entry *entry = &list->entries[i];

		list->every[i] = i;
		ret = matcher_seal(&entry->matcher);
		if (!entry->sub_name && entry->rule.outbound == OUTBOUND_PASS)
			continue;
		if (is_walked(list, i)) {
			list->walked[list->walked_count++] = i;
			list->named[list->named_count++] = i;
		} else if (is_named(list, i)) {
			list->named[list->named_count++] = i;
		}
	}
	return ret < 0 ? ret : name_index_seal(list->names);
}
