// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/yaml.h"

#include "common/arena.h"
#include "common/err.h"
#include "common/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

struct yaml_tree {
	struct arena arena;
	const struct yaml_node *root;
};

struct anchor {
	struct anchor *older;
	const char *name;
	const struct yaml_node *node;
	size_t size; /* what an alias of it adds */
};

struct build {
	yaml_parser_t parser;
	struct yaml_tree *tree;
	const char *file;
	struct diag *diag;
	const char *text;
	size_t length;
	struct anchor *anchors;
	size_t anchor_count;
	size_t expanded; /* bytes of scalars so far, aliases written out */
	unsigned depth;
};

/* Entries of a list or mapping while their number is not known. */
struct growing {
	struct yaml_entry *entries;
	size_t count, room;
};

static int read_node(struct build *build, const yaml_event_t *event,
		     const struct yaml_node **node);

#define fault(build, mark, ...)                                              \
	(diag_error((build)->diag, (build)->file, (unsigned)(mark).line + 1, \
		    (unsigned)(mark).column + 1, __VA_ARGS__),               \
	 ERR_CONFIG)

/*
 * What libyaml says, and what a person wants to hear; at the place where it
 * was noticed or, for what was left open, where that began.
 */
static const struct problem {
	bool is_at_begin;
	const char *theirs, *ours;
} problems[] = {
	{false, "mapping values are not allowed in this context",
	 "a 'key: value' cannot stand here, expected it in a line of its own, "
	 "a space behind each ':' (also of the line above), or quotes around "
	 "text that has ': ' in it"},
	{false, "did not find expected key",
	 "this does not fit the lines above, expected 'key: value' with their "
	 "indentation"},
	{false, "did not find expected '-' indicator",
	 "this does not fit the list above, expected '- ' with its "
	 "indentation"},
	{true, "did not find expected ',' or ']'",
	 "a list in brackets is not closed, expected ',' or ']'"},
	{true, "did not find expected ',' or '}'",
	 "a mapping in braces is not closed, expected ',' or '}'"},
	{true, "could not find expected ':'",
	 "the key has no value, expected 'key: value'"},
	{false, "did not find expected node content",
	 "there is no value here, expected one, or quotes around text that "
	 "begins with ':'"},
	{true, "found unexpected end of stream",
	 "a quote is never closed, expected its end before that of the file"},
	{true, "found unexpected document indicator",
	 "a quote is never closed, expected its end before the '---'"},
	{false, "found character that cannot start any token",
	 "this character cannot begin a value, expected quotes around the "
	 "text"},
	{false, "found unknown escape character",
	 "there is no such escape, expected '\\\\' for a backslash, or single "
	 "quotes around the text"},
	{false, "block sequence entries are not allowed in this context",
	 "a list item cannot stand here, expected '- ' in a line of its own"},
};

/* Spaces are the only indentation; a tab looks like them. */
static bool is_indented_by_tab(const struct build *build, size_t line)
{
	const char *at = build->text, *end = at + build->length;

	for (; line; line--) {
		at = memchr(at, '\n', (size_t)(end - at));
		if (!at)
			return false;
		at++;
	}
	while (at < end && *at == ' ')
		at++;
	return at < end && *at == '\t';
}

static int fault_of_parser(struct build *build)
{
	const yaml_parser_t *parser = &build->parser;
	yaml_mark_t mark = parser->problem_mark;
	const char *problem = parser->problem ? parser->problem : "not YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (is_indented_by_tab(build, mark.line))
		return fault(build, mark,
			     "a tab indents this line, expected spaces");
	for (size_t i = 0; i < ARRAY_LEN(problems); i++) {
		if (strcmp(problem, problems[i].theirs))
			continue;
		if (problems[i].is_at_begin)
			mark = parser->context_mark;
		return fault(build, mark, "%s", problems[i].ours);
	}
	return fault(build, mark, "this is not YAML: %s", problem);
}

static int next_event(struct build *build, yaml_event_t *event)
{
	if (!yaml_parser_parse(&build->parser, event))
		return fault_of_parser(build);
	return 0;
}

