// SPDX-License-Identifier: BSD-2-Clause
#include "routed/view/flow_list.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct known {
	struct flow_row row; /* first: a row is its entry */
	struct json *line;   /* owned: the texts of the row are its */
	char *key;           /* owned */
	uint64_t round;
	bool is_named;
};

struct flow_list {
	void *index;            /* tsearch(3), by key */
	struct known **entries; /* owned, and what it points to */
	const struct flow_row **chosen;
	size_t count, room;
	struct known *last; /* that was added */
	uint64_t round;
	int64_t now_ms, before_ms;
};

const char *flow_order_word(enum flow_order order)
{
	static const char *const words[FLOW_ORDERS] = {
		[FLOW_ORDER_RATE] = "rate", [FLOW_ORDER_BYTES] = "bytes",
		[FLOW_ORDER_AGE] = "age",   [FLOW_ORDER_TO] = "to",
		[FLOW_ORDER_BY] = "by",
	};

	return words[order];
}

int flow_list_new(struct flow_list **list)
{
	*list = calloc(1, sizeof(**list));
	return *list ? 0 : -ENOMEM;
}

static int compare_keys(const void *a, const void *b)
{
	const struct known *one = a, *two = b;

	return strcmp(one->key, two->key);
}

static void free_entry(struct flow_list *list, struct known *entry)
{
	tdelete(entry, &list->index, compare_keys);
	json_free(entry->line);
	free(entry->key);
	free(entry);
}

void flow_list_free(struct flow_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free_entry(list, list->entries[i]);
	free(list->entries);
	free(list->chosen);
	free(list);
}

void flow_list_begin(struct flow_list *list, int64_t now_ms)
{
	list->before_ms = list->now_ms;
	list->now_ms = now_ms;
	list->round++;
	list->last = NULL;
}

static const char *text_of(const struct json *line, const char *key)
{
	const char *text = json_get_text(line, key);

	return text ? text : "";
}

