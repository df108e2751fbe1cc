// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prefixes either nest or are apart.  So a walk over them in the order of
 * their first addresses, wider ones first, needs a stack of those that it is
 * inside of: each knows the earliest rule of itself and of all around it.  A
 * range begins where a prefix begins or ends.
 *
 * The starts lie apart from the hits: a search touches nothing else.  Where
 * there are many, a table of the first bits of an IPv4 address tells between
 * which two of them to search.
 */
#include "common/rules/prefix_index.h"

#include "common/rules/span.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define JUMP_RANGES_MIN 64 /* fewer are searched as fast */
#define JUMP_BITS_MIN 8
#define JUMP_BITS_MAX 16
#define DEPTH_MAX 130 /* of nested prefixes: one a length, and the outside */

struct item {
	struct span span;
	struct rule_hit hit;
};

struct prefix_index {
	struct item *items; /* owned; until sealed */
	size_t count, room;
	bool is_sealed;
	struct point *starts;  /* owned; of the ranges, in order */
	struct rule_hit *hits; /* owned; of the ranges */
	size_t range_count;
	/*
	 * The last range that begins at or before `i << (32 - jump_bits)` of
	 * IPv4, and one entry more for the end; owned; NULL: there is none.
	 */
	uint32_t *jump;
	unsigned jump_bits;
};

struct prefix_index *prefix_index_new(void)
{
	return calloc(1, sizeof(struct prefix_index));
}

void prefix_index_free(struct prefix_index *index)
{
	if (!index)
		return;
	free(index->items);
	free(index->starts);
	free(index->hits);
	free(index->jump);
	free(index);
}

static int add(struct prefix_index *index, struct span span,
	       struct rule_hit hit)
{
	if (index->count == index->room) {
		/* Most are those of a rule with one prefix. */
		size_t room = index->room ? index->room * 2 : 1;
		struct item *items =
			reallocarray(index->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		index->items = items;
		index->room = room;
	}
	index->items[index->count++] = (struct item){span, hit};
	return 0;
}

int prefix_index_add(struct prefix_index *index, const struct prefix *prefix,
		     struct rule_hit hit)
{
	struct span spans[2];
	size_t count = span_split(prefix, spans);
	int ret = 0;

	assert(!index->is_sealed);
	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = add(index, spans[i], hit);
	return ret;
}

static int compare_hits(struct rule_hit a, struct rule_hit b)
{
	if (a.rule != b.rule)
		return a.rule < b.rule ? -1 : 1;
	return a.line < b.line ? -1 : a.line > b.line;
}

static int compare(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	int order = point_compare(a->span.first, b->span.first);

	if (order == 0)
		order = point_compare(b->span.last, a->span.last);
	return order ? order : compare_hits(a->hit, b->hit);
}

/* A range begins; it is none if it says what the one before it says. */
static void begin_range(struct prefix_index *index, struct point start,
			struct rule_hit hit)
{
	size_t count = index->range_count;

