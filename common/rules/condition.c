// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/condition.h"

#include "common/rules/name_index.h"
#include "common/rules/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct wildcard {
	struct name pattern;
	size_t labels;
	unsigned kinds;
};

void condition_fini(struct condition *condition)
{
	switch (condition->type) {
	case CONDITION_KEYWORD:
	case CONDITION_GLOB:
	case CONDITION_PROCESS_NAME:
	case CONDITION_PROCESS_PATH:
	case CONDITION_CGROUP:
		free(condition->text);
		break;
	case CONDITION_LABELS:
		free(condition->wildcard);
		break;
	case CONDITION_DST_PORT:
	case CONDITION_SRC_PORT:
	case CONDITION_UID:
		free(condition->ranges);
		break;
	case CONDITION_REGEX:
	case CONDITION_PROCESS_NAME_REGEX:
	case CONDITION_PROCESS_PATH_REGEX:
		regex_free(condition->regex);
		break;
	case CONDITION_LOGIC:
		logic_free(condition->logic);
		break;
	case CONDITION_NETWORK:
	case CONDITION_SRC_MAC:
	case CONDITION_ANY:
		break;
	}
	condition->type = CONDITION_ANY;
}

int condition_init_owner_text(struct condition *condition,
			      enum condition_type type, const char *text)
{
	if (text[0] == '\0')
		return -EINVAL;
	*condition = (struct condition){.type = type, .text = strdup(text)};
	return condition->text ? 0 : -ENOMEM;
}

int condition_init_name_text(struct condition *condition,
			     enum condition_type type, const char *text)
{
	int ret;

	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c >= 0x7f)
			return -EINVAL;
	}
	ret = condition_init_owner_text(condition, type, text);
	if (ret < 0)
		return ret;
	for (char *c = condition->text; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	}
	return 0;
}

static size_t count_labels(const struct name *name)
{
	size_t count = 0;

	for (size_t at = 0; name->wire[at] != 0; at += 1U + name->wire[at])
		count++;
	return count;
}

int condition_init_labels(struct condition *condition,
			  const struct name *pattern, unsigned kinds)
{
	struct wildcard *wildcard = malloc(sizeof(*wildcard));

	if (!wildcard)
		return -ENOMEM;
	*wildcard = (struct wildcard){
		.pattern = *pattern,
		.labels = count_labels(pattern),
		.kinds = kinds,
	};
	*condition = (struct condition){
		.type = CONDITION_LABELS,
		.wildcard = wildcard,
	};
	return 0;
}

