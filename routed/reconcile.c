// SPDX-License-Identifier: BSD-2-Clause
#include "routed/reconcile.h"

#include "routed/object.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

struct item {
	struct nl_object object;
	bool is_done; /* wanted, or removed already */
};

struct diff {
	struct reconcile *out;
	struct item *items; /* owned; what is found, sorted by key */
	size_t item_count;
	int error;
};

static void append(struct diff *diff, enum reconcile_verdict verdict,
		   const struct nl_object *object)
{
	struct reconcile *out = diff->out;
	struct reconcile_entry *grown;

	if (diff->error)
		return;
	/* Full at every power of two. */
	if ((out->count & (out->count - 1)) == 0) {
		size_t room = out->count ? out->count * 2 : 1;

		grown = realloc(out->entries, room * sizeof(*grown));
		if (!grown) {
			diff->error = -ENOMEM;
			return;
		}
		out->entries = grown;
	}
	memset(&out->entries[out->count], 0, sizeof(*grown));
	out->entries[out->count].verdict = verdict;
	out->entries[out->count].object = *object;
	out->count++;
	out->of[verdict]++;
}

static bool is_our_table(uint32_t table)
{
	return table >= PLAN_TABLE_POOL && table <= PLAN_TABLE_BASE;
}

/* Routes of main and the like share no key with ours, unless all are there. */
static bool is_route_of_interest(const struct nl_route *route, bool is_in_main)
{
	return route->protocol == NL_PROTOCOL ||
	       (is_in_main && route->table == RT_TABLE_MAIN) ||
	       (route->table != RT_TABLE_MAIN &&
		route->table >= PLAN_TABLE_POOL && route->table < 256);
}

static void collect_routes(struct diff *diff, const struct nl_state *found,
			   bool is_in_main)
{
	for (size_t i = 0; i < found->route_count; i++) {
		struct item *item = &diff->items[diff->item_count];

		if (!is_route_of_interest(&found->routes[i], is_in_main))
			continue;
		item->object.kind = NL_OBJECT_ROUTE;
		item->object.route = found->routes[i];
		diff->item_count++;
	}
}

static void collect_rest(struct diff *diff, const struct nl_state *found)
{
	for (size_t i = 0; i < found->rule_count; i++) {
		struct item *item = &diff->items[diff->item_count++];

		item->object.kind = NL_OBJECT_RULE;
		item->object.rule = found->rules[i];
	}
	for (size_t i = 0; i < found->addr_count; i++) {
		struct item *item = &diff->items[diff->item_count++];

		item->object.kind = NL_OBJECT_IFADDR;
		item->object.ifaddr = found->addrs[i];
	}
	for (size_t i = 0; i < found->link_count; i++) {
		struct item *item = &diff->items[diff->item_count];

		if (!found->links[i].is_up)
			continue;
		item->object.kind = NL_OBJECT_LINK_UP;
		item->object.ifindex = found->links[i].ifindex;
		diff->item_count++;
	}
}

static int compare_items(const void *a, const void *b)
{
	const struct item *p = a;
	const struct item *q = b;

	return object_compare_key(&p->object, &q->object);
}

static int collect(struct diff *diff, const struct nl_state *found,
		   bool is_in_main)
{
	size_t most = found->route_count + found->rule_count +
		      found->addr_count + found->link_count;

	diff->items = calloc(most ? most : 1, sizeof(*diff->items));
	if (!diff->items)
		return -ENOMEM;
	collect_routes(diff, found, is_in_main);
	collect_rest(diff, found);
	qsort(diff->items, diff->item_count, sizeof(*diff->items),
	      compare_items);
	return 0;
}