static struct yaml_node *node_new(struct build *build, enum yaml_kind kind,
				  const yaml_event_t *event)
{
	struct yaml_node *node =
		arena_alloc(&build->tree->arena, sizeof(*node));

	if (node) {
		node->kind = kind;
		node->line = (unsigned)event->start_mark.line + 1;
		node->column = (unsigned)event->start_mark.column + 1;
	}
	return node;
}

static int growing_add(struct growing *growing, const struct yaml_node *key,
		       const struct yaml_node *value)
{
	if (growing->count == growing->room) {
		size_t room = growing->room ? growing->room * 2 : 8;
		struct yaml_entry *entries =
			reallocarray(growing->entries, room, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		growing->entries = entries;
		growing->room = room;
	}
	growing->entries[growing->count++] = (struct yaml_entry){key, value};
	return 0;
}

/* Moves the entries to the arena; `growing` is empty then in any case. */
static int growing_finish(struct growing *growing, struct build *build,
			  struct yaml_node *node)
{
	struct yaml_entry *entries = arena_array(
		&build->tree->arena, growing->count, sizeof(*entries));

	if (entries && growing->count)
		memcpy(entries, growing->entries,
		       growing->count * sizeof(*entries));
	node->entries = entries;
	node->count = growing->count;
	free(growing->entries);
	memset(growing, 0, sizeof(*growing));
	return entries ? 0 : -ENOMEM;
}

static int compare_keys(const void *a, const void *b)
{
	const struct yaml_node *one = ((const struct yaml_entry *)a)->key;
	const struct yaml_node *other = ((const struct yaml_entry *)b)->key;
	int order = strcmp(one->text, other->text);

	if (order)
		return order;
	if (one->line != other->line)
		return one->line < other->line ? -1 : 1;
	return one->column < other->column ? -1 : 1;
}

/* Tells of each key that is written twice; the tree can still be used. */
static int check_keys(struct build *build, const struct yaml_node *map)
{
	struct yaml_entry *sorted;

	if (map->count < 2)
		return 0;
	sorted = malloc(map->count * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, map->entries, map->count * sizeof(*sorted));
	qsort(sorted, map->count, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < map->count; i++) {
		const struct yaml_node *first = sorted[i - 1].key;
		const struct yaml_node *second = sorted[i].key;

		if (strcmp(first->text, second->text))
			continue;
		diag_error(build->diag, build->file, second->line,
			   second->column,
			   "'%s' is written twice, expected once (the first "
			   "is in line %u)",
			   second->text, first->line);
	}
	free(sorted);
	return 0;
}

static int read_scalar(struct build *build, const yaml_event_t *event,
		       const struct yaml_node **out)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct yaml_node *node = node_new(build, YAML_KIND_SCALAR, event);

	if (!node)
		return -ENOMEM;
	if (memchr(value, '\0', length))
		return fault(build, event->start_mark,
			     "a value cannot have a NUL character in it");
	node->text = arena_text(&build->tree->arena, value, length);
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	build->expanded += length + 1;
	*out = node;
	return node->text ? 0 : -ENOMEM;
}

static int read_alias(struct build *build, const yaml_event_t *event,
		      const struct yaml_node **out)
{
	const char *name = (const char *)event->data.alias.anchor;
	const struct anchor *anchor = build->anchors;

	while (anchor && strcmp(anchor->name, name))
		anchor = anchor->older;
	if (!anchor)
		return fault(build, event->start_mark,
			     "alias '*%s' stands for nothing, expected an "
			     "anchor '&%s' that ends before it",
			     name, name);
	build->expanded += anchor->size;
	if (build->expanded > YAML_EXPANDED_MAX)
		return fault(build, event->start_mark,
			     "the aliases stand for more than %u MiB of text, "
			     "expected less",
			     YAML_EXPANDED_MAX >> 20);
	*out = anchor->node;
	return 0;
}

static int read_list(struct build *build, const yaml_event_t *start,
		     const struct yaml_node **out)
{
	struct yaml_node *node = node_new(build, YAML_KIND_LIST, start);
	struct growing growing = {0};
	int ret = node ? 0 : -ENOMEM;

	while (!ret) {
		const struct yaml_node *value = NULL;
		yaml_event_t event;

		ret = next_event(build, &event);
		if (ret)
			break;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			*out = node;
			return growing_finish(&growing, build, node);
		}
		ret = read_node(build, &event, &value);
		if (!ret)
			ret = growing_add(&growing, NULL, value);
		yaml_event_delete(&event);
	}
	free(growing.entries);
	return ret;
}

