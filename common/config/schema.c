// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/schema.h"

#include "common/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 64 /* in one table */

/* Where the text of a target stands. */
struct schema_place {
	const void *target;
	const struct yaml_node *node;
};

static int read_keys(const struct schema_call *section,
		     const struct schema_key *keys, void *object);

static void *member(void *object, size_t at)
{
	return (char *)object + at;
}

PRINTF_LIKE(3, 0)
static int tell(const struct schema_walk *walk, const struct yaml_node *node,
		const char *fmt, va_list args)
{
	char text[2 * SCHEMA_TEXT_SIZE];

	vsnprintf(text, sizeof(text), fmt, args);
	diag_error(walk->diag, walk->file, node ? node->line : 0,
		   node ? node->column : 0, "%s", text);
	return ERR_CONFIG;
}

int schema_error(const struct schema_call *call, const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = tell(call->walk, call->place, fmt, args);
	va_end(args);
	return ret;
}

static const struct yaml_node *place_of(const struct schema_walk *walk,
					const void *target)
{
	for (size_t i = 0; i < walk->place_count; i++) {
		if (walk->places[i].target == target)
			return walk->places[i].node;
	}
	return NULL;
}

int schema_error_at(const struct schema_walk *walk, const void *target,
		    const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = tell(walk, place_of(walk, target), fmt, args);
	va_end(args);
	return ret;
}

