// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a decision is made.  The name index tells the earliest rule that has the
 * name; only the rules before that one which ask for something else than
 * names ("walked") are asked, in order.  The first that matches, or else the
 * rule of the index, decides.
 *
 * A rule that needs more does not end the walk: what comes after it tells
 * where the way would lead if it did not match.  If all these ways lead to
 * the same outbound, nothing more needs to be known.
 *
 * A rule whose outbound is PASS changes nothing, matched or not.  It is asked
 * only to explain, so its names stay out of the index, in one of its own.
 */
#include "common/rules.h"

#include "common/arena.h"
#include "common/err.h"
#include "common/rules/list.h"
#include "common/rules/matcher.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct rule rule;
	struct matcher matcher;
	bool is_any;                  /* MATCH */
	const char *list_file;        /* NULL: no RULE-SET */
	struct name_index *own_names; /* owned; with PASS only */
};

struct rules {
	struct entry *entries; /* owned */
	size_t count, room;
	struct name_index *names; /* owned */
	struct arena texts;
	bool has_end;      /* a MATCH: nothing after it is reached */
	unsigned end_line; /* where it stands */
	bool is_end_told;
	bool is_broken; /* a rule was left out */
	bool is_sealed;
	/* Indexes of entries, in order. */
	uint32_t *every;  /* owned */
	uint32_t *walked; /* owned; that names alone do not decide */
	size_t walked_count;
};

struct rules *rules_new(void)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return NULL;
	rules->names = name_index_new();
	if (!rules->names)
		goto free_rules;
	return rules;

free_rules:
	free(rules);
	return NULL;
}

static void entry_fini(struct entry *entry)
{
	matcher_fini(&entry->matcher);
	name_index_free(entry->own_names);
}

void rules_free(struct rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->count; i++)
		entry_fini(&rules->entries[i]);
	free(rules->walked);
	free(rules->every);
	free(rules->entries);
	arena_fini(&rules->texts);
	name_index_free(rules->names);
	free(rules);
}

size_t rules_count(const struct rules *rules)
{
	return rules->count;
}

const struct rule *rules_at(const struct rules *rules, size_t index)
{
	assert(index < rules->count);
	return &rules->entries[index].rule;
}

/* The path of a list, beginning at the folder of the file that names it. */
static const char *list_path(struct rules *rules, const char *file,
			     const char *path)
{
	const char *slash = strrchr(file, '/');
	size_t folder = slash ? (size_t)(slash - file) + 1 : 0;
	size_t length = strlen(path);
	char *joined;

	if (path[0] == '/')
		folder = 0;
	joined = arena_alloc(&rules->texts, folder + length + 1);
	if (!joined)
		return NULL;
	memcpy(joined, file, folder);
	memcpy(joined + folder, path, length);
	return joined;
}

/* Fills the matcher: from a list, or with the one argument. */
static int fill(struct rules *rules, struct entry *entry,
		const struct rule_parts *parts)
{
	struct matcher_entry one = {
		.type = parts->type,
		.argument = parts->argument,
		.is_no_resolve = parts->is_no_resolve,
	};
	int ret;

	if (parts->type == RULE_SET) {
		entry->list_file =
			list_path(rules, entry->rule.file, parts->argument);
		if (!entry->list_file)
			return -ENOMEM;
		ret = list_load(&entry->matcher, entry->list_file,
				parts->is_no_resolve, &parts->argument_place);
	} else {
		ret = matcher_add(&entry->matcher, &one,
				  &parts->argument_place);
	}
	matcher_seal(&entry->matcher);
	return ret;
}

static int entry_init(struct rules *rules, struct entry *entry,
		      const struct rule_parts *parts, const char *text,
		      const struct rule_place *place)
{
	struct name_index *names = rules->names;
	int ret;

	*entry = (struct entry){
		.rule =
			{
				.file = arena_text(&rules->texts, place->file,
						   strlen(place->file)),
				.line = place->line,
				.text = arena_text(&rules->texts, text,
						   strlen(text)),
				.outbound = parts->outbound,
				.upstream = parts->upstream,
			},
		.is_any = parts->type == RULE_MATCH,
	};
	if (!entry->rule.file || !entry->rule.text)
		return -ENOMEM;
	if (parts->outbound == OUTBOUND_PASS) {
		entry->own_names = name_index_new();
		if (!entry->own_names)
			return -ENOMEM;
		names = entry->own_names;
	}
	matcher_init(&entry->matcher, names, (uint32_t)rules->count);
	ret = fill(rules, entry, parts);
	if (ret < 0)
		entry_fini(entry);
	entry->rule.looks_up =
		entry->matcher.resolves && parts->outbound != OUTBOUND_PASS;
	return ret;
}

