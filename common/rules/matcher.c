// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/matcher.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void matcher_init(struct matcher *matcher, struct load *load)
{
	*matcher = (struct matcher){.load = load, .is_apart = true};
}

void matcher_share(struct matcher *matcher, struct name_index *names,
		   struct text_index *texts, struct prefix_index *prefixes,
		   uint32_t rule)
{
	assert(!matcher->names && !matcher->texts && !matcher->prefixes);
	matcher->names = names;
	matcher->texts = texts;
	matcher->prefixes = prefixes;
	matcher->is_apart = false;
	matcher->rule = rule;
}

void matcher_fini(struct matcher *matcher)
{
	for (size_t i = 0; i < matcher->condition_count; i++)
		condition_fini(&matcher->conditions[i]);
	free(matcher->conditions);
	prefix_index_free(matcher->sources);
	if (matcher->is_apart) {
		name_index_free(matcher->names);
		text_index_free(matcher->texts);
		prefix_index_free(matcher->prefixes);
	}
	*matcher = (struct matcher){0};
}

struct matcher *matcher_new(struct load *load)
{
	struct matcher *matcher = malloc(sizeof(*matcher));

	if (matcher)
		matcher_init(matcher, load);
	return matcher;
}

void matcher_free(struct matcher *matcher)
{
	if (!matcher)
		return;
	matcher_fini(matcher);
	free(matcher);
}

int matcher_expect(struct matcher *matcher, size_t names)
{
	if (!matcher->names)
		matcher->names = name_index_new();
	return matcher->names ? name_index_expect(matcher->names, names)
			      : -ENOMEM;
}

int matcher_add_name(struct matcher *matcher, const struct name *name,
		     unsigned kinds, uint32_t line)
{
	struct rule_hit hit = {matcher->rule, line};

	if (!matcher->names)
		matcher->names = name_index_new();
	if (!matcher->names)
		return -ENOMEM;
	matcher->has_names = true;
	matcher->entry_count++;
	return name_index_add(matcher->names, name, kinds, hit);
}

static int add_text(struct matcher *matcher, struct condition *condition,
		    uint32_t line)
{
	struct rule_hit hit = {matcher->rule, line};

	if (!matcher->texts)
		matcher->texts = text_index_new();
	if (!matcher->texts) {
		condition_fini(condition);
		return -ENOMEM;
	}
	matcher->has_names = true;
	matcher->entry_count++;
	return text_index_add(matcher->texts, condition, hit);
}

int matcher_add_condition(struct matcher *matcher, struct condition *condition,
			  uint32_t line)
{
	if (condition_is_of_name(condition))
		return add_text(matcher, condition, line);
	if (matcher->condition_count == matcher->condition_room) {
		size_t room = matcher->condition_room == 0
				      ? 1
				      : matcher->condition_room * 2;
		struct condition *conditions;

		conditions = reallocarray(matcher->conditions, room,
					  sizeof(*conditions));
		if (!conditions) {
			condition_fini(condition);
			return -ENOMEM;
		}
		matcher->conditions = conditions;
		matcher->condition_room = room;
	}
	condition->line = line;
	matcher->conditions[matcher->condition_count++] = *condition;
	matcher->entry_count++;
	return 0;
}

struct prefix_index *matcher_prefixes(struct matcher *matcher, bool is_source)
{
	struct prefix_index **index =
		is_source ? &matcher->sources : &matcher->prefixes;

	if (!*index)
		*index = prefix_index_new();
	return *index;
}

int matcher_seal(struct matcher *matcher)
{
	int ret = 0;

	matcher->load = NULL;
	if (matcher->sources)
		ret = prefix_index_seal(matcher->sources);
	if (ret == 0 && matcher->is_apart && matcher->prefixes)
		ret = prefix_index_seal(matcher->prefixes);
	if (ret == 0 && matcher->is_apart && matcher->names)
		ret = name_index_seal(matcher->names);
	if (ret == 0 && matcher->is_apart && matcher->texts)
		ret = text_index_seal(matcher->texts);
	for (size_t i = 0; ret == 0 && i < matcher->condition_count; i++) {
		if (matcher->conditions[i].type == CONDITION_LOGIC)
			ret = logic_seal(matcher->conditions[i].logic);
	}
	return ret;
}

bool matcher_is_asked(const struct matcher *matcher)
{
	return matcher->condition_count > 0 || matcher->sources ||
	       (matcher->is_apart &&
		(matcher->names || matcher->texts || matcher->prefixes));
}

bool matcher_resolves(const struct matcher *matcher)
{
	bool resolves = matcher->resolves;

	for (size_t i = 0; i < matcher->condition_count; i++) {
		const struct condition *condition = &matcher->conditions[i];

		if (condition->type == CONDITION_LOGIC)
			resolves |= logic_resolves(condition->logic);
	}
	return resolves;
}

static bool is_in(const struct prefix_index *index, const struct addr *addr,
		  uint32_t *line)
{
	struct rule_hit hit;

	if (!prefix_index_find(index, addr, &hit))
		return false;
	*line = hit.line;
	return true;
}

static enum answer ask_prefixes(const struct matcher *matcher,
				const struct asked *asked, uint32_t *line)
{
	const struct facts *facts = asked->facts;

	if (facts->dst.family != ADDR_NONE)
		return matcher->is_apart && matcher->prefixes &&
				       is_in(matcher->prefixes, &facts->dst,
					     line)
			       ? ANSWER_YES
			       : ANSWER_NO;
	/* Without a name there is nothing to resolve. */
	if (matcher->resolves && facts->name)
		return asked_unknown(asked, ANSWER_NEEDS_ADDRESS);
	return ANSWER_NO;
}

static enum answer ask_sources(const struct matcher *matcher,
			       struct asked *asked, uint32_t *line)
{
	if (!matcher->sources)
		return ANSWER_NO;
	if (!asked_has_source(asked))
		return asked_unknown(asked, ANSWER_NEEDS_FLOW);
	return is_in(matcher->sources, &asked->facts->src, line) ? ANSWER_YES
								 : ANSWER_NO;
}

static enum answer ask_names(const struct matcher *matcher, struct asked *asked,
			     uint32_t *line)
{
	const struct name *name = asked->facts->name;
	struct rule_hit hit;

	if (!matcher->has_names)
		return ANSWER_NO;
	if (!name)
		return asked_nameless(asked);
	if (!matcher->is_apart)
		return ANSWER_NO;
	if (!(matcher->names && name_index_find(matcher->names, name, &hit)) &&
	    !(matcher->texts &&
	      text_index_find(matcher->texts, asked, RULE_NONE, &hit)))
		return ANSWER_NO;
	*line = hit.line;
	return ANSWER_YES;
}

enum answer matcher_ask(const struct matcher *matcher, struct asked *asked,
			uint32_t *line)
{
	enum answer sum = ask_names(matcher, asked, line);

	if (sum != ANSWER_YES)
		sum = answer_or(sum, ask_prefixes(matcher, asked, line));
	if (sum != ANSWER_YES)
		sum = answer_or(sum, ask_sources(matcher, asked, line));
	for (size_t i = 0; sum != ANSWER_YES && i < matcher->condition_count;
	     i++)
		sum = answer_or(sum, condition_ask(&matcher->conditions[i],
						   asked, line));
	return sum;
}
