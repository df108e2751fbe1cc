// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/form.h"

#include "common/addr.h"
#include "common/compiler.h"

#include <ctype.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define LINE_MAX_SEEN 512 /* enough of a line to tell its form */

static const char *const dnsmasq_words[] = {
	"server=/", "address=/", "local=/", "ipset=/", "nftset=/",
};

static const char *const v2fly_words[] = {
	"domain:", "full:", "keyword:", "regexp:", "include:",
};

static bool begins(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strncmp(text, words[i], strlen(words[i])) == 0)
			return true;
	}
	return false;
}

/* An address, a blank, and something that is no comment. */
static bool is_hosts(const char *text)
{
	size_t length = strcspn(text, BLANKS);
	char word[ADDR_TEXT_SIZE];
	struct addr addr;

	if (length >= sizeof(word) || text[length] == '\0')
		return false;
	memcpy(word, text, length);
	word[length] = '\0';
	if (addr_parse(&addr, word) < 0)
		return false;
	text += length;
	text += strspn(text, BLANKS);
	return *text && *text != '#' && *text != '/';
}

bool form_is_dnsmasq(const char *line)
{
	return begins(line, dnsmasq_words, ARRAY_LEN(dnsmasq_words));
}

static enum form form_of_line(const char *text)
{
	const char *at = strstr(text, " @"), *comment = strstr(text, " #");

	if (text[0] == '!' || strncmp(text, "||", 2) == 0 ||
	    strncmp(text, "@@", 2) == 0 || strncmp(text, "[Adblock", 8) == 0)
		return FORM_ADBLOCK;
	if (form_is_dnsmasq(text))
		return FORM_DNSMASQ;
	if (begins(text, v2fly_words, ARRAY_LEN(v2fly_words)))
		return FORM_V2FLY;
	if (text[0] == '#')
		return FORM_AUTO;
	if (at && (!comment || at < comment))
		return FORM_V2FLY;
	return is_hosts(text) ? FORM_HOSTS : FORM_AUTO;
}

/* The end of a line of nothing but what names are made of, or NULL. */
static const char *skip_plain(const char *text, const char *end)
{
	while (text < end &&
	       (isalnum((unsigned char)*text) || *text == '.' || *text == '-'))
		text++;
	return text < end && *text == '\n' ? text : NULL;
}

enum form form_recognise(const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *newline = skip_plain(text, end);
		char line[LINE_MAX_SEEN];
		enum form form;
		size_t size;

		if (newline) {
			text = newline + 1;
			continue;
		}
		newline = memchr(text, '\n', (size_t)(end - text));
		size = (size_t)((newline ? newline : end) - text);
		size = size < sizeof(line) ? size : sizeof(line) - 1;
		memcpy(line, text, size);
		line[size] = '\0';
		form = form_of_line(line + strspn(line, BLANKS));
		if (form != FORM_AUTO)
			return form;
		if (!newline)
			break;
		text = newline + 1;
	}
	return FORM_TEXT;
}

bool form_is_yaml(const char *text, size_t length)
{
	static const char word[] = "payload:";
	const char *end = text + length;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		if ((size_t)(stop - text) >= strlen(word) &&
		    memcmp(text, word, strlen(word)) == 0)
			return true;
		while (text < stop && strchr(BLANKS, *text))
			text++;
		if (text < stop && *text != '#' && *text != '-')
			return false;
		/* "---" is before the payload, "- x" is a list without one. */
		if (text < stop && *text == '-' &&
		    !((size_t)(stop - text) >= 3 && !memcmp(text, "---", 3)))
			return false;
		text = stop + 1;
	}
	return false;
}

bool form_is_page(const char *text, size_t length)
{
	size_t at = 0;

	while (at < length && strchr(BLANKS, text[at]) && text[at])
		at++;
	return at < length && text[at] == '<';
}

const char *form_text(enum form form, bool is_yaml)
{
	static const char *const texts[][2] = {
		[FORM_AUTO] = {"list", "list in YAML"},
		[FORM_TEXT] = {"text list", "list in YAML"},
		[FORM_DOMAIN] = {"domain list", "domain list in YAML"},
		[FORM_IPCIDR] = {"ipcidr list", "ipcidr list in YAML"},
		[FORM_CLASSICAL] = {"classical list", "classical list in YAML"},
		[FORM_DNSMASQ] = {"dnsmasq list", "dnsmasq list"},
		[FORM_HOSTS] = {"hosts list", "hosts list"},
		[FORM_ADBLOCK] = {"adblock list", "adblock list"},
		[FORM_V2FLY] = {"v2fly list", "v2fly list"},
		[FORM_YAML] = {"text list", "list in YAML"},
	};

	return texts[form][is_yaml];
}

/* What begins after a blank with "#", in some forms "//", says nothing. */
static void cut_comment(char *text, bool has_slashes)
{
	for (char *c = text; *c; c++) {
		bool is_start = c == text || c[-1] == ' ' || c[-1] == '\t';

		if (is_start &&
		    (*c == '#' || (has_slashes && *c == '/' && c[1] == '/'))) {
			*c = '\0';
			return;
		}
	}
}

char *form_trim(enum form form, char *text)
{
	size_t length;

	if (form != FORM_ADBLOCK)
		cut_comment(text, form != FORM_V2FLY);
	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length > 0 && strchr(BLANKS, text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}
