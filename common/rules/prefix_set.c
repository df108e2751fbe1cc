// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/prefix_set.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void prefix_set_fini(struct prefix_set *set)
{
	free(set->entries);
	*set = (struct prefix_set){0};
}

int prefix_set_add(struct prefix_set *set, const struct prefix *prefix,
		   uint32_t line)
{
	assert(!set->is_sealed);
	if (set->count == set->room) {
		/* Most sets are those of a rule with one prefix. */
		size_t room = set->room == 0 ? 1 : set->room * 2;
		struct prefix_entry *entries;

		entries = reallocarray(set->entries, room, sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		set->entries = entries;
		set->room = room;
	}
	set->entries[set->count++] = (struct prefix_entry){*prefix, line};
	return 0;
}

/* By first address; of two with the same one the wider comes first. */
static int compare(const void *left, const void *right)
{
	const struct prefix_entry *a = left, *b = right;
	int order = addr_compare(&a->prefix.addr, &b->prefix.addr);

	if (order == 0)
		order = (int)a->prefix.length - (int)b->prefix.length;
	if (order == 0)
		order = a->line < b->line ? -1 : a->line > b->line;
	return order;
}

void prefix_set_seal(struct prefix_set *set)
{
	struct prefix_entry *entries;
	size_t kept = 0;

	set->is_sealed = true;
	if (set->count == 0)
		return;
	qsort(set->entries, set->count, sizeof(*set->entries), compare);
	for (size_t i = 1; i < set->count; i++) {
		if (!prefix_covers(&set->entries[kept].prefix,
				   &set->entries[i].prefix))
			set->entries[++kept] = set->entries[i];
	}
	set->count = kept + 1;
	entries = reallocarray(set->entries, set->count, sizeof(*entries));
	if (!entries)
		return;
	set->entries = entries;
	set->room = set->count;
}

const struct prefix_entry *prefix_set_find(const struct prefix_set *set,
					   const struct addr *addr)
{
	size_t low = 0, high = set->count;

	assert(set->is_sealed);
	/* The last prefix that does not begin after the address. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_compare(&set->entries[middle].prefix.addr, addr) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || !prefix_has(&set->entries[low - 1].prefix, addr))
		return NULL;
	return &set->entries[low - 1];
}
