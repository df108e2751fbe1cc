// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which destinations go DIRECT, whatever else there is to know?
 *
 * Of each rule it is worked out where it must match, by the address alone, and
 * where it may, if the rest is as it wants.  Then the rules are gone through
 * in order with the addresses that are still undecided.  A DIRECT rule takes
 * what it must match; any other one takes what it may match off the table.
 * Where a DIRECT rule only may match, what follows decides if it does not, and
 * that has to be DIRECT as well.
 *
 * Runs of rules that do the same to the table are taken together: a list of
 * ten thousand prefixes is one step, not ten thousand.
 */
#include "common/rules/all.h"

#include "common/rules/span.h"

#include <errno.h>
#include <stdlib.h>

/* What something must match, and what it may match. */
struct bounds {
	struct span_set must, may;
};

struct work {
	bool has_names;
	struct span_set undecided, direct;
	/* A run of rules that is not yet done. */
	struct span_set run;
	bool run_is_direct;
};

static void bounds_fini(struct bounds *bounds)
{
	span_set_fini(&bounds->must);
	span_set_fini(&bounds->may);
}

static int add_all(struct span_set *set)
{
	return span_set_add(set, span_of_all());
}

static int add_both(struct bounds *bounds, struct span span)
{
	int ret = span_set_add(&bounds->must, span);

	return ret < 0 ? ret : span_set_add(&bounds->may, span);
}

static void settle(struct bounds *bounds)
{
	span_set_settle(&bounds->must);
	span_set_settle(&bounds->may);
}

/* Puts what `fn` makes of the two into `a`. */
typedef int (*combine_fn)(struct span_set *out, const struct span_set *a,
			  const struct span_set *b);
static int combine(struct span_set *a, const struct span_set *b, combine_fn fn)
{
	struct span_set out = {0};
	int ret = fn(&out, a, b);

	span_set_fini(a);
	*a = out;
	return ret;
}

static int combine_bounds(struct bounds *a, const struct bounds *b,
			  combine_fn fn)
{
	int ret = combine(&a->must, &b->must, fn);

	return ret < 0 ? ret : combine(&a->may, &b->may, fn);
}

/* What may match does not where it must not. */
static int negate(struct bounds *bounds)
{
	struct bounds out = {{0}, {0}};
	int ret = span_set_complement(&out.must, &bounds->may);

	if (ret == 0)
		ret = span_set_complement(&out.may, &bounds->must);
	bounds_fini(bounds);
	*bounds = out;
	return ret;
}

static int bounds_of_matcher(struct bounds *bounds,
			     const struct matcher *matcher, bool has_names);

static int bounds_of_logic(struct bounds *bounds, const struct logic *logic,
			   bool has_names)
{
	combine_fn fn =
		logic->op == LOGIC_AND ? span_set_intersect : span_set_unite;
	int ret = 0;

	if (logic->op == LOGIC_AND)
		ret = add_both(bounds, span_of_all());
	for (size_t i = 0; ret == 0 && i < logic->count; i++) {
		struct bounds part = {{0}, {0}};

		ret = bounds_of_matcher(&part, logic->parts[i], has_names);
		if (ret == 0)
			ret = combine_bounds(bounds, &part, fn);
		bounds_fini(&part);
	}
	if (ret == 0 && logic->op == LOGIC_NOT)
		ret = negate(bounds);
	return ret;
}

static int add_condition(struct bounds *bounds,
			 const struct condition *condition, bool has_names)
{
	struct bounds inner = {{0}, {0}};
	int ret;

	if (condition->type == CONDITION_ANY)
		return add_both(bounds, span_of_all());
	if (condition->type != CONDITION_LOGIC)
		return has_names || !condition_is_of_name(condition)
			       ? add_all(&bounds->may)
			       : 0;
	ret = bounds_of_logic(&inner, condition->logic, has_names);
	for (size_t i = 0; ret == 0 && i < inner.must.count; i++)
		ret = span_set_add(&bounds->must, inner.must.spans[i]);
	for (size_t i = 0; ret == 0 && i < inner.may.count; i++)
		ret = span_set_add(&bounds->may, inner.may.spans[i]);
	bounds_fini(&inner);
	return ret;
}

