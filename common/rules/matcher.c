// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/matcher.h"

#include "common/err.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void matcher_init(struct matcher *matcher, struct name_index *names,
		  uint32_t rule)
{
	*matcher = (struct matcher){.names = names, .rule = rule};
}

void matcher_fini(struct matcher *matcher)
{
	for (size_t i = 0; i < matcher->condition_count; i++)
		condition_fini(&matcher->conditions[i]);
	free(matcher->conditions);
	prefix_set_fini(&matcher->prefixes);
	*matcher = (struct matcher){0};
}

static int tell(const struct rule_place *place, const char *text,
		const char *expected)
{
	diag_error(PLACE_ARGS(place), "'%s' is wrong, expected %s", text,
		   expected);
	return ERR_CONFIG;
}

/*
 * A name may have any byte, but in a rule the odd ones come from other kinds
 * of lists ("||example.com^", "full:example.com") and would never match.
 * Whoever means them can escape them.
 */
static bool has_odd_character(const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			return false;
		if ((uint8_t)*text < 0x80 && !isalnum((uint8_t)*text) &&
		    !strchr(".-_*", *text))
			return true;
	}
	return false;
}

static int parse_name(struct name *name, const char *text)
{
	return has_odd_character(text) ? -EINVAL : name_parse(name, text);
}

static int tell_name(int err, const struct rule_place *place, const char *text)
{
	if (err == ERR_MALFORMED) {
		diag_error(PLACE_ARGS(place),
			   "'%s' is not ASCII, write it in punycode (xn--...)",
			   text);
		return ERR_CONFIG;
	}
	return tell(place, text, "a domain name such as example.com");
}

/* Takes the condition; frees it when there is no room. */
static int add_condition(struct matcher *matcher, struct condition *condition,
			 uint32_t line)
{
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
	return 0;
}

static int add_name(struct matcher *matcher, const struct name *name,
		    unsigned kinds, uint32_t line)
{
	struct name_hit hit = {matcher->rule, line};

	return name_index_add(matcher->names, name, kinds, hit);
}

/* DOMAIN and DOMAIN-SUFFIX: a name and nothing else. */
static int add_plain_name(struct matcher *matcher,
			  const struct matcher_entry *entry,
			  const struct rule_place *place)
{
	bool is_suffix = entry->type == RULE_DOMAIN_SUFFIX;
	const char *text = entry->argument;
	struct name name;
	struct addr addr;
	int ret;

	if (strchr(text, '*') || strncmp(text, "+.", 2) == 0)
		return tell(place, text,
			    "a name without wildcards: "
			    "DOMAIN-SUFFIX,example.com is that name and all "
			    "below it");
	/* Other programs write ".example.com"; nothing else can be meant. */
	if (is_suffix && text[0] == '.' && text[1] != '\0')
		text++;
	ret = parse_name(&name, text);
	if (ret < 0)
		return tell_name(ret, place, entry->argument);
	if (addr_parse(&addr, text) == 0)
		diag_warning(PLACE_ARGS(place),
			     "'%s' is an address, which no name matches; "
			     "IP-CIDR is meant?",
			     text);
	return add_name(matcher, &name, is_suffix ? NAME_SUFFIX : NAME_ITSELF,
			entry->line);
}

static int add_keyword(struct matcher *matcher,
		       const struct matcher_entry *entry,
		       const struct rule_place *place)
{
	struct condition condition;
	int ret = condition_init_keyword(&condition, entry->argument);

	if (ret == -ENOMEM)
		return ret;
	if (ret < 0)
		return tell_name(ret, place, entry->argument);
	return add_condition(matcher, &condition, entry->line);
}

static int add_prefix(struct matcher *matcher,
		      const struct matcher_entry *entry,
		      const struct rule_place *place)
{
	char text[PREFIX_TEXT_SIZE];
	struct prefix prefix;
	int ret = prefix_parse_masked(&prefix, entry->argument);

	if (ret < 0)
		return tell(place, entry->argument,
			    "a prefix such as 10.0.0.0/8 or 2001:db8::/32");
	if (ret > 0)
		diag_warning(PLACE_ARGS(place), "'%s' is taken as %s",
			     entry->argument,
			     prefix_format(&prefix, text, sizeof(text)));
	if (!entry->is_no_resolve)
		matcher->resolves = true;
	return prefix_set_add(&matcher->prefixes, &prefix, entry->line);
}

static int add_ports(struct matcher *matcher, const struct matcher_entry *entry,
		     const struct rule_place *place)
{
	struct condition condition;
	int ret = condition_init_ports(&condition, entry->argument);

	if (ret == -ENOMEM)
		return ret;
	if (ret < 0)
		return tell(place, entry->argument,
			    "ports such as 443, 80/443 or 8000-9000");
	return add_condition(matcher, &condition, entry->line);
}

