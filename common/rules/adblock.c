// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/adblock.h"

#include "common/err.h"
#include "common/rules/entry.h"
#include "common/rules/list_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool adblock_has_exceptions(const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *at = memmem(text, (size_t)(end - text), "@@", 2);

		if (!at)
			return false;
		if (at == text || at[-1] == '\n')
			return true;
		text = at + 1;
	}
	return false;
}

static bool is_comment(const char *text)
{
	if (text[0] == '!' || text[0] == '[')
		return true;
	return text[0] == '#' && !strchr("#@?$%", text[1] ? text[1] : ' ');
}

/* Cuts the options off; false if there is one that a name cannot have. */
static bool take_options(char *text)
{
	char *options = strrchr(text, '$'), *save = NULL;

	if (!options)
		return true;
	*options++ = '\0';
	for (char *word = strtok_r(options, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		if (strcmp(word, "important") != 0 && strcmp(word, "all") != 0)
			return false;
	}
	return true;
}

/* "||ads*.example.com^": at the start of any label. */
static int add_glob(struct matcher *matcher, const char *text, bool is_suffix,
		    uint32_t line)
{
	char below[NAME_TEXT_SIZE];
	int ret = entry_add_name_text(matcher, CONDITION_GLOB, text, line);

	if (ret < 0 || !is_suffix)
		return ret;
	if (snprintf(below, sizeof(below), "*.%s", text) >= (int)sizeof(below))
		return -EINVAL;
	matcher->entry_count--; /* the two are one */
	return entry_add_name_text(matcher, CONDITION_GLOB, below, line);
}

static int add_name(struct matcher *matcher, char *text, uint32_t line)
{
	bool is_suffix = strncmp(text, "||", 2) == 0;
	size_t length;

	text += is_suffix ? 2 : text[0] == '|';
	length = strlen(text);
	while (length > 0 && strchr("^|", text[length - 1]))
		text[--length] = '\0';
	if (strpbrk(text, "/^|:#?=&%~ "))
		return -EINVAL;
	if (strchr(text, '*'))
		return add_glob(matcher, text, is_suffix, line);
	return entry_add_name(matcher, text,
			      is_suffix ? NAME_SUFFIX : NAME_ITSELF, line);
}

static int add_regex(struct matcher *matcher, char *text, uint32_t line)
{
	size_t length = strlen(text);
	char why[REGEX_WHY_SIZE];

	if (length < 3 || text[length - 1] != '/')
		return -EINVAL;
	text[length - 1] = '\0';
	return entry_add_regex(matcher, CONDITION_REGEX, text + 1, line, why);
}

static int add_hosts(struct list *list, char *text)
{
	enum form form = list->form;
	int ret;

	list->form = FORM_HOSTS;
	ret = list_line_add(list, text);
	list->form = form;
	return ret;
}

int adblock_add(struct list *list, char *text)
{
	struct matcher *matcher = list->matcher;
	char shown[sizeof(list->left_out_word)];
	size_t length = strnlen(text, sizeof(shown) - 1);
	int ret = -EINVAL;

	if (is_comment(text))
		return 0;
	memcpy(shown, text, length);
	shown[length] = '\0';
	if (strncmp(text, "@@", 2) == 0) {
		text += 2;
		matcher = list->except;
	} else if (text[0] != '|' && text[0] != '/' && strpbrk(text, " \t")) {
		return add_hosts(list, text);
	}
	if (text[0] == '/')
		ret = add_regex(matcher, text, list_line(list));
	else if (take_options(text))
		ret = add_name(matcher, text, list_line(list));
	if (ret == -EINVAL || ret == ERR_MALFORMED || ret == -EOPNOTSUPP)
		return list_leave_out(list, shown);
	return ret;
}