int condition_init_ranges(struct condition *condition, enum condition_type type,
			  const char *text)
{
	uint32_t max = type == CONDITION_UID ? UINT32_MAX : UINT16_MAX;

	*condition = (struct condition){.type = type};
	return ranges_new(&condition->ranges, text, max);
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

int condition_init_mac(struct condition *condition, const char *text)
{
	*condition = (struct condition){.type = CONDITION_SRC_MAC};
	return mac_parse(&condition->mac, text);
}

void condition_init_regex(struct condition *condition, enum condition_type type,
			  struct regex *regex)
{
	*condition = (struct condition){.type = type, .regex = regex};
}

void condition_init_logic(struct condition *condition, struct logic *logic)
{
	*condition = (struct condition){
		.type = CONDITION_LOGIC,
		.logic = logic,
	};
}

void condition_init_any(struct condition *condition)
{
	*condition = (struct condition){.type = CONDITION_ANY};
}

bool condition_is_of_name(const struct condition *condition)
{
	return condition->type == CONDITION_KEYWORD ||
	       condition->type == CONDITION_LABELS ||
	       condition->type == CONDITION_GLOB ||
	       condition->type == CONDITION_REGEX;
}

void condition_make_cover(const struct condition *condition,
			  struct cover *cover)
{
	cover->count = 0;
	if (condition->type == CONDITION_KEYWORD)
		cover_of_keyword(cover, condition->text);
	else if (condition->type == CONDITION_GLOB)
		cover_of_glob(cover, condition->text);
	else if (condition->type == CONDITION_REGEX)
		cover_of_regex(cover, regex_text(condition->regex));
	else if (condition->type == CONDITION_LABELS)
		cover_of_labels(cover, &condition->wildcard->pattern,
				condition->wildcard->kinds & NAME_BELOW);
}

static bool label_matches(const uint8_t *pattern, const uint8_t *label)
{
	if (pattern[0] == 1 && pattern[1] == '*')
		return true;
	return memcmp(pattern, label, 1U + pattern[0]) == 0;
}

static bool labels_match(const struct wildcard *wildcard,
			 const struct name *name)
{
	const uint8_t *pattern = wildcard->pattern.wire, *label;
	size_t wanted = wildcard->labels, count = count_labels(name);

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

/* One star is gone back to at most: the time is that of the two lengths. */
static bool glob_matches(const char *glob, const char *text, size_t length)
{
	const char *end = text + length, *star = NULL, *from = NULL;

	while (text < end) {
		if (*glob == '*') {
			star = ++glob;
			from = text;
		} else if (*glob == '?' || *glob == *text) {
			glob++;
			text++;
		} else if (star) {
			glob = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

bool condition_has_name(const struct condition *condition, struct asked *asked)
{
	const char *text = asked_text(asked);
	size_t length;

	if (condition->type == CONDITION_LABELS)
		return labels_match(condition->wildcard, asked->facts->name);
	asked_make_text(asked);
	length = asked->text_length;
	if (condition->type == CONDITION_GLOB)
		return glob_matches(condition->text, text, length);
	if (condition->type == CONDITION_REGEX)
		return regex_matches(condition->regex, text, length);
	return memmem(text, length, condition->text, strlen(condition->text)) !=
	       NULL;
}

static bool flow_matches(const struct condition *condition,
			 const struct facts *facts)
{
	bool has_ports =
		facts->network == NETWORK_TCP || facts->network == NETWORK_UDP;

	if (condition->type == CONDITION_NETWORK)
		return condition->network == facts->network;
	return has_ports && ranges_has(condition->ranges,
				       condition->type == CONDITION_DST_PORT
					       ? facts->dst_port
					       : facts->src_port);
}

/* The group itself or one below it; without a slash, any part of the path. */
static bool cgroup_matches(const char *wanted, const char *path)
{
	size_t length = strlen(wanted);

	if (wanted[0] == '/') {
		bool is_root = length == 1;

		return strncmp(path, wanted, length) == 0 &&
		       (is_root || path[length] == '\0' || path[length] == '/');
	}
	while (*path) {
		size_t part = strcspn(path, "/");

		if (part == length && strncmp(path, wanted, length) == 0)
			return true;
		path += part + (path[part] == '/');
	}
	return false;
}

static enum answer text_matches(const struct condition *condition,
				const char *text)
{
	const char *slash;
	bool is_match = false;

	if (!text)
		return ANSWER_UNKNOWN;
	slash = strrchr(text, '/');
	switch ((int)condition->type) {
	case CONDITION_PROCESS_NAME:
		text = slash ? slash + 1 : text;
		is_match = strcasecmp(condition->text, text) == 0;
		break;
	case CONDITION_PROCESS_PATH:
		is_match = strcmp(condition->text, text) == 0;
		break;
	case CONDITION_PROCESS_NAME_REGEX:
		text = slash ? slash + 1 : text;
		is_match = regex_matches(condition->regex, text, strlen(text));
		break;
	case CONDITION_PROCESS_PATH_REGEX:
		is_match = regex_matches(condition->regex, text, strlen(text));
		break;
	case CONDITION_CGROUP:
		is_match = cgroup_matches(condition->text, text);
		break;
	}
	return is_match ? ANSWER_YES : ANSWER_NO;
}

static enum answer ask_owner(const struct condition *condition,
			     const struct asked *asked)
{
	const struct facts *facts = asked->facts;

	switch (facts->owner) {
	case OWNER_UNKNOWN:
		return asked_unknown(asked, ANSWER_NEEDS_FLOW);
	case OWNER_ASKABLE:
		return ANSWER_NEEDS_FLOW;
	case OWNER_NONE:
		return ANSWER_NO;
	case OWNER_KNOWN:
		break;
	}
	if (condition->type == CONDITION_UID)
		return ranges_has(condition->ranges, facts->uid) ? ANSWER_YES
								 : ANSWER_NO;
	if (condition->type == CONDITION_CGROUP)
		return text_matches(condition, facts->cgroup);
	return text_matches(condition, facts->process);
}

static enum answer ask_mac(const struct condition *condition,
			   const struct asked *asked)
{
	const struct facts *facts = asked->facts;

	switch (facts->has_mac) {
	case MAC_UNKNOWN:
		return asked_unknown(asked, ANSWER_NEEDS_FLOW);
	case MAC_NONE:
		return ANSWER_NO;
	case MAC_KNOWN:
		break;
	}
	return memcmp(&condition->mac, &facts->mac, sizeof(facts->mac)) == 0
		       ? ANSWER_YES
		       : ANSWER_NO;
}

static enum answer ask(const struct condition *condition, struct asked *asked,
		       uint32_t *line)
{
	const struct facts *facts = asked->facts;

	switch (condition->type) {
	case CONDITION_KEYWORD:
	case CONDITION_LABELS:
	case CONDITION_GLOB:
	case CONDITION_REGEX:
		if (!facts->name)
			return asked_nameless(asked);
		return condition_has_name(condition, asked) ? ANSWER_YES
							    : ANSWER_NO;
	case CONDITION_DST_PORT:
	case CONDITION_SRC_PORT:
	case CONDITION_NETWORK:
		if (facts->network == NETWORK_UNKNOWN)
			return asked_unknown(asked, ANSWER_NEEDS_FLOW);
		return flow_matches(condition, facts) ? ANSWER_YES : ANSWER_NO;
	case CONDITION_SRC_MAC:
		return ask_mac(condition, asked);
	case CONDITION_UID:
	case CONDITION_PROCESS_NAME:
	case CONDITION_PROCESS_NAME_REGEX:
	case CONDITION_PROCESS_PATH:
	case CONDITION_PROCESS_PATH_REGEX:
	case CONDITION_CGROUP:
		return ask_owner(condition, asked);
	case CONDITION_LOGIC:
		return logic_ask(condition->logic, asked, line);
	case CONDITION_ANY:
		return ANSWER_YES;
	}
	return ANSWER_NO;
}

enum answer condition_ask(const struct condition *condition,
			  struct asked *asked, uint32_t *line)
{
	enum answer answer = ask(condition, asked, line);

	if (answer == ANSWER_YES &&
	    (condition->line || condition->type != CONDITION_LOGIC))
		*line = condition->line;
	return answer;
}
