// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a decision is made.  The indexes tell the earliest rule that has the
 * name, a text of it or the address; only the rules before that one which ask
 * for something else ("walked") are asked, in order.  The first that matches,
 * or else the rule of the indexes, decides.
 *
 * A rule that needs more does not end the walk: what comes after it tells
 * where the way would lead if it did not match.  If all these ways lead to
 * the same outbound, nothing more needs to be known.
 *
 * SUB-RULE is a walk within the walk.  Where its condition is not known, the
 * rules in there that match need more; the first that is sure to match ends
 * the inner list, and the outer one goes on.
 *
 * A rule whose outbound is PASS changes nothing, matched or not.  It is asked
 * only to explain, so its names stay out of the indexes, in some of its own.
 */
#include "common/rules/all.h"

#include <assert.h>

/* One decision under way. */
struct walk {
	rules_step_fn step; /* NULL: nobody wants to know */
	void *ctx;
	struct asked asked;
	/* The rule that matches, and where in a list. */
	const struct rule_entry *found;
	uint32_t line;
	bool is_any;
	/* The first rule that needs more, and whether all such agree. */
	const struct rule_entry *waiting;
	enum answer needs;
	bool is_split;
};

static void tell(const struct walk *walk, const struct rule_entry *entry,
		 enum rule_says says)
{
	if (walk->step)
		walk->step(walk->ctx, &entry->rule, says);
}

static void wait_for(struct walk *walk, const struct rule_entry *entry,
		     enum answer needs)
{
	if (!walk->waiting) {
		walk->waiting = entry;
		walk->needs = needs;
	} else if (walk->waiting->rule.outbound != entry->rule.outbound) {
		walk->is_split = true;
	}
	tell(walk, entry, RULE_SAYS_NEEDS_MORE);
}

/* A rule that will never be known does not match. */
static enum answer ask(struct walk *walk, const struct rule_entry *entry,
		       uint32_t *line)
{
	enum answer answer = matcher_ask(&entry->matcher, &walk->asked, line);

	return answer == ANSWER_UNKNOWN ? ANSWER_NO : answer;
}

static void explain_pass(struct walk *walk, const struct rule_entry *entry,
			 enum answer guard)
{
	uint32_t line = 0;

	switch (answer_and(guard, ask(walk, entry, &line))) {
	case ANSWER_YES:
		tell(walk, entry, RULE_SAYS_PASS);
		break;
	case ANSWER_NO:
		tell(walk, entry, RULE_SAYS_NO);
		break;
	case ANSWER_UNKNOWN:
	case ANSWER_NEEDS_FLOW:
	case ANSWER_NEEDS_ADDRESS:
		tell(walk, entry, RULE_SAYS_NEEDS_MORE);
		break;
	}
}

/* The earliest rule that the indexes have. */
static struct rule_hit find(const struct rule_list *list, struct asked *asked)
{
	const struct facts *facts = asked->facts;
	struct rule_hit hit = {RULE_NONE, 0}, other;

	if (facts->name)
		(void)name_index_find(list->names, facts->name, &hit);
	if (facts->dst.family != ADDR_NONE &&
	    prefix_index_find(list->prefixes, &facts->dst, &other) &&
	    other.rule < hit.rule)
		hit = other;
	if (facts->name &&
	    text_index_find(list->texts, asked, hit.rule, &other))
		hit = other;
	return hit;
}

/* A rule that is sure to match, if the guard lets it. */
static void conclude(struct walk *walk, const struct rule_list *list,
		     struct rule_hit hit, enum answer guard)
{
	const struct rule_entry *entry = &list->entries[hit.rule];

	if (guard != ANSWER_YES) {
		wait_for(walk, entry, guard);
		return;
	}
	walk->found = entry;
	walk->line = hit.line;
	walk->is_any = entry->is_any && !list->name;
	tell(walk, entry, RULE_SAYS_MATCH);
}

static bool walk_list(struct walk *walk, const struct rule_list *list,
		      enum answer guard);

/* The rules of a SUB-RULE, if its condition allows; true: one decides. */
static bool enter(struct walk *walk, const struct rule_entry *entry,
		  enum answer guard)
{
	uint32_t line = 0;
	enum answer condition = ask(walk, entry, &line);
	enum answer inner = answer_and(guard, condition);