/* The first item whose key is not below that of `object`. */
static size_t lower_bound(const struct diff *diff,
			  const struct nl_object *object)
{
	size_t low = 0;
	size_t high = diff->item_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (object_compare_key(&diff->items[middle].object, object) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The kernel can hold several routes of one key (NLM_F_APPEND). */
static size_t same_key(const struct diff *diff, size_t first,
		       const struct nl_object *object)
{
	size_t end = first;

	while (end < diff->item_count &&
	       object_compare_key(&diff->items[end].object, object) == 0)
		end++;
	return end;
}

/* Does somebody else's object what ours would do? */
static bool is_same_but_theirs(const struct nl_object *theirs,
			       const struct nl_object *ours)
{
	struct nl_object claimed = *theirs;

	if (claimed.kind == NL_OBJECT_ROUTE)
		claimed.route.protocol = NL_PROTOCOL;
	else
		claimed.rule.protocol = NL_PROTOCOL;
	return object_is_equal(&claimed, ours);
}

/* Removes ours but for `keep` from the range. */
static void clear_range(struct diff *diff, size_t first, size_t end,
			const struct item *keep)
{
	for (size_t i = first; i < end; i++) {
		const struct item *item = &diff->items[i];

		if (item != keep && object_is_ours(&item->object))
			append(diff, RECONCILE_REMOVED, &item->object);
	}
}

/* Links and addresses have no key without being equal. */
static const struct item *find_foreign(const struct diff *diff, size_t first,
				       size_t end)
{
	for (size_t i = first; i < end; i++) {
		if (!object_is_ours(&diff->items[i].object))
			return &diff->items[i];
	}
	return NULL;
}

static void want_missing(struct diff *diff, const struct nl_object *object,
			 size_t first, size_t end)
{
	const struct item *foreign = find_foreign(diff, first, end);

	clear_range(diff, first, end, NULL);
	if (!foreign) {
		append(diff, RECONCILE_ADDED, object);
		return;
	}
	append(diff, RECONCILE_FOREIGN, &foreign->object);
	if (diff->error || is_same_but_theirs(&foreign->object, object))
		return;
	diff->out->entries[diff->out->count - 1].is_conflict = true;
	diff->out->conflicts++;
}

static void want(struct diff *diff, const struct nl_object *object)
{
	size_t first = lower_bound(diff, object);
	size_t end = same_key(diff, first, object);

	for (size_t i = first; i < end; i++) {
		if (!object_is_equal(&diff->items[i].object, object))
			continue;
		append(diff, RECONCILE_SEEN, object);
		clear_range(diff, first, end, &diff->items[i]);
		return;
	}
	want_missing(diff, object, first, end);
}

static void mark_wanted(struct diff *diff, const struct plan *wanted)
{
	for (size_t w = 0; w < wanted->count; w++) {
		const struct nl_object *object = &wanted->objects[w];
		size_t first = lower_bound(diff, object);
		size_t end = same_key(diff, first, object);

		/* One that only changes is removed when its time comes. */
		for (size_t i = first; i < end; i++)
			diff->items[i].is_done = true;
	}
}

static void remove_rank(struct diff *diff, enum plan_rank rank)
{
	for (size_t i = 0; i < diff->item_count; i++) {
		struct item *item = &diff->items[i];

		if (item->is_done || !object_is_ours(&item->object) ||
		    plan_rank_of(&item->object) != rank)
			continue;
		append(diff, RECONCILE_REMOVED, &item->object);
		item->is_done = true;
	}
}

static void report_foreign_routes(struct diff *diff)
{
	for (size_t i = 0; i < diff->item_count; i++) {
		const struct nl_object *object = &diff->items[i].object;

		if (!diff->items[i].is_done &&
		    object->kind == NL_OBJECT_ROUTE &&
		    !object_is_ours(object) &&
		    is_our_table(object->route.table))
			append(diff, RECONCILE_FOREIGN, object);
	}
}

int reconcile_make(struct reconcile *reconcile, const struct plan *wanted,
		   const struct nl_state *found)
{
	static const struct plan nothing = {0};
	struct diff diff = {.out = reconcile};
	int ret;

	if (!wanted)
		wanted = &nothing;
	memset(reconcile, 0, sizeof(*reconcile));
	ret = collect(&diff, found, wanted->is_in_main);
	if (ret < 0)
		return ret;
	mark_wanted(&diff, wanted);
	for (int r = PLAN_RANK_CAPTURE; r >= (int)PLAN_RANK_STAY; r--)
		remove_rank(&diff, (enum plan_rank)r);
	for (size_t i = 0; i < wanted->count; i++)
		want(&diff, &wanted->objects[i]);
	for (int r = PLAN_RANK_CAPTURE; r >= (int)PLAN_RANK_EXIT_TABLE; r--)
		remove_rank(&diff, (enum plan_rank)r);
	report_foreign_routes(&diff);
	free(diff.items);
	if (diff.error)
		reconcile_fini(reconcile);
	return diff.error;
}

void reconcile_fini(struct reconcile *reconcile)
{
	free(reconcile->entries);
	memset(reconcile, 0, sizeof(*reconcile));
}

const char *reconcile_word(enum reconcile_verdict verdict)
{
	switch (verdict) {
	case RECONCILE_SEEN:
		return "seen";
	case RECONCILE_ADDED:
		return "added";
	case RECONCILE_REMOVED:
		return "removed";
	case RECONCILE_FOREIGN:
		return "foreign";
	}
	return "";
}

bool reconcile_is_step(const struct reconcile_entry *entry)
{
	return entry->verdict == RECONCILE_ADDED ||
	       entry->verdict == RECONCILE_REMOVED;
}