static int add_network(struct matcher *matcher,
		       const struct matcher_entry *entry,
		       const struct rule_place *place)
{
	struct condition condition;

	if (condition_init_network(&condition, entry->argument) < 0)
		return tell(place, entry->argument, "tcp or udp");
	return add_condition(matcher, &condition, entry->line);
}

int matcher_add(struct matcher *matcher, const struct matcher_entry *entry,
		const struct rule_place *place)
{
	struct condition any;

	switch (entry->type) {
	case RULE_DOMAIN:
	case RULE_DOMAIN_SUFFIX:
		return add_plain_name(matcher, entry, place);
	case RULE_DOMAIN_KEYWORD:
		return add_keyword(matcher, entry, place);
	case RULE_IP_CIDR:
		return add_prefix(matcher, entry, place);
	case RULE_DST_PORT:
		return add_ports(matcher, entry, place);
	case RULE_NETWORK:
		return add_network(matcher, entry, place);
	case RULE_MATCH:
		condition_init_any(&any);
		return add_condition(matcher, &any, entry->line);
	case RULE_SET:
		break;
	}
	assert(!"a list is no entry");
	return -EINVAL;
}

/* Takes the mark of the kind off the front of a word. */
static unsigned take_kinds(const char **text)
{
	const char *word = *text;

	if (word[0] == '+' && (word[1] == '.' || word[1] == '\0')) {
		*text += word[1] ? 2 : 1;
		return NAME_SUFFIX;
	}
	if (word[0] == '.') {
		*text += 1;
		return NAME_BELOW;
	}
	if (word[0] == '*' && word[1] == '.' && !strchr(word + 1, '*')) {
		*text += 2;
		return NAME_CHILD;
	}
	return NAME_ITSELF;
}

/* Wildcards stand for whole labels. */
static bool has_odd_wildcard(const char *text)
{
	size_t length;

	for (; *text; text += length + (text[length] == '.')) {
		length = strcspn(text, ".");
		if (length > 1 && memchr(text, '*', length))
			return true;
	}
	return false;
}

static int add_pattern(struct matcher *matcher,
		       const struct matcher_entry *entry,
		       const struct rule_place *place)
{
	const char *text = entry->argument;
	unsigned kinds = take_kinds(&text);
	struct condition condition;
	struct name name;
	int ret;

	if (has_odd_wildcard(text))
		return tell(place, entry->argument,
			    "'*' as a whole label: *.example.com");
	/* "+" alone is everything there is: all below the root. */
	if (strcmp(entry->argument, "+") == 0)
		text = ".";
	ret = parse_name(&name, text);
	if (ret == ERR_MALFORMED)
		return tell_name(ret, place, entry->argument);
	if (ret < 0)
		return tell(place, entry->argument,
			    "a name such as example.com or +.example.com, or "
			    "a prefix such as 10.0.0.0/8");
	if (!strchr(text, '*'))
		return add_name(matcher, &name, kinds, entry->line);
	ret = condition_init_wildcard(&condition, &name, kinds);
	if (ret < 0)
		return ret;
	return add_condition(matcher, &condition, entry->line);
}

int matcher_add_word(struct matcher *matcher, const struct matcher_entry *entry,
		     const struct rule_place *place)
{
	struct prefix prefix;

	if (prefix_parse_masked(&prefix, entry->argument) >= 0)
		return add_prefix(matcher, entry, place);
	return add_pattern(matcher, entry, place);
}

void matcher_seal(struct matcher *matcher)
{
	prefix_set_seal(&matcher->prefixes);
}

bool matcher_is_asked(const struct matcher *matcher)
{
	return matcher->prefixes.count > 0 || matcher->condition_count > 0;
}

static enum answer ask_prefixes(const struct matcher *matcher,
				const struct facts *facts, uint32_t *line)
{
	const struct prefix_entry *entry;

	if (facts->dst.family == ADDR_NONE) {
		/* Without a name there is nothing to resolve. */
		if (matcher->resolves && facts->name && !facts->is_final)
			return ANSWER_NEEDS_ADDRESS;
		return ANSWER_NO;
	}
	entry = prefix_set_find(&matcher->prefixes, &facts->dst);
	if (!entry)
		return ANSWER_NO;
	*line = entry->line;
	return ANSWER_YES;
}

enum answer matcher_ask(const struct matcher *matcher, struct asked *asked,
			uint32_t *line)
{
	enum answer needs = ask_prefixes(matcher, asked->facts, line);

	if (needs == ANSWER_YES)
		return ANSWER_YES;
	for (size_t i = 0; i < matcher->condition_count; i++) {
		enum answer answer;

		answer = condition_ask(&matcher->conditions[i], asked);
		if (answer == ANSWER_YES) {
			*line = matcher->conditions[i].line;
			return ANSWER_YES;
		}
		/* An address is had without a flow, so it is asked first. */
		if (needs == ANSWER_NO)
			needs = answer;
	}
	return needs;
}
