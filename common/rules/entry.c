// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/entry.h"

#include "common/idn.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

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

static bool is_ascii(const char *text)
{
	for (; *text; text++) {
		if ((uint8_t)*text >= 0x80)
			return false;
	}
	return true;
}

int entry_parse_name(struct name *name, const char *text)
{
	char ascii[NAME_TEXT_SIZE];
	size_t taken = name_parse_plain(name, text);
	int ret;

	if (taken > 0 && text[taken] == '\0')
		return 0;
	if (has_odd_character(text))
		return -EINVAL;
	if (is_ascii(text))
		return name_parse(name, text);
	ret = idn_to_ascii(text, ascii, sizeof(ascii));
	return ret < 0 ? ret : name_parse(name, ascii);
}

int entry_add_name(struct matcher *matcher, const char *text, unsigned kinds,
		   uint32_t line)
{
	struct name name;
	int ret = entry_parse_name(&name, text);

	return ret < 0 ? ret : matcher_add_name(matcher, &name, kinds, line);
}

unsigned entry_take_kinds(const char **text)
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

int entry_add_pattern(struct matcher *matcher, const char *text, uint32_t line)
{
	/* "+" alone is everything there is: all below the root. */
	bool is_all = strcmp(text, "+") == 0;
	unsigned kinds = entry_take_kinds(&text);
	struct condition condition;
	struct name name;
	int ret;

	if (has_odd_wildcard(text))
		return -EDOM;
	ret = entry_parse_name(&name, is_all ? "." : text);
	if (ret < 0)
		return ret;
	if (!strchr(text, '*'))
		return matcher_add_name(matcher, &name, kinds, line);
	ret = condition_init_labels(&condition, &name, kinds);
	if (ret < 0)
		return ret;
	return matcher_add_condition(matcher, &condition, line);
}

int entry_add_name_text(struct matcher *matcher, enum condition_type type,
			const char *text, uint32_t line)
{
	char ascii[NAME_TEXT_SIZE];
	struct condition condition;
	int ret;

	if (!is_ascii(text)) {
		ret = idn_to_ascii(text, ascii, sizeof(ascii));
		if (ret < 0)
			return ret;
		text = ascii;
	}
	ret = condition_init_name_text(&condition, type, text);
	if (ret < 0)
		return ret;
	return matcher_add_condition(matcher, &condition, line);
}

int entry_add_regex(struct matcher *matcher, enum condition_type type,
		    const char *text, uint32_t line, char why[REGEX_WHY_SIZE])
{
	struct condition condition;
	struct regex *regex;
	int ret = regex_new(&regex, text, why);

	if (ret < 0)
		return ret;
	condition_init_regex(&condition, type, regex);
	return matcher_add_condition(matcher, &condition, line);
}

int entry_add_prefix(struct matcher *matcher, const struct prefix *prefix,
		     const struct entry_use *use)
{
	struct prefix_index *index = matcher_prefixes(matcher, use->is_source);
	struct rule_hit hit = {matcher->rule, use->line};

	if (!index)
		return -ENOMEM;
	if (!use->is_source && !use->is_no_resolve)
		matcher->resolves = true;
	matcher->entry_count++;
	return prefix_index_add(index, prefix, hit);
}