static int make_room(struct rules *rules)
{
	size_t room = rules->room == 0 ? 16 : rules->room * 2;
	struct entry *entries;

	if (rules->count < rules->room)
		return 0;
	if (room > NAME_INDEX_RULE_MAX)
		return -EFBIG;
	entries = reallocarray(rules->entries, room, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	rules->entries = entries;
	rules->room = room;
	return 0;
}

/* Tells, once, that a rule stands behind one that matches everything. */
static void check_reach(struct rules *rules, const struct rule_parts *parts,
			const struct rule_place *place)
{
	if (rules->has_end && !rules->is_end_told) {
		diag_warning(PLACE_ARGS(place),
			     "rule is never reached, MATCH in line %u comes "
			     "before it",
			     rules->end_line);
		rules->is_end_told = true;
	}
	if (!rules->has_end && parts->type == RULE_MATCH &&
	    parts->outbound != OUTBOUND_PASS) {
		rules->has_end = true;
		rules->end_line = place->line;
	}
}

static int add(struct rules *rules, const char *text,
	       const struct rules_names *names, const struct rule_place *place)
{
	char copy[RULE_TEXT_MAX + 1];
	struct rule_parts parts;
	size_t length = strlen(text);
	int ret;

	if (length > RULE_TEXT_MAX) {
		diag_error(PLACE_ARGS(place),
			   "rule is longer than %d bytes, expected one "
			   "argument (many go into a RULE-SET)",
			   RULE_TEXT_MAX);
		return ERR_CONFIG;
	}
	memcpy(copy, text, length + 1);
	ret = rule_parse(&parts, copy, names, place);
	if (ret < 0)
		return ret;
	ret = make_room(rules);
	if (ret < 0)
		return ret;
	ret = entry_init(rules, &rules->entries[rules->count], &parts, text,
			 place);
	if (ret < 0)
		return ret;
	rules->count++;
	check_reach(rules, &parts, place);
	return 0;
}

int rules_add(struct rules *rules, const char *text,
	      const struct rules_names *names, const struct rule_place *place)
{
	int ret;

	assert(!rules->is_sealed);
	ret = add(rules, text, names, place);
	if (ret < 0)
		rules->is_broken = true;
	return ret;
}

int rules_seal(struct rules *rules)
{
	size_t room = rules->count ? rules->count : 1;

	assert(!rules->is_sealed);
	if (rules->is_broken)
		return ERR_CONFIG;
	rules->every = calloc(room, sizeof(*rules->every));
	rules->walked = calloc(room, sizeof(*rules->walked));
	if (!rules->every || !rules->walked)
		goto free_orders;
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct entry *entry = &rules->entries[i];

		rules->every[i] = i;
		if (entry->rule.outbound != OUTBOUND_PASS &&
		    matcher_is_asked(&entry->matcher))
			rules->walked[rules->walked_count++] = i;
	}
	name_index_trim(rules->names);
	rules->is_sealed = true;
	return 0;

free_orders:
	free(rules->walked);
	free(rules->every);
	rules->walked = rules->every = NULL;
	return -ENOMEM;
}

/* One decision under way. */
struct walk {
	const uint32_t *order; /* which entries to look at */
	size_t length;
	rules_step_fn step; /* NULL: nobody wants to know */
	void *ctx;
	struct asked asked;
	/* The first rule that needs more, and whether all such agree. */
	const struct entry *waiting;
	enum answer needs;
	bool is_split;
};

static void tell(const struct walk *walk, const struct entry *entry,
		 enum rule_says says)
{
	if (walk->step)
		walk->step(walk->ctx, &entry->rule, says);
}

