// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/list_line.h"

#include "common/err.h"
#include "common/rules/adblock.h"
#include "common/rules/argument.h"
#include "common/rules/entry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

static int tell(const struct list *list, const char *text, const char *expected)
{
	return rule_tell_wrong(&list->place, text, expected);
}

/* Text that is no name; what else can go wrong is passed on. */
static int check_name(const struct list *list, int ret, const char *text)
{
	if (ret == -EDOM)
		return tell(list, text, "'*' as a whole label: *.example.com");
	if (ret != -EINVAL && ret != ERR_MALFORMED)
		return ret;
	if (list->form == FORM_DOMAIN)
		return tell(list, text,
			    "a name such as example.com or +.example.com");
	return tell(list, text,
		    "a name such as example.com or +.example.com, or a prefix "
		    "such as 10.0.0.0/8");
}

static int add_prefix(struct list *list, const struct prefix *prefix)
{
	const struct entry_use use = {list_line(list), list->is_no_resolve,
				      false};

	return entry_add_prefix(list->matcher, prefix, &use);
}

static int add_word(struct list *list, const char *text)
{
	struct prefix prefix;
	int ret = -EINVAL;

	if (list->form != FORM_DOMAIN)
		ret = prefix_parse_masked(&prefix, text);
	if (ret >= 0) {
		char shown[PREFIX_TEXT_SIZE];

		if (ret > 0)
			diag_warning(
				PLACE_ARGS(&list->place), "'%s' is taken as %s",
				text,
				prefix_format(&prefix, shown, sizeof(shown)));
		return add_prefix(list, &prefix);
	}
	if (list->form == FORM_IPCIDR)
		return tell(list, text,
			    "a prefix such as 10.0.0.0/8 or 2001:db8::/32");
	return check_name(
		list, entry_add_pattern(list->matcher, text, list_line(list)),
		text);
}

static int add_classical(struct list *list, char *text)
{
	struct rule_parts parts;
	int ret = rule_parse_part(&parts, text, &list->place);

	if (ret == -EOPNOTSUPP)
		return list_leave_out(list, parts.type_word);
	if (ret < 0)
		return ret;
	if (parts.type == RULE_SET) {
		diag_error(PLACE_ARGS(&list->place),
			   "'%s' cannot stand in a list, only in 'rules:'",
			   parts.type_word);
		return ERR_CONFIG;
	}
	parts.is_no_resolve |= list->is_no_resolve;
	ret = argument_add(list->matcher, &parts, list_line(list));
	return ret == -EOPNOTSUPP ? list_leave_out(list, parts.type_word) : ret;
}

/* In these forms a name stands for itself. */
static bool has_bare_names(enum form form)
{
	return form == FORM_AUTO || form == FORM_TEXT || form == FORM_YAML ||
	       form == FORM_DOMAIN;
}

size_t list_line_plain(const struct list *list, const char *text,
		       struct name *name, unsigned *kinds)
{
	const char *start = text;
	size_t taken;

	if (!has_bare_names(list->form))
		return 0;
	*kinds = NAME_ITSELF;
	if (*text == '+' || *text == '.' || *text == '*')
		*kinds = entry_take_kinds(&text);
	taken = name_parse_plain(name, text);
	/* What ends in a digit may be an address. */
	if (taken == 0 || (text[taken - 1] >= '0' && text[taken - 1] <= '9'))
		return 0;
	return taken + (size_t)(text - start);
}

static int add_text(struct list *list, char *text)
{
	if (strchr(text, ','))
		return add_classical(list, text);
	return add_word(list, text);
}

/* A name of dnsmasq is that name and all below it; "#" is every one. */
static int add_dnsmasq_name(struct list *list, const char *text)
{
	int ret;

	if (strcmp(text, "#") == 0)
		text = ".";
	else if (text[0] == '.')
		text++;
	if (strchr(text, '*'))
		return list_leave_out(list, text);
	ret = entry_add_name(list->matcher, text, NAME_SUFFIX, list_line(list));
	if (ret == -EINVAL || ret == ERR_MALFORMED)
		return tell(list, text,
			    "the name of a domain between slashes: "
			    "server=/example.com/192.0.2.1");
	return ret;
}

/* KEY=/name/name/what to do about them; other keys may have a path there. */
static int add_dnsmasq(struct list *list, char *text)
{
	char *at = strstr(text, "=/");
	int ret = 0;

	if (!at || !form_is_dnsmasq(text))
		return list_leave_out(list, text);
	at += 2;
	if (!strchr(at, '/'))
		return tell(list, text,
			    "names between slashes: "
			    "server=/example.com/192.0.2.1");
	while (ret == 0) {
		char *slash = strchr(at, '/');

		if (!slash)
			break;
		*slash = '\0';
		if (*at)
			ret = add_dnsmasq_name(list, at);
		at = slash + 1;
	}
	return ret;
}

