// SPDX-License-Identifier: BSD-2-Clause
/*
 * The printed text is of a simple form: "key: value", "key:" with deeper
 * lines behind it, "- item".  Each line becomes an entry of path and value;
 * both sides are sorted and walked side by side.
 */
#include "common/config_diff.h"
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8
#define PATH_MAX_BYTES 512
#define LINE_SIZE 1024
#define INDENT 2

struct entry {
	const char *path;  /* owned; "dnsd.timeout", an item's is its list's */
	const char *value; /* in the text */
	bool is_item;
};

struct side {
	char *text; /* owned */
	struct entry *entries;
	size_t count, room;
};

static void side_fini(struct side *side)
{
	for (size_t i = 0; i < side->count; i++)
		free((void *)(uintptr_t)side->entries[i].path);
	free(side->entries);
	free(side->text);
}

static int add(struct side *side, const char *path, const char *value,
	       bool is_item)
{
	if (side->count == side->room) {
		size_t room = side->room ? side->room * 2 : 128;
		struct entry *entries =
			realloc(side->entries, room * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		side->entries = entries;
		side->room = room;
	}
	side->entries[side->count] = (struct entry){
		.path = strdup(path), .value = value, .is_item = is_item};
	if (!side->entries[side->count].path)
		return -ENOMEM;
	side->count++;
	return 0;
}

/* Cuts the path to `depth` names, and appends one. */
static void descend(char *path, size_t depth, const char *name)
{
	size_t at = 0;

	for (; depth > 0 && path[at]; at++) {
		if (path[at] == '.' && --depth == 0)
			break;
	}
	snprintf(path + at, PATH_MAX_BYTES - at, "%s%s", at ? "." : "", name);
}

/* A name of the user's may have a dot; the printed order keeps it right. */
static int add_line(struct side *side, char *path, char *line)
{
	size_t depth = strspn(line, " ") / INDENT;
	char *key = line + depth * INDENT, *value;

	if (*key == '#' || !*key)
		return 0;
	if (strncmp(key, "- ", 2) == 0) {
		descend(path, depth, "");
		path[strlen(path) - 1] = '\0';
		return add(side, path, key + 2, true);
	}
	value = strstr(key, ": ");
	if (value) {
		*value = '\0';
		value += 2;
	} else if (key[strlen(key) - 1] == ':') {
		key[strlen(key) - 1] = '\0';
	}
	descend(path, depth, key);
	/* An empty list is one without items. */
	if (!value || strcmp(value, "[]") == 0)
		return 0;
	return add(side, path, value, false);
}

static int by_path(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order ? order : strcmp(x->value, y->value);
}

static int side_init(struct side *side, const struct config *config)
{
	char path[PATH_MAX_BYTES] = "", *rest = NULL;
	size_t size;
	FILE *out = open_memstream(&side->text, &size);
	int ret = 0;

	if (!out)
		return -ENOMEM;
	config_print(config, out);
	if (ferror(out) | fclose(out))
		return -ENOMEM;
	for (char *line = strtok_r(side->text, "\n", &rest); line && ret == 0;
	     line = strtok_r(NULL, "\n", &rest))
		ret = add_line(side, path, line);
	if (side->count > 0)
		qsort(side->entries, side->count, sizeof(*side->entries),
		      by_path);
	return ret;
}

struct telling {
	config_diff_fn fn;
	void *ctx;
	int count;
};

static void tell(struct telling *telling, const char *line)
{
	telling->count++;
	telling->fn(telling->ctx, line);
}

/* Items of the list at `*a` and `*b`, whichever comes first; moves on. */
static void tell_list(struct telling *telling, const struct entry **a,
		      const struct entry *a_end, const struct entry **b,
		      const struct entry *b_end)
{
	const char *path = *a < a_end ? (*a)->path : (*b)->path;
	size_t added = 0, removed = 0;
	char line[LINE_SIZE];

	if (*a < a_end && *b < b_end && strcmp((*b)->path, path) < 0)
		path = (*b)->path;
	for (;;) {
		bool has_a = *a < a_end && !strcmp((*a)->path, path);
		bool has_b = *b < b_end && !strcmp((*b)->path, path);
		int order = has_a && has_b ? strcmp((*a)->value, (*b)->value)
			    : has_a        ? -1
					   : 1;

		if (!has_a && !has_b)
			break;
		removed += order < 0;
		added += order > 0;
		*a += order <= 0;
		*b += order >= 0;
	}
	if (added == 0 && removed == 0)
		return;
	snprintf(line, sizeof(line), "%s: %zu added, %zu removed", path, added,
		 removed);
	tell(telling, line);
}

static void tell_value(struct telling *telling, const struct entry *old,
		       const struct entry *new)
{
	char line[LINE_SIZE];

	if (!old)
		snprintf(line, sizeof(line), "%s: %s, is new", new->path,
			 new->value);
	else if (!new)
		snprintf(line, sizeof(line), "%s: is gone, was %s", old->path,
			 old->value);
	else if (strcmp(old->value, new->value) == 0)
		return;
	else
		snprintf(line, sizeof(line), "%s: %s, was %s", new->path,
			 new->value, old->value);
	tell(telling, line);
}

static void compare(struct telling *telling, const struct side *old,
		    const struct side *new)
{
	const struct entry *a = old->entries, *a_end = a + old->count;
	const struct entry *b = new->entries, *b_end = b + new->count;

	while (a < a_end || b < b_end) {
		int order = a == a_end   ? 1
			    : b == b_end ? -1
					 : strcmp(a->path, b->path);
		bool is_item = order <= 0 ? a->is_item : b->is_item;

		if (is_item) {
			tell_list(telling, &a, a_end, &b, b_end);
			continue;
		}
		tell_value(telling, order <= 0 ? a : NULL,
			   order >= 0 ? b : NULL);
		a += order <= 0;
		b += order >= 0;
	}
}

int config_diff(const struct config *old, const struct config *new,
		config_diff_fn fn, void *ctx)
{
	struct side sides[2] = {{NULL, NULL, 0, 0}, {NULL, NULL, 0, 0}};
	struct telling telling = {fn, ctx, 0};
	int ret = side_init(&sides[0], old);

	if (ret == 0)
		ret = side_init(&sides[1], new);
	if (ret == 0)
		compare(&telling, &sides[0], &sides[1]);
	side_fini(&sides[0]);
	side_fini(&sides[1]);
	return ret < 0 ? ret : telling.count;
}

static void log_line(void *ctx, const char *line)
{
	int *left = ctx;

	if ((*left)-- > 0)
		log_notice("changed: %s", line);
}

void config_diff_log(const struct config *old, const struct config *new)
{
	int left = CONFIG_DIFF_LINES;
	int count = config_diff(old, new, log_line, &left);

	if (count > CONFIG_DIFF_LINES)
		log_notice("changed: %d more", count - CONFIG_DIFF_LINES);
	else if (count == 0)
		log_notice("nothing has changed but what files named there "
			   "hold");
}
