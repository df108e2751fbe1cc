// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/payload.h"

#include "common/config/yaml.h"
#include "common/err.h"
#include "common/rules/list_line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r"

/* An item as it stands in the line. */
struct item {
	const char *start; /* NULL: a line without one */
	size_t length;
	unsigned column;
};

/* Only blanks or a comment up to `end`? */
static bool is_rest(const char *at, const char *end)
{
	const char *start = at;

	while (at < end && strchr(BLANKS, *at))
		at++;
	return at == end || (*at == '#' && at > start);
}

static bool take_quoted(const char *at, const char *end, struct item *item)
{
	char quote = *at++;
	const char *close = memchr(at, quote, (size_t)(end - at));

	if (!close || (quote == '"' && memchr(at, '\\', (size_t)(close - at))))
		return false;
	item->start = at;
	item->length = (size_t)(close - at);
	return is_rest(close + 1, end);
}

static bool take_plain(const char *at, const char *end, struct item *item)
{
	const char *c = at;

	if (strchr("[]{}&*!|>%@`,?:#-", *at))
		return false;
	for (; c < end; c++) {
		if (*c == '#' && strchr(BLANKS, c[-1]))
			break;
		if (*c == ':' && (c + 1 == end || strchr(BLANKS, c[1])))
			return false;
	}
	while (c > at && strchr(BLANKS, c[-1]))
		c--;
	item->start = at;
	item->length = (size_t)(c - at);
	return true;
}

/* Takes a line apart; false if it is not of the usual kind. */
static bool take_line(const char *line, const char *end, struct item *item)
{
	const char *at = line;
	bool is_taken;

	*item = (struct item){0};
	if (at == end || *at == '#' || is_rest(at, end))
		return true;
	while (at < end && *at == ' ')
		at++;
	if (end - at < 3 || at[0] != '-' || at[1] != ' ')
		return false;
	at++;
	while (at < end && *at == ' ')
		at++;
	if (at == end || *at == '\r')
		return false;
	is_taken = *at == '\'' || *at == '"' ? take_quoted(at, end, item)
					     : take_plain(at, end, item);
	item->column = (unsigned)(item->start - line) + 1;
	return is_taken;
}

/* "payload:" itself, and what may be around it: "---", comments. */
static bool is_head(const char *line, const char *end, bool *has_begun)
{
	static const char word[] = "payload:";
	size_t length = (size_t)(end - line);

	if (length >= strlen(word) && memcmp(line, word, strlen(word)) == 0) {
		*has_begun = true;
		return is_rest(line + strlen(word), end);
	}
	return length == 0 || *line == '#' || is_rest(line, end) ||
	       (length >= 3 && memcmp(line, "---", 3) == 0 &&
		is_rest(line + 3, end));
}

static const char *line_end(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	return newline ? newline : end;
}

/* Is every line of the usual kind? */
static bool is_usual(const char *text, size_t length)
{
	const char *end = text + length, *stop;
	bool has_begun = false;
	struct item item;

	if (memchr(text, '\0', length))
		return false;
	for (const char *line = text; line < end; line = stop + 1) {
		bool had_begun = has_begun;

		stop = line_end(line, end);
		if (!had_begun && !is_head(line, stop, &has_begun))
			return false;
		if (!had_begun)
			continue;
		if (!take_line(line, stop, &item))
			return false;
	}
	return has_begun;
}

/* Faults are counted; 0 if there is a point in reading on. */
static int add(struct list *list, char *text)
{
	int ret = 0;

	if (strlen(text) > RULE_TEXT_MAX)
		ret = rule_tell_wrong(&list->place, "(a long text)",
				      "an entry such as +.example.com");
	else if (text[0])
		ret = list_line_add(list, text);
	if (ret == ERR_CONFIG && ++list->faults < LIST_ERRORS_MAX)
		ret = 0;
	return ret;
}

static int read_usual(struct list *list, char *text, size_t length)
{
	char *end = text + length;
	bool has_begun = false;
	int ret = 0;

	for (char *line = text; ret == 0 && line < end;) {
		size_t size = (size_t)(line_end(line, end) - line);
		struct item item = {0};

		list->place.line++;
		if (has_begun)
			(void)take_line(line, line + size, &item);
		else
			has_begun = strncmp(line, "payload:", 8) == 0;
		if (item.start) {
			char *start = line + (item.start - line);

			start[item.length] = '\0';
			list->place.column = item.column;
			ret = add(list, start);
		}
		line += size + 1;
	}
	return ret;
}

static int add_node(struct list *list, const struct yaml_node *node)
{
	char *copy;
	int ret;

	list->place.line = node->line;
	list->place.column = node->column + !node->is_plain;
	if (node->kind != YAML_KIND_SCALAR) {
		diag_error(PLACE_ARGS(&list->place),
			   "entry is no text, expected one such as "
			   "'+.example.com'");
		list->faults++;
		return 0;
	}
	copy = strdup(node->text);
	if (!copy)
		return -ENOMEM;
	ret = add(list, copy);
	free(copy);
	return ret;
}

static int read_tree(struct list *list, const struct yaml_node *root)
{
	const struct yaml_entry *entry =
		root && root->kind == YAML_KIND_MAP
			? yaml_node_find(root, "payload")
			: NULL;
	int ret = 0;

	if (!entry || (entry->value->kind != YAML_KIND_LIST &&
		       !yaml_node_is_null(entry->value))) {
		diag_error(list->place.diag, list->place.file, 0, 0,
			   "list in YAML has no payload, expected 'payload:' "
			   "with a list of entries");
		return ERR_CONFIG;
	}
	for (size_t i = 0; ret == 0 && i < entry->value->count; i++)
		ret = add_node(list, entry->value->entries[i].value);
	return ret;
}

int payload_read(struct list *list, char *text, size_t length)
{
	struct yaml_tree *tree;
	int ret;

	if (is_usual(text, length))
		return read_usual(list, text, length);
	ret = yaml_tree_parse(&tree, text, length, list->place.file,
			      list->place.diag);
	if (ret < 0)
		return ret;
	ret = read_tree(list, yaml_tree_root(tree));
	yaml_tree_free(tree);
	return ret;
}