/* What every list of hosts has for the host itself. */
static bool is_own_name(const char *name)
{
	static const char *const names[] = {
		"localhost",      "localhost.localdomain", "local",
		"broadcasthost",  "ip6-localhost",         "ip6-loopback",
		"ip6-localnet",   "ip6-mcastprefix",       "ip6-allnodes",
		"ip6-allrouters", "ip6-allhosts",          "0.0.0.0",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static int add_hosts(struct list *list, char *text)
{
	struct addr addr;
	char *save = NULL;
	const char *word = strtok_r(text, BLANKS, &save);
	int ret = 0;

	if (!word || addr_parse(&addr, word) < 0)
		return list_leave_out(list, text);
	while (ret == 0 && (word = strtok_r(NULL, BLANKS, &save))) {
		if (is_own_name(word))
			continue;
		ret = entry_add_name(list->matcher, word, NAME_ITSELF,
				     list_line(list));
		if (ret == -EINVAL || ret == ERR_MALFORMED)
			ret = list_leave_out(list, word);
	}
	return ret;
}

int list_line_add_v2fly(struct list *list, enum v2fly_type type,
			const char *value)
{
	uint32_t line = list_line(list);
	char why[REGEX_WHY_SIZE];
	int ret = -EINVAL;

	switch (type) {
	case V2FLY_SUFFIX:
		ret = entry_add_name(list->matcher, value, NAME_SUFFIX, line);
		break;
	case V2FLY_FULL:
		ret = entry_add_name(list->matcher, value, NAME_ITSELF, line);
		break;
	case V2FLY_KEYWORD:
		ret = entry_add_name_text(list->matcher, CONDITION_KEYWORD,
					  value, line);
		break;
	case V2FLY_REGEX:
		ret = entry_add_regex(list->matcher, CONDITION_REGEX, value,
				      line, why);
		break;
	}
	if (ret == -EOPNOTSUPP)
		return list_leave_out(list, value);
	if (ret == -EINVAL || ret == ERR_MALFORMED)
		return tell(list, value,
			    "a line such as example.com, full:example.com, "
			    "keyword:example or regexp:^example");
	return ret;
}

static bool has_attribute(const char *attributes,
			  const struct list_filter *filter)
{
	while (*attributes) {
		size_t length;

		attributes += strspn(attributes, BLANKS ",");
		length = strcspn(attributes, BLANKS ",");
		if (attributes[0] == '@' && length == filter->length + 1 &&
		    strncmp(attributes + 1, filter->word, filter->length) == 0)
			return true;
		attributes += length;
	}
	return false;
}

/* include:other @with @-without */
static int include(struct list *list, char *value, char *attributes)
{
	const char *slash = strrchr(list->path, '/');
	int folder = slash ? (int)(slash - list->path) + 1 : 0;
	struct list inner = {
		.matcher = list->matcher,
		.form = FORM_V2FLY,
		.filters = list->filters,
		.depth = list->depth + 1,
	};
	char *save = NULL, *path, *word;
	int ret;

	for (word = strtok_r(attributes, BLANKS, &save); word;
	     word = strtok_r(NULL, BLANKS, &save)) {
		bool is_not = word[0] == '@' && word[1] == '-';

		if (word[0] != '@' || inner.filters.count == LIST_FILTERS_MAX)
			continue;
		word += 1 + is_not;
		inner.filters.at[inner.filters.count++] =
			(struct list_filter){word, strlen(word), is_not};
	}
	if (strchr(value, '/') || list->depth == LIST_DEPTH_MAX)
		return tell(list, value,
			    "the name of another list in the same folder, "
			    "which does not lead back to this one");
	if (asprintf(&path, "%.*s%s", folder, list->path, value) < 0)
		return -ENOMEM;
	inner.path = path;
	ret = list_load(&inner, &list->place);
	free(path);
	return ret;
}

/* "example.com @cn @ads", and as the project exports it: ":@cn,@ads". */
static char *take_attributes(char *text)
{
	char *end = text + strcspn(text, BLANKS);
	char *colon = strstr(text, ":@");

	if (colon && colon < end)
		end = colon;
	if (*end)
		*end++ = '\0';
	return end;
}

static int add_v2fly(struct list *list, char *text)
{
	static const struct {
		const char *word;
		enum v2fly_type type;
	} types[] = {
		{"domain:", V2FLY_SUFFIX},
		{"full:", V2FLY_FULL},
		{"keyword:", V2FLY_KEYWORD},
		{"regexp:", V2FLY_REGEX},
	};
	char *attributes = take_attributes(text);
	enum v2fly_type type = V2FLY_SUFFIX;

	if (strncmp(text, "include:", 8) == 0)
		return include(list, text + 8, attributes);
	for (size_t i = 0; i < list->filters.count; i++) {
		const struct list_filter *filter = &list->filters.at[i];

		if (has_attribute(attributes, filter) == filter->is_not)
			return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		size_t length = strlen(types[i].word);

		if (strncmp(text, types[i].word, length) != 0)
			continue;
		type = types[i].type;
		text += length;
		break;
	}
	return list_line_add_v2fly(list, type, text);
}

int list_line_add(struct list *list, char *text)
{
	struct name name;
	unsigned kinds;
	size_t taken = list_line_plain(list, text, &name, &kinds);

	if (taken > 0 && text[taken] == '\0')
		return matcher_add_name(list->matcher, &name, kinds,
					list_line(list));
	switch (list->form) {
	case FORM_AUTO:
	case FORM_TEXT:
	case FORM_YAML:
		return add_text(list, text);
	case FORM_DOMAIN:
	case FORM_IPCIDR:
		return add_word(list, text);
	case FORM_CLASSICAL:
		return add_classical(list, text);
	case FORM_DNSMASQ:
		return add_dnsmasq(list, text);
	case FORM_HOSTS:
		return add_hosts(list, text);
	case FORM_ADBLOCK:
		return adblock_add(list, text);
	case FORM_V2FLY:
		return add_v2fly(list, text);
	}
	return 0;
}