	if (count > 0 && point_compare(index->starts[count - 1], start) == 0)
		count--;
	if (count > 0 && compare_hits(index->hits[count - 1], hit) == 0) {
		index->range_count = count;
		return;
	}
	index->starts[count] = start;
	index->hits[count] = hit;
	index->range_count = count + 1;
}

/* Ends those on the stack that end before `first`, innermost first. */
static size_t leave(struct prefix_index *index, struct item *stack,
		    size_t depth, struct point first)
{
	while (depth > 1 &&
	       point_compare(stack[depth - 1].span.last, first) < 0) {
		depth--;
		begin_range(index, point_after(stack[depth].span.last),
			    stack[depth - 1].hit);
	}
	return depth;
}

static void make_ranges(struct prefix_index *index)
{
	struct item stack[DEPTH_MAX] = {{span_of_all(), {RULE_NONE, 0}}};
	const struct point end = span_of_all().last;
	size_t depth = 1;

	begin_range(index, stack[0].span.first, stack[0].hit);
	for (size_t i = 0; i < index->count; i++) {
		const struct item *item = &index->items[i];

		depth = leave(index, stack, depth, item->span.first);
		/* One that an earlier or the same rule has around it. */
		if (item->hit.rule >= stack[depth - 1].hit.rule)
			continue;
		assert(depth < DEPTH_MAX);
		stack[depth++] = *item;
		begin_range(index, item->span.first, item->hit);
	}
	/* What ends with the line has nothing behind it. */
	while (depth > 1 && point_compare(stack[depth - 1].span.last, end) == 0)
		depth--;
	(void)leave(index, stack, depth, end);
}

/* Of the `size` ranges from `low` on, the last that begins at or before it. */
static size_t search(const struct prefix_index *index, struct point point,
		     size_t low, size_t size)
{
	while (size > 1) {
		size_t half = size / 2;

		low += point_compare(index->starts[low + half], point) <= 0
			       ? half
			       : 0;
		size -= half;
	}
	return low;
}

/* About four ranges an entry; without memory for it, it goes without. */
static void make_jump(struct prefix_index *index)
{
	unsigned bits = JUMP_BITS_MIN;
	uint32_t count;

	while (bits < JUMP_BITS_MAX && (size_t)4 << bits < index->range_count)
		bits++;
	count = UINT32_C(1) << bits;
	if (index->range_count < JUMP_RANGES_MIN)
		return;
	index->jump = calloc(count + 1U, sizeof(*index->jump));
	if (!index->jump)
		return;
	index->jump_bits = bits;
	for (uint32_t i = 0; i <= count; i++) {
		uint32_t first = i < count ? i << (32 - bits) : UINT32_MAX;
		struct addr addr = addr_ipv4(first);

		index->jump[i] = (uint32_t)search(index, point_of(&addr), 0,
						  index->range_count);
	}
}

int prefix_index_seal(struct prefix_index *index)
{
	size_t room = 2 * index->count + 1;
	struct point *starts;
	struct rule_hit *hits;

	assert(!index->is_sealed);
	if (index->count > 0)
		qsort(index->items, index->count, sizeof(*index->items),
		      compare);
	index->starts = calloc(room, sizeof(*index->starts));
	index->hits = calloc(room, sizeof(*index->hits));
	if (!index->starts || !index->hits)
		return -ENOMEM;
	make_ranges(index);
	free(index->items);
	index->items = NULL;
	starts = reallocarray(index->starts, index->range_count,
			      sizeof(*starts));
	hits = reallocarray(index->hits, index->range_count, sizeof(*hits));
	index->starts = starts ? starts : index->starts;
	index->hits = hits ? hits : index->hits;
	make_jump(index);
	index->is_sealed = true;
	return 0;
}

bool prefix_index_find(const struct prefix_index *index,
		       const struct addr *addr, struct rule_hit *hit)
{
	size_t low = 0, size = index->range_count;

	assert(index->is_sealed);
	if (index->jump && addr->family == ADDR_IPV4) {
		uint32_t at = addr_to_ipv4(addr) >> (32 - index->jump_bits);

		low = index->jump[at];
		size = index->jump[at + 1] - low + 1;
	}
	low = search(index, point_of(addr), low, size);
	if (index->hits[low].rule == RULE_NONE)
		return false;
	*hit = index->hits[low];
	return true;
}

struct prefix_range *prefix_index_ranges(const struct prefix_index *index,
					 size_t *count)
{
	struct prefix_range *ranges =
		calloc(index->range_count, sizeof(*ranges));

	assert(index->is_sealed);
	*count = 0;
	for (size_t i = 0; ranges && i < index->range_count; i++) {
		struct span span = {index->starts[i], span_of_all().last};

		if (index->hits[i].rule == RULE_NONE)
			continue;
		if (i + 1 < index->range_count)
			span.last = point_before(index->starts[i + 1]);
		ranges[(*count)++] =
			(struct prefix_range){span, index->hits[i].rule};
	}
	return ranges;
}