static void wait_for(struct walk *walk, const struct entry *entry,
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

static void explain_pass(struct walk *walk, const struct entry *entry)
{
	const struct name *name = walk->asked.facts->name;
	enum answer answer = ANSWER_NO;
	struct name_hit hit;
	uint32_t line;

	if (name && name_index_find(entry->own_names, name, &hit))
		answer = ANSWER_YES;
	else
		answer = matcher_ask(&entry->matcher, &walk->asked, &line);
	if (answer == ANSWER_YES)
		tell(walk, entry, RULE_SAYS_PASS);
	else if (answer == ANSWER_NO)
		tell(walk, entry, RULE_SAYS_NO);
	else
		tell(walk, entry, RULE_SAYS_NEEDS_MORE);
}

/* Asks the entries before the hit; one that matches becomes the hit. */
static bool ask_in_order(struct walk *walk, const struct rules *rules,
			 struct name_hit *hit)
{
	for (size_t i = 0; i < walk->length; i++) {
		const struct entry *entry = &rules->entries[walk->order[i]];
		enum answer answer;
		uint32_t line;

		if (walk->order[i] >= hit->rule)
			return false;
		if (entry->rule.outbound == OUTBOUND_PASS) {
			explain_pass(walk, entry);
			continue;
		}
		answer = matcher_ask(&entry->matcher, &walk->asked, &line);
		switch (answer) {
		case ANSWER_NO:
			tell(walk, entry, RULE_SAYS_NO);
			break;
		case ANSWER_YES:
			*hit = (struct name_hit){walk->order[i], line};
			return true;
		case ANSWER_NEEDS_ADDRESS:
		case ANSWER_NEEDS_FLOW:
			wait_for(walk, entry, answer);
			break;
		}
	}
	return false;
}

/* `entry` is the rule that matches, or NULL at the end of the list. */
static struct verdict conclude(const struct walk *walk,
			       const struct entry *entry, uint32_t line)
{
	int outbound = entry ? entry->rule.outbound : OUTBOUND_DIRECT;
	const struct entry *waiting = walk->waiting;

	if (waiting && (walk->is_split || waiting->rule.outbound != outbound))
		return (struct verdict){
			.kind = walk->needs == ANSWER_NEEDS_ADDRESS
					? VERDICT_NEEDS_ADDRESS
					: VERDICT_NEEDS_FLOW,
			.upstream = waiting->rule.upstream,
			.rule = &waiting->rule,
		};
	if (!entry)
		return (struct verdict){
			.kind = VERDICT_NO_RULE,
			.outbound = outbound,
			.upstream = UPSTREAM_DEFAULT,
		};
	return (struct verdict){
		.kind = VERDICT_MATCH,
		.outbound = outbound,
		.upstream = entry->rule.upstream,
		.rule = &entry->rule,
		.is_any = entry->is_any,
		.list_file = entry->list_file,
		.list_line = entry->list_file ? line : 0,
	};
}

static struct verdict decide(const struct rules *rules, struct walk *walk,
			     const struct facts *facts)
{
	struct name_hit hit = {UINT32_MAX, 0};
	const struct entry *entry = NULL;
	bool is_hit = false;

	assert(rules->is_sealed);
	assert(!facts->name || facts->name->length > 0);
	asked_init(&walk->asked, facts);
	if (facts->name)
		is_hit = name_index_find(rules->names, facts->name, &hit);
	is_hit |= ask_in_order(walk, rules, &hit);
	if (is_hit) {
		entry = &rules->entries[hit.rule];
		tell(walk, entry, RULE_SAYS_MATCH);
	}
	return conclude(walk, entry, hit.line);
}

struct verdict rules_decide(const struct rules *rules,
			    const struct facts *facts)
{
	struct walk walk;

	/* Member by member: the text within need not be cleared. */
	walk.order = rules->walked;
	walk.length = rules->walked_count;
	walk.step = NULL;
	walk.ctx = NULL;
	walk.waiting = NULL;
	walk.needs = ANSWER_NO;
	walk.is_split = false;
	return decide(rules, &walk, facts);
}

struct verdict rules_explain(const struct rules *rules,
			     const struct facts *facts, rules_step_fn fn,
			     void *ctx)
{
	struct walk walk = {
		.order = rules->every,
		.length = rules->count,
		.step = fn,
		.ctx = ctx,
	};

	return decide(rules, &walk, facts);
}