	if (inner == ANSWER_NO) {
		tell(walk, entry, RULE_SAYS_NO);
		return false;
	}
	tell(walk, entry,
	     inner == ANSWER_YES ? RULE_SAYS_PASS : RULE_SAYS_NEEDS_MORE);
	return walk_list(walk, entry->sub, inner) && condition == ANSWER_YES;
}

/* The rules that are to be asked. */
struct order {
	const uint32_t *rules;
	size_t count;
};

static struct order order_of(const struct walk *walk,
			     const struct rule_list *list)
{
	if (walk->step)
		return (struct order){list->every, list->count};
	if (walk->asked.facts->is_name_askable)
		return (struct order){list->named, list->named_count};
	return (struct order){list->walked, list->walked_count};
}

/*
 * True if a rule of the list decides where the guard holds.  As deep as
 * SUB-RULEs go into each other, which rules_finish() bounds.
 */
static bool walk_list(struct walk *walk, const struct rule_list *list,
		      enum answer guard)
{
	const struct order order = order_of(walk, list);
	struct rule_hit hit = find(list, &walk->asked);

	for (size_t i = 0; i < order.count && order.rules[i] < hit.rule; i++) {
		const struct rule_entry *entry = &list->entries[order.rules[i]];
		enum answer answer;
		uint32_t line = 0;

		if (entry->sub_name) {
			if (enter(walk, entry, guard))
				return true;
			continue;
		}
		if (entry->rule.outbound == OUTBOUND_PASS) {
			explain_pass(walk, entry, guard);
			continue;
		}
		answer = ask(walk, entry, &line);
		if (answer == ANSWER_YES) {
			hit = (struct rule_hit){order.rules[i], line};
			break;
		}
		if (answer == ANSWER_NO)
			tell(walk, entry, RULE_SAYS_NO);
		else
			wait_for(walk, entry, answer_later(guard, answer));
	}
	if (hit.rule == RULE_NONE)
		return false;
	conclude(walk, list, hit, guard);
	return true;
}

static struct verdict verdict_of(const struct rules *rules,
				 const struct walk *walk)
{
	const struct rule_entry *found = walk->found, *waiting = walk->waiting;
	int outbound = found ? found->rule.outbound : OUTBOUND_DIRECT;
	const struct source *source;

	if (waiting && (walk->is_split || waiting->rule.outbound != outbound))
		return (struct verdict){
			.kind = walk->needs == ANSWER_NEEDS_ADDRESS
					? VERDICT_NEEDS_ADDRESS
					: VERDICT_NEEDS_FLOW,
			.upstream = waiting->rule.upstream,
			.rule = &waiting->rule,
		};
	if (!found)
		return (struct verdict){
			.kind = VERDICT_NO_RULE,
			.outbound = outbound,
			.upstream = UPSTREAM_DEFAULT,
		};
	source = sources_find(&rules->sources, walk->line);
	return (struct verdict){
		.kind = VERDICT_MATCH,
		.outbound = outbound,
		.upstream = found->rule.upstream,
		.rule = &found->rule,
		.is_any = walk->is_any,
		.list_file = source ? source->file : NULL,
		.list_line = source ? walk->line - source->before : 0,
	};
}

static struct verdict decide(const struct rules *rules, struct walk *walk,
			     const struct facts *facts)
{
	struct verdict verdict;

	assert(rules->is_sealed);
	assert(!facts->name || facts->name->length > 0);
	asked_init(&walk->asked, facts);
	(void)walk_list(walk, rules->lists[0], ANSWER_YES);
	verdict = verdict_of(rules, walk);
	verdict.is_personal = walk->asked.is_source_used;
	return verdict;
}

struct verdict rules_decide(const struct rules *rules,
			    const struct facts *facts)
{
	struct walk walk;

	/* Member by member: the text within need not be cleared. */
	walk.step = NULL;
	walk.ctx = NULL;
	walk.found = NULL;
	walk.line = 0;
	walk.is_any = false;
	walk.waiting = NULL;
	walk.needs = ANSWER_NO;
	walk.is_split = false;
	return decide(rules, &walk, facts);
}

struct verdict rules_explain(const struct rules *rules,
			     const struct facts *facts, rules_step_fn fn,
			     void *ctx)
{
	struct walk walk = {.step = fn, .ctx = ctx};

	return decide(rules, &walk, facts);
}