/* 0 for what is none: it sorts last. */
static int64_t parse_time_ms(const char *text)
{
	struct tm tm = {0};

	if (!strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static struct known *find_entry(const struct flow_list *list, char *key)
{
	const struct known wanted = {.key = key};
	void *node = tfind(&wanted, &list->index, compare_keys);

	return node ? *(struct known **)node : NULL;
}

static int make_room(struct flow_list *list)
{
	size_t room = list->room ? 2 * list->room : 64;
	void *more;

	if (list->count < list->room)
		return 0;
	more = reallocarray(list->entries, room, sizeof(*list->entries));
	if (!more)
		return -ENOMEM;
	list->entries = more;
	more = reallocarray(list->chosen, room, sizeof(*list->chosen));
	if (!more)
		return -ENOMEM;
	list->chosen = more;
	list->room = room;
	return 0;
}

static struct known *make_entry(struct flow_list *list, const char *key)
{
	struct known *entry;

	if (make_room(list) < 0)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = strdup(key);
	if (!entry->key || !tsearch(entry, &list->index, compare_keys)) {
		free(entry->key);
		free(entry);
		return NULL;
	}
	list->entries[list->count++] = entry;
	return entry;
}

static int64_t rate_of(const struct flow_list *list, int64_t now,
		       int64_t before)
{
	int64_t took_ms = list->now_ms - list->before_ms;

	return took_ms > 0 && now > before ? (now - before) * 1000 / took_ms
					   : 0;
}

/* The steps that took something. */
static void set_setup(struct flow_row *row, const struct json *line)
{
	static const struct {
		const char *key, *word;
	} steps[] = {
		{"map_us", "map"},         {"rules_us", "rules"},
		{"owner_us", "owner"},     {"connect_us", "connect"},
		{"handshake_us", "proxy"}, {"accept_us", "accept"},
	};
	int at = 0;

	row->setup[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		long long us = json_get_int(line, steps[i].key, 0);

		if (us > 0 && at < (int)sizeof(row->setup))
			at += snprintf(row->setup + at,
				       sizeof(row->setup) - (size_t)at,
				       "%s%s %lld", at > 0 ? ", " : "",
				       steps[i].word, us);
	}
	if (at > 0 && at + 3 < (int)sizeof(row->setup))
		memcpy(row->setup + at, " us", 4);
}

static void set_row(const struct flow_list *list, struct flow_row *row,
		    const struct json *line)
{
	int64_t up = json_get_int(line, "up", 0);
	int64_t down = json_get_int(line, "down", 0);
	const char *port;

	row->network = text_of(line, "network");
	row->src = text_of(line, "src");
	row->dst = text_of(line, "dst");
	row->name = text_of(line, "name");
	row->real = text_of(line, "real");
	row->outbound = text_of(line, "outbound");
	row->rule = text_of(line, "rule");
	row->state = text_of(line, "state");
	row->id = text_of(line, "id");
	row->mac = text_of(line, "mac");
	row->since_ms = parse_time_ms(text_of(line, "since"));
	set_setup(row, line);
	row->up_rate = rate_of(list, up, row->up);
	row->down_rate = rate_of(list, down, row->down);
	row->up = up;
	row->down = down;
	port = strrchr(row->dst, ':');
	if (row->name[0] != '\0' && port)
		snprintf(row->to, sizeof(row->to), "%.56s%s", row->name, port);
	else
		snprintf(row->to, sizeof(row->to), "%s", row->dst);
}

int flow_list_add(struct flow_list *list, const struct json *line)
{
	char key[2 * ENDPOINT_TEXT_SIZE + 48];
	struct known *entry;
	struct json *copy;
	bool is_new;

	snprintf(key, sizeof(key), "%s %s %s %s", text_of(line, "network"),
		 text_of(line, "src"), text_of(line, "dst"),
		 text_of(line, "since"));
	entry = find_entry(list, key);
	is_new = !entry;
	copy = json_clone(line);
	if (!entry && copy)
		entry = make_entry(list, key);
	if (!copy || !entry) {
		json_free(copy);
		return -ENOMEM;
	}
	set_row(list, &entry->row, copy);
	/* What it moved before we looked has no rate. */
	if (is_new)
		entry->row.up_rate = entry->row.down_rate = 0;
	json_free(entry->line);
	entry->line = copy;
	entry->round = list->round;
	list->last = entry;
	return 0;
}

void flow_list_end(struct flow_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct known *entry = list->entries[i];

		if (entry->round == list->round)
			list->entries[kept++] = entry;
		else
			free_entry(list, entry);
	}
	list->count = kept;
	list->last = NULL;
}

struct flow_row *flow_list_unnamed(struct flow_list *list)
{
	if (!list->last || list->last->is_named)
		return NULL;
	list->last->is_named = true;
	return &list->last->row;
}

static bool has_text(const struct flow_row *row, const char *part)
{
	const char *const texts[] = {row->src,   row->dst,      row->name,
				     row->real,  row->outbound, row->rule,
				     row->state, row->program,  row->network,
				     row->id,    row->mac};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (strcasestr(texts[i], part))
			return true;
	}
	return false;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0; /* large ones first */
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct flow_row *one = *(const struct flow_row *const *)a;
	const struct flow_row *two = *(const struct flow_row *const *)b;
	const struct flow_choice *choice = ctx;
	int ret = 0;

	switch (choice->order) {
	case FLOW_ORDER_RATE:
		ret = compare_numbers(one->up_rate + one->down_rate,
				      two->up_rate + two->down_rate);
		break;
	case FLOW_ORDER_BYTES:
		ret = compare_numbers(one->up + one->down, two->up + two->down);
		break;
	case FLOW_ORDER_AGE:
		ret = compare_numbers(one->since_ms, two->since_ms);
		break;
	case FLOW_ORDER_TO:
		ret = strcasecmp(one->to, two->to);
		break;
	case FLOW_ORDER_BY:
		ret = strcmp(one->outbound, two->outbound);
		break;
	case FLOW_ORDERS:
		break;
	}
	if (choice->is_reversed)
		ret = -ret;
	/* Rows that are equal stay where they are. */
	return ret != 0 ? ret : strcmp(one->src, two->src);
}

size_t flow_list_choose(struct flow_list *list,
			const struct flow_choice *choice,
			const struct flow_row *const **rows)
{
	struct flow_choice copy = *choice;
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (has_text(&list->entries[i]->row, choice->filter))
			list->chosen[count++] = &list->entries[i]->row;
	}
	if (count > 0)
		qsort_r(list->chosen, count, sizeof(list->chosen[0]), compare,
			&copy);
	*rows = list->chosen;
	return count;
}

struct flow_totals flow_list_totals(const struct flow_list *list)
{
	struct flow_totals totals = {.count = list->count};

	for (size_t i = 0; i < list->count; i++) {
		totals.up_rate += list->entries[i]->row.up_rate;
		totals.down_rate += list->entries[i]->row.down_rate;
	}
	return totals;
}