static int read_key(struct build *build, const yaml_event_t *event,
		    const struct yaml_node **key)
{
	int ret = read_node(build, event, key);

	if (ret)
		return ret;
	if ((*key)->kind != YAML_KIND_SCALAR)
		return fault(build, event->start_mark,
			     "a list or mapping is no key, expected a word "
			     "(or quotes around the text)");
	if ((*key)->is_plain && !strcmp((*key)->text, "<<"))
		return fault(build, event->start_mark,
			     "merge keys ('<<') are not supported, expected "
			     "the keys themselves");
	return 0;
}

/* One entry, or 1 at the end of the mapping. */
static int read_entry(struct build *build, struct growing *growing)
{
	const struct yaml_node *key = NULL, *value = NULL;
	yaml_event_t event;
	int ret;

	ret = next_event(build, &event);
	if (ret)
		return ret;
	if (event.type == YAML_MAPPING_END_EVENT) {
		yaml_event_delete(&event);
		return 1;
	}
	ret = read_key(build, &event, &key);
	yaml_event_delete(&event);
	if (ret)
		return ret;

	ret = next_event(build, &event);
	if (ret)
		return ret;
	ret = read_node(build, &event, &value);
	yaml_event_delete(&event);
	return ret ? ret : growing_add(growing, key, value);
}

static int read_map(struct build *build, const yaml_event_t *start,
		    const struct yaml_node **out)
{
	struct yaml_node *node = node_new(build, YAML_KIND_MAP, start);
	struct growing growing = {0};
	int ret = node ? 0 : -ENOMEM;

	while (!ret)
		ret = read_entry(build, &growing);
	if (ret < 0) {
		free(growing.entries);
		return ret;
	}
	ret = growing_finish(&growing, build, node);
	if (ret)
		return ret;
	*out = node;
	return check_keys(build, node);
}

static const char *anchor_of(const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		return (const char *)event->data.scalar.anchor;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return (const char *)event->data.sequence_start.anchor;
	if (event->type == YAML_MAPPING_START_EVENT)
		return (const char *)event->data.mapping_start.anchor;
	return NULL;
}

static const char *tag_of(const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		return (const char *)event->data.scalar.tag;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return (const char *)event->data.sequence_start.tag;
	if (event->type == YAML_MAPPING_START_EVENT)
		return (const char *)event->data.mapping_start.tag;
	return NULL;
}

static int anchor_add(struct build *build, const yaml_event_t *event,
		      const struct yaml_node *node, size_t size)
{
	const char *name = anchor_of(event);
	struct anchor *anchor;

	if (!name)
		return 0;
	if (build->anchor_count == YAML_ANCHORS_MAX)
		return fault(build, event->start_mark,
			     "there are more than %u anchors, expected fewer",
			     YAML_ANCHORS_MAX);
	anchor = arena_alloc(&build->tree->arena, sizeof(*anchor));
	if (!anchor)
		return -ENOMEM;
	anchor->name = arena_text(&build->tree->arena, name, strlen(name));
	if (!anchor->name)
		return -ENOMEM;
	anchor->node = node;
	anchor->size = size;
	anchor->older = build->anchors;
	build->anchors = anchor;
	build->anchor_count++;
	return 0;
}

static int read_collection(struct build *build, const yaml_event_t *event,
			   const struct yaml_node **node)
{
	int ret;

	if (build->depth == YAML_DEPTH_MAX)
		return fault(build, event->start_mark,
			     "this is nested deeper than %u levels, expected "
			     "less",
			     YAML_DEPTH_MAX);
	build->depth++;
	build->expanded++;
	ret = event->type == YAML_MAPPING_START_EVENT
		      ? read_map(build, event, node)
		      : read_list(build, event, node);
	build->depth--;
	return ret;
}