void schema_warning_at(const struct schema_walk *walk, const void *target,
		       const char *fmt, ...)
{
	const struct yaml_node *node = place_of(walk, target);
	char text[2 * SCHEMA_TEXT_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	diag_warning(walk->diag, walk->file, node ? node->line : 0,
		     node ? node->column : 0, "%s", text);
}

static int place_add(struct schema_walk *walk, const void *target,
		     const struct yaml_node *node)
{
	if (walk->place_count == walk->place_room) {
		size_t room = walk->place_room ? walk->place_room * 2 : 32;
		struct schema_place *places =
			reallocarray(walk->places, room, sizeof(*places));

		if (!places)
			return -ENOMEM;
		walk->places = places;
		walk->place_room = room;
	}
	walk->places[walk->place_count++] = (struct schema_place){target, node};
	return 0;
}

void schema_walk_fini(struct schema_walk *walk)
{
	free(walk->places);
	walk->places = NULL;
	walk->place_count = walk->place_room = 0;
}

/* Adds "a", "a or b", "a, b or c" word by word. */
static void list_word(char *out, const char *word, bool is_last)
{
	size_t length = strlen(out);
	const char *comma = !length ? "" : is_last ? " or " : ", ";

	snprintf(out + length, SCHEMA_TEXT_SIZE - length, "%s%s", comma, word);
}

const char *schema_expected(const struct schema_key *key, char *out)
{
	const struct schema_word *word = key->words;
	const struct schema_word *last = NULL;

	if (key->expected)
		return key->expected;
	if (!word)
		return key->type->expected;
	for (; word->word; word++)
		last = word->later ? last : word;
	out[0] = '\0';
	for (word = key->words; word->word; word++) {
		if (!word->later)
			list_word(out, word->word, word == last);
	}
	return out;
}

static const char *keys_text(const struct schema_key *keys, char *out)
{
	const struct schema_key *last = NULL;

	for (const struct schema_key *key = keys; key->name; key++)
		last = key->kind == SCHEMA_LATER ? last : key;
	out[0] = '\0';
	for (const struct schema_key *key = keys; key->name; key++) {
		if (key->kind != SCHEMA_LATER)
			list_word(out, key->name, key == last);
	}
	return out;
}

/* What a node is, for "... is a list, expected ...". */
static const char *kind_text(const struct yaml_node *node, char *out)
{
	switch (node->kind) {
	case YAML_KIND_LIST:
		return "a list";
	case YAML_KIND_MAP:
		return "a mapping";
	case YAML_KIND_SCALAR:
		break;
	}
	snprintf(out, SCHEMA_TEXT_SIZE, "'%s'", node->text);
	return out;
}

static int read_text(const struct schema_call *call, void *target,
		     const char *text)
{
	char expected[SCHEMA_TEXT_SIZE];
	int ret = call->key->type->parse(call, target, text);

	if (ret != -EINVAL)
		return ret;
	return schema_error(call, "'%s' cannot be '%.200s', expected %s",
			    call->path, text,
			    schema_expected(call->key, expected));
}

static int read_value(const struct schema_call *call, void *target)
{
	const struct yaml_node *node = call->value;
	char expected[SCHEMA_TEXT_SIZE], kind[SCHEMA_TEXT_SIZE];
	int ret;

	if (node->kind != YAML_KIND_SCALAR)
		return schema_error(call, "%s'%s' is %s, expected %s",
				    call->is_item ? "a value of " : "",
				    call->path, kind_text(node, kind),
				    schema_expected(call->key, expected));
	if (yaml_node_is_null(node))
		return schema_error(call, "'%s' has %s value, expected %s",
				    call->path,
				    call->is_item ? "an empty" : "no",
				    schema_expected(call->key, expected));
	ret = read_text(call, target, node->text);
	if (ret || !call->key->type->size)
		return ret;
	return place_add(call->walk, target, node);
}

/* Two values are the same if they are written the same. */
static int check_unique(const struct schema_call *call, const char *items,
			size_t count)
{
	const struct schema_type *type = call->key->type;
	const char *item = items + count * type->size;
	char one[SCHEMA_TEXT_SIZE], other[SCHEMA_TEXT_SIZE];
	const char *text;

	text = type->format(call->key, call->walk->root, item, one);
	for (size_t i = 0; i < count; i++) {
		const char *earlier =
			type->format(call->key, call->walk->root,
				     items + i * type->size, other);

		if (!strcmp(text, earlier))
			return schema_error(call,
					    "'%s' is in '%s' twice, expected "
					    "once",
					    text, call->path);
	}
	return 0;
}

struct list {
	char *items;
	size_t count;
};

static int read_item(const struct schema_call *call, struct list *list)
{
	const struct schema_type *type = call->key->type;
	char *target = list->items + list->count * type->size;
	int ret = read_value(call, target);

	if (!ret && type->size)
		ret = check_unique(call, list->items, list->count);
	if (!ret)
		list->count++;
	return ret;
}

static int read_items(const struct schema_call *call, struct list *list)
{
	const struct yaml_node *node = call->value;
	struct schema_call item = *call;
	int ret;

	if (node->kind != YAML_KIND_LIST) {
		ret = read_item(&item, list);
		return ret == -ENOMEM ? ret : 0;
	}
	for (size_t i = 0; i < node->count; i++) {
		item.value = item.place = node->entries[i].value;
		item.is_item = true;
		ret = read_item(&item, list);
		if (ret == -ENOMEM)
			return ret;
	}
	return 0;
}

static int read_fallback_item(const struct schema_call *call, struct list *list)
{
	int ret;

	if (!call->key->fallback)
		return 0;
	ret = call->key->type->parse(call, list->items, call->key->fallback);
	assert(ret == 0 || ret == -ENOMEM);
	list->count = 1;
	return ret;
}

static int read_list(const struct schema_call *call, void *object)
{
	const struct schema_key *key = call->key;
	const struct yaml_node *node = call->value;
	bool is_null = node && yaml_node_is_null(node);
	size_t count = node && node->kind == YAML_KIND_LIST ? node->count : 1;
	size_t max = key->items_max ? key->items_max : SCHEMA_LIST_MAX;
	struct list list = {0};
	char expected[SCHEMA_TEXT_SIZE];
	int ret;

	if (is_null)
		count = 0;
	if (node && count < key->items_min)
		return schema_error(call, "'%s' is empty, expected %s",
				    call->path, schema_expected(key, expected));
	if (count > max)
		return schema_error(call,
				    "'%s' has %zu values, expected at most %zu",
				    call->path, count, max);
	list.items = arena_array(call->walk->arena, count, key->type->size);
	if (!list.items)
		return -ENOMEM;
	if (!node)
		ret = read_fallback_item(call, &list);
	else
		ret = is_null ? 0 : read_items(call, &list);
	if (ret || !key->type->size)
		return ret;
	memcpy(member(object, key->at), &list.items, sizeof(list.items));
	memcpy(member(object, key->count_at), &list.count, sizeof(list.count));
	return 0;
}

/* One that is known by its case or a slip; else all that there are. */
static void tell_unknown(const struct schema_call *section,
			 const struct schema_key *keys,
			 const struct yaml_node *found)
{
	const char *names[KEYS_MAX + 1];
	char expected[SCHEMA_TEXT_SIZE];
	struct schema_call call = *section;
	const char *dot = *section->path ? "." : "";
	const char *nearest;
	size_t count = 0;

	for (const struct schema_key *key = keys; key->name; key++) {
		assert(count < KEYS_MAX);
		if (key->kind != SCHEMA_LATER)
			names[count++] = key->name;
	}
	names[count] = NULL;
	call.place = found;
	nearest = diag_nearest(found->text, names);
	if (nearest)
		schema_error(&call,
			     "unknown key '%s%s%.200s', did you mean '%s'?",
			     section->path, dot, found->text, nearest);
	else
		schema_error(&call, "unknown key '%s%s%.200s', expected %s",
			     section->path, dot, found->text,
			     keys_text(keys, expected));
}

static void check_known(const struct schema_call *section,
			const struct schema_key *keys)
{
	const struct yaml_node *map = section->value;

	for (size_t i = 0; map && i < map->count; i++) {
		const struct yaml_node *found = map->entries[i].key;
		const struct schema_key *key = keys;

		while (key->name && strcmp(key->name, found->text))
			key++;
		if (!key->name)
			tell_unknown(section, keys, found);
	}
}

/* The mapping; NULL when it is absent or, which is told, something else. */
static const struct yaml_node *mapping_of(const struct schema_call *call,
					  const struct schema_key *keys)
{
	char expected[SCHEMA_TEXT_SIZE], kind[SCHEMA_TEXT_SIZE];
	const struct yaml_node *node = call->value;

	if (!node || yaml_node_is_null(node))
		return NULL;
	if (node->kind == YAML_KIND_MAP)
		return node;
	if (call->key && call->key->expected)
		schema_error(call, "'%s' is %s, expected %s", call->path,
			     kind_text(node, kind), call->key->expected);
	else
		schema_error(call, "%s%s%s is %s, expected the keys %s",
			     *call->path ? "'" : "",
			     *call->path ? call->path : "the file",
			     *call->path ? "'" : "", kind_text(node, kind),
			     keys_text(keys, expected));
	return NULL;
}

static int read_section(const struct schema_call *call, void *object)
{
	struct schema_call section = *call;
	int ret;

	section.value = mapping_of(call, call->key->keys);
	check_known(&section, call->key->keys);
	ret = read_keys(&section, call->key->keys, object);
	if (!ret && call->key->done)
		ret = call->key->done(&section, object);
	return ret == -ENOMEM ? ret : 0;
}

static int read_member(const struct schema_call *named,
		       const struct yaml_entry *entry, void *item)
{
	const struct schema_key *key = named->key;
	const char *name = entry->key->text;
	unsigned line = entry->key->line;
	char path[SCHEMA_PATH_SIZE];
	struct schema_call call = *named;
	struct schema_key section = *key;
	char *copy = arena_text(named->walk->arena, name, strlen(name));

	if (!copy || place_add(named->walk, item, entry->key))
		return -ENOMEM;
	memcpy(item, &copy, sizeof(copy));
	memcpy(member(item, key->line_at), &line, sizeof(line));
	snprintf(path, sizeof(path), "%s.%s", named->path, name);

	section.done = key->each;
	section.expected = NULL;
	call.key = &section;
	call.path = path;
	call.value = entry->value;
	call.place = entry->key;
	return read_section(&call, item);
}

static int read_named(const struct schema_call *call, void *object)
{
	const struct schema_key *key = call->key;
	const struct yaml_node *map = mapping_of(call, key->keys);
	size_t count = key->first + (map ? map->count : 0);
	char *items = arena_array(call->walk->arena, count, key->item_size);

	if (!items)
		return -ENOMEM;
	memcpy(member(object, key->at), &items, sizeof(items));
	memcpy(member(object, key->count_at), &count, sizeof(count));
	for (size_t i = key->first; i < count; i++) {
		int ret = read_member(call, &map->entries[i - key->first],
				      items + i * key->item_size);

		if (ret)
			return ret;
	}
	return key->done ? key->done(call, object) : 0;
}

static int read_lists(const struct schema_call *call, void *object)
{
	const struct yaml_node *map = mapping_of(call, NULL);
	struct schema_key items = *call->key;
	int ret = 0;

	items.expected = NULL; /* that was for the mapping */

	for (size_t i = 0; ret != -ENOMEM && map && i < map->count; i++) {
		const struct yaml_entry *entry = &map->entries[i];
		struct schema_call list = *call;
		char path[SCHEMA_PATH_SIZE];

		snprintf(path, sizeof(path), "%s.%s", call->path,
			 entry->key->text);
		list.key = &items;
		list.path = path;
		list.value = entry->value;
		list.place = entry->key;
		ret = call->key->each(&list, object);
		list.place = entry->value;
		if (ret != -ENOMEM)
			ret = read_list(&list, object);
	}
	return ret == -ENOMEM ? ret : 0;
}

static int read_single(const struct schema_call *call, void *object)
{
	const struct schema_key *key = call->key;
	void *target = member(object, key->at);
	int ret = 0;

	/* The default first: what is wrong must not leave a hole. */
	if (key->fallback) {
		ret = key->type->parse(call, target, key->fallback);
		assert(ret == 0 || ret == -ENOMEM);
	}
	if (!ret && call->value)
		ret = read_value(call, target);
	return ret;
}

static int read_key(const struct schema_call *section,
		    const struct schema_key *key, void *object)
{
	const struct yaml_entry *entry = NULL;
	char path[SCHEMA_PATH_SIZE];
	struct schema_call call = *section;

	snprintf(path, sizeof(path), "%s%s%s", section->path,
		 *section->path ? "." : "", key->name);
	if (section->value)
		entry = yaml_node_find(section->value, key->name);
	if (!entry && key->is_required) {
		char expected[SCHEMA_TEXT_SIZE];

		schema_error(section, "'%s' has no '%s', expected %s",
			     section->path, key->name,
			     schema_expected(key, expected));
	}
	call.key = key;
	call.path = path;
	call.value = entry ? entry->value : NULL;
	if (entry)
		call.place = entry->key;

	switch (key->kind) {
	case SCHEMA_SECTION:
		return read_section(&call, object);
	case SCHEMA_NAMED:
		return read_named(&call, object);
	case SCHEMA_LISTS:
		return read_lists(&call, object);
	case SCHEMA_LATER:
		if (entry)
			schema_error(
				&call, "'%s' is not supported %s, expected %s",
				path, key->help ? key->help : "by this version",
				key->expected);
		return 0;
	case SCHEMA_VALUE:
		call.place = entry ? entry->value : NULL;
		return read_single(&call, object);
	case SCHEMA_LIST:
		call.place = entry ? entry->value : NULL;
		return read_list(&call, object);
	}
	return 0;
}

static int read_keys(const struct schema_call *section,
		     const struct schema_key *keys, void *object)
{
	for (; keys->name; keys++) {
		int ret = read_key(section, keys, object);

		if (ret == -ENOMEM)
			return ret;
	}
	return 0;
}

int schema_read(struct schema_walk *walk, const struct schema_key *keys,
		const struct yaml_node *node)
{
	struct schema_key root = {.kind = SCHEMA_SECTION, .keys = keys};
	struct schema_call call = {
		.walk = walk, .path = "", .value = node, .place = node};

	call.key = &root;
	return read_section(&call, walk->root);
}