/* All but the prefixes that are in an index of the whole list. */
static int add_own(struct bounds *bounds, const struct matcher *matcher,
		   bool has_names)
{
	struct prefix_range *ranges = NULL;
	size_t count = 0;
	int ret = 0;

	if (matcher->is_apart && matcher->prefixes) {
		ranges = prefix_index_ranges(matcher->prefixes, &count);
		if (!ranges)
			return -ENOMEM;
	}
	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = add_both(bounds, ranges[i].span);
	free(ranges);
	if (ret == 0 && (matcher->sources || (has_names && matcher->has_names)))
		ret = add_all(&bounds->may);
	for (size_t i = 0; ret == 0 && i < matcher->condition_count; i++)
		ret = add_condition(bounds, &matcher->conditions[i], has_names);
	return ret;
}

static int bounds_of_matcher(struct bounds *bounds,
			     const struct matcher *matcher, bool has_names)
{
	int ret = add_own(bounds, matcher, has_names);

	settle(bounds);
	return ret;
}

/* Does what the run of rules says to the table. */
static int end_run(struct work *work)
{
	struct span_set rest = {0}, taken = {0};
	int ret;

	span_set_settle(&work->run);
	ret = span_set_intersect(&taken, &work->undecided, &work->run);
	for (size_t i = 0; work->run_is_direct && ret == 0 && i < taken.count;
	     i++)
		ret = span_set_add(&work->direct, taken.spans[i]);
	if (ret == 0)
		ret = span_set_complement(&rest, &work->run);
	if (ret == 0)
		ret = combine(&work->undecided, &rest, span_set_intersect);
	span_set_fini(&rest);
	span_set_fini(&taken);
	span_set_fini(&work->run);
	return ret;
}

static int add_to_run(struct work *work, const struct bounds *bounds,
		      bool is_direct)
{
	const struct span_set *set = is_direct ? &bounds->must : &bounds->may;
	int ret = 0;

	if (is_direct != work->run_is_direct && work->run.count > 0)
		ret = end_run(work);
	work->run_is_direct = is_direct;
	for (size_t i = 0; ret == 0 && i < set->count; i++)
		ret = span_set_add(&work->run, set->spans[i]);
	return ret;
}

static int compare(const void *left, const void *right)
{
	const struct prefix_range *a = left, *b = right;

	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	return point_compare(a->span.first, b->span.first);
}

static int take_list(struct work *work, const struct rule_list *list,
		     const struct bounds *guard);

static int take_entry(struct work *work, const struct rule_entry *entry,
		      struct bounds *bounds, const struct bounds *guard)
{
	int ret = add_own(bounds, &entry->matcher, work->has_names);

	settle(bounds);
	if (ret == 0 && guard)
		ret = combine_bounds(bounds, guard, span_set_intersect);
	if (ret < 0)
		return ret;
	if (entry->sub)
		return take_list(work, entry->sub, bounds);
	if (entry->rule.outbound == OUTBOUND_PASS)
		return 0;
	return add_to_run(work, bounds,
			  entry->rule.outbound == OUTBOUND_DIRECT);
}

/* `guard` is the condition of the SUB-RULE that the list is of, or NULL. */
static int take_list(struct work *work, const struct rule_list *list,
		     const struct bounds *guard)
{
	struct prefix_range *ranges;
	size_t count, at = 0;
	int ret = 0;

	ranges = prefix_index_ranges(list->prefixes, &count);
	if (!ranges)
		return -ENOMEM;
	qsort(ranges, count, sizeof(*ranges), compare);
	for (size_t i = 0; ret == 0 && i < list->count; i++) {
		struct bounds bounds = {{0}, {0}};

		for (; ret == 0 && at < count && ranges[at].rule == i; at++)
			ret = add_both(&bounds, ranges[at].span);
		if (ret == 0)
			ret = take_entry(work, &list->entries[i], &bounds,
					 guard);
		bounds_fini(&bounds);
	}
	free(ranges);
	return ret;
}

int rules_direct_prefixes(const struct rules *rules, bool has_names,
			  rules_prefix_fn fn, void *ctx)
{
	struct work work = {.has_names = has_names};
	int ret = add_all(&work.undecided);

	if (ret == 0)
		ret = take_list(&work, rules->lists[0], NULL);
	if (ret == 0)
		ret = end_run(&work);
	/* Where no rule matches, DIRECT it is. */
	for (size_t i = 0; ret == 0 && i < work.undecided.count; i++)
		ret = span_set_add(&work.direct, work.undecided.spans[i]);
	span_set_settle(&work.direct);
	if (ret == 0)
		ret = span_set_each_prefix(&work.direct, fn, ctx);
	span_set_fini(&work.undecided);
	span_set_fini(&work.direct);
	span_set_fini(&work.run);
	return ret;
}