static int read_node(struct build *build, const yaml_event_t *event,
		     const struct yaml_node **node)
{
	size_t before = build->expanded;
	const char *tag = tag_of(event);
	int ret;

	if (event->type == YAML_ALIAS_EVENT)
		return read_alias(build, event, node);
	if (tag)
		return fault(build, event->start_mark,
			     "tags are not supported, expected the value "
			     "without '%s'",
			     tag);
	if (event->type == YAML_SCALAR_EVENT)
		ret = read_scalar(build, event, node);
	else
		ret = read_collection(build, event, node);
	return ret ? ret
		   : anchor_add(build, event, *node, build->expanded - before);
}

/* The stream's and document's own events, and one node between. */
static int read_stream(struct build *build)
{
	bool has_document = false;
	yaml_event_type_t type = YAML_NO_EVENT;

	while (type != YAML_STREAM_END_EVENT) {
		yaml_event_t event;
		int ret = next_event(build, &event);

		if (ret)
			return ret;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT && has_document)
			ret = fault(build, event.start_mark,
				    "a second document begins here, expected "
				    "one in a file");
		else if (type == YAML_DOCUMENT_START_EVENT)
			has_document = true;
		else if (type != YAML_STREAM_START_EVENT &&
			 type != YAML_STREAM_END_EVENT &&
			 type != YAML_DOCUMENT_END_EVENT)
			ret = read_node(build, &event, &build->tree->root);
		yaml_event_delete(&event);
		if (ret)
			return ret;
	}
	return 0;
}

static int check_text(const struct build *build)
{
	struct utf8_fault fault;

	if (!utf8_check(build->text, build->length, &fault))
		return 0;
	if (fault.line == 1 && fault.column == 1 && !fault.is_character &&
	    fault.code >= 0xfe)
		diag_error(build->diag, build->file, 1, 1,
			   "the file is in UTF-16, expected UTF-8");
	else if (fault.is_character)
		diag_error(build->diag, build->file, fault.line, fault.column,
			   "character U+%04X cannot be in a text, expected "
			   "UTF-8 without control characters",
			   fault.code);
	else
		diag_error(build->diag, build->file, fault.line, fault.column,
			   "byte 0x%02x is not UTF-8, expected a text in UTF-8",
			   fault.code);
	return ERR_CONFIG;
}

int yaml_tree_parse(struct yaml_tree **out, const char *text, size_t length,
		    const char *file, struct diag *diag)
{
	static const char mark[] = "\xef\xbb\xbf";
	struct build build = {.file = file, .diag = diag};
	int ret;

	if (length >= strlen(mark) && !memcmp(text, mark, strlen(mark))) {
		text += strlen(mark);
		length -= strlen(mark);
	}
	build.text = text;
	build.length = length;
	ret = check_text(&build);
	if (ret)
		return ret;

	build.tree = calloc(1, sizeof(*build.tree));
	if (!build.tree)
		return -ENOMEM;
	if (!yaml_parser_initialize(&build.parser)) {
		ret = -ENOMEM;
		goto free_tree;
	}
	yaml_parser_set_encoding(&build.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&build.parser, (const unsigned char *)text,
				     length);
	ret = read_stream(&build);
	yaml_parser_delete(&build.parser);
	if (ret)
		goto free_tree;
	*out = build.tree;
	return 0;
free_tree:
	yaml_tree_free(build.tree);
	return ret;
}

void yaml_tree_free(struct yaml_tree *tree)
{
	if (!tree)
		return;
	arena_fini(&tree->arena);
	free(tree);
}

const struct yaml_node *yaml_tree_root(const struct yaml_tree *tree)
{
	return tree->root;
}

bool yaml_node_is_null(const struct yaml_node *node)
{
	return node->kind == YAML_KIND_SCALAR && node->is_plain &&
	       (!*node->text || !strcmp(node->text, "~") ||
		!strcmp(node->text, "null"));
}

const struct yaml_entry *yaml_node_find(const struct yaml_node *map,
					const char *key)
{
	for (size_t i = 0; map->kind == YAML_KIND_MAP && i < map->count; i++) {
		if (!strcmp(map->entries[i].key->text, key))
			return &map->entries[i];
	}
	return NULL;
}
