// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/condition.h"

#include "common/err.h"
#include "common/rules/name_index.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RANGES_MAX 28 /* as in Clash */

struct ports {
	size_t count;
	struct {
		uint16_t first, last;
	} ranges[RANGES_MAX];
};

struct wildcard {
	struct name pattern;
	unsigned kinds;
};

void asked_init(struct asked *asked, const struct facts *facts)
{
	asked->facts = facts;
	asked->text_length = 0;
}

/*
 * The name as people write it.  Bytes that name_format() would escape stay as
 * they are: a keyword has none of them.
 */
static void make_text(struct asked *asked)
{
	const struct name *name = asked->facts->name;
	size_t at = 0;

	if (name->length < 2)
		return;
	while (at + 1U < name->length) {
		size_t label = name->wire[at];

		memcpy(asked->text + at, name->wire + at + 1, label);
		at += label;
		asked->text[at++] = '.';
	}
	asked->text_length = (uint8_t)(at - 1);
}

void condition_fini(struct condition *condition)
{
	switch (condition->type) {
	case CONDITION_KEYWORD:
		free(condition->keyword);
		break;
	case CONDITION_WILDCARD:
		free(condition->wildcard);
		break;
	case CONDITION_PORTS:
		free(condition->ports);
		break;
	case CONDITION_NETWORK:
	case CONDITION_ANY:
		break;
	}
	condition->type = CONDITION_ANY;
}

int condition_init_keyword(struct condition *condition, const char *text)
{
	char *keyword;

	if (text[0] == '\0')
		return -EINVAL;
	for (const char *c = text; *c; c++) {
		if ((uint8_t)*c >= 0x80)
			return ERR_MALFORMED;
		if (*c <= ' ' || *c == 0x7f)
			return -EINVAL;
	}
	keyword = strdup(text);
	if (!keyword)
		return -ENOMEM;
	for (char *c = keyword; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	}
	*condition = (struct condition){
		.type = CONDITION_KEYWORD,
		.keyword = keyword,
	};
	return 0;
}

int condition_init_wildcard(struct condition *condition,
			    const struct name *pattern, unsigned kinds)
{
	struct wildcard *wildcard = malloc(sizeof(*wildcard));

	if (!wildcard)
		return -ENOMEM;
	*wildcard = (struct wildcard){*pattern, kinds};
	*condition = (struct condition){
		.type = CONDITION_WILDCARD,
		.wildcard = wildcard,
	};
	return 0;
}

/* Reads digits up to the first other character. */
static int parse_port(const char **text, uint16_t *port)
{
	unsigned value = 0;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); (*text)++) {
		value = value * 10 + (unsigned)(**text - '0');
		if (value > UINT16_MAX)
			return -EINVAL;
	}
	*port = (uint16_t)value;
	return 0;
}

static int parse_ports(struct ports *ports, const char *text)
{
	for (;; text++) {
		uint16_t first, last;
		int ret = parse_port(&text, &first);

		last = first;
		if (ret == 0 && *text == '-') {
			text++;
			ret = parse_port(&text, &last);
		}
		if (ret < 0)
			return ret;
		if (last < first || ports->count == RANGES_MAX)
			return -EINVAL;
		ports->ranges[ports->count].first = first;
		ports->ranges[ports->count].last = last;
		ports->count++;
		if (*text == '\0')
			return 0;
		if (*text != '/')
			return -EINVAL;
	}
}

int condition_init_ports(struct condition *condition, const char *text)
{
	struct ports *ports = calloc(1, sizeof(*ports));
	int ret;

	if (!ports)
		return -ENOMEM;
	ret = parse_ports(ports, text);
	if (ret < 0)
		goto free_ports;
	*condition = (struct condition){
		.type = CONDITION_PORTS,
		.ports = ports,
	};
	return 0;

free_ports:
	free(ports);
	return ret;
}

int condition_init_network(struct condition *condition, const char *text)
{
	*condition = (struct condition){.type = CONDITION_NETWORK};
	if (strcasecmp(text, "tcp") == 0)
		condition->network = NETWORK_TCP;
	else if (strcasecmp(text, "udp") == 0)
		condition->network = NETWORK_UDP;
	else
		return -EINVAL;
	return 0;
}

void condition_init_any(struct condition *condition)
{
	*condition = (struct condition){.type = CONDITION_ANY};
}

static bool has_keyword(const char *keyword, struct asked *asked)
{
	if (!asked->facts->name)
		return false;
	if (asked->text_length == 0)
		make_text(asked);
	return memmem(asked->text, asked->text_length, keyword,
		      strlen(keyword)) != NULL;
}

static size_t count_labels(const struct name *name)
{
	size_t count = 0;

	for (size_t at = 0; name->wire[at] != 0; at += 1U + name->wire[at])
		count++;
	return count;
}

static bool label_matches(const uint8_t *pattern, const uint8_t *label)
{
	if (pattern[0] == 1 && pattern[1] == '*')
		return true;
	return memcmp(pattern, label, 1U + pattern[0]) == 0;
}

static bool wildcard_matches(const struct wildcard *wildcard,
			     const struct name *name)
{
	const uint8_t *pattern = wildcard->pattern.wire, *label;
	size_t wanted = count_labels(&wildcard->pattern), count;

	if (!name)
		return false;
	count = count_labels(name);
	if (count < wanted)
		return false;
	if (!(wildcard->kinds & (count == wanted ? NAME_ITSELF : NAME_BELOW)))
		return false;
	label = name->wire;
	for (; count > wanted; count--)
		label += 1U + label[0];
	while (pattern[0] != 0) {
		if (!label_matches(pattern, label))
			return false;
		pattern += 1U + pattern[0];
		label += 1U + label[0];
	}
	return true;
}

static bool has_port(const struct ports *ports, const struct facts *facts)
{
	if (facts->network != NETWORK_TCP && facts->network != NETWORK_UDP)
		return false;
	for (size_t i = 0; i < ports->count; i++) {
		if (facts->dst_port >= ports->ranges[i].first &&
		    facts->dst_port <= ports->ranges[i].last)
			return true;
	}
	return false;
}

static bool is_true(const struct condition *condition, struct asked *asked)
{
	switch (condition->type) {
	case CONDITION_KEYWORD:
		return has_keyword(condition->keyword, asked);
	case CONDITION_WILDCARD:
		return wildcard_matches(condition->wildcard,
					asked->facts->name);
	case CONDITION_PORTS:
		return has_port(condition->ports, asked->facts);
	case CONDITION_NETWORK:
		return condition->network == asked->facts->network;
	case CONDITION_ANY:
		return true;
	}
	return false;
}

enum answer condition_ask(const struct condition *condition,
			  struct asked *asked)
{
	const struct facts *facts = asked->facts;
	bool is_about_flow = condition->type == CONDITION_PORTS ||
			     condition->type == CONDITION_NETWORK;

	if (is_about_flow && facts->network == NETWORK_UNKNOWN &&
	    !facts->is_final)
		return ANSWER_NEEDS_FLOW;
	return is_true(condition, asked) ? ANSWER_YES : ANSWER_NO;
}
