// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/regex_tail.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Behind a class in brackets, from its first one on; NULL: an odd one. */
static const char *skip_class(const char *c)
{
	c += 1 + (c[1] == '^');
	if (*c == ']')
		c++;
	for (; *c && *c != ']'; c++) {
		if (*c == '[')
			return NULL;
		if (*c == '\\' && c[1])
			c++;
	}
	return *c ? c : NULL;
}

/* Escapes of one letter that nothing behind belongs to. */
static bool is_short_escape(char letter)
{
	return !isalnum((unsigned char)letter) || strchr("dDwWsSbB", letter);
}

/*
 * Is the expression one sequence, without ways around its end, and without
 * anything that would change how the end is read?
 */
static bool is_plain_sequence(const char *text)
{
	int depth = 0;

	for (const char *c = text; *c; c++) {
		if (*c == '\\') {
			if (!c[1] || !is_short_escape(*++c))
				return false;
		} else if (*c == '[') {
			c = skip_class(c);
			if (!c)
				return false;
		} else if (*c == '(') {
			depth++;
			if (c[1] == '*' || (c[1] == '?' && c[2] != ':'))
				return false;
		} else if (*c == ')') {
			if (--depth < 0)
				return false;
		} else if (*c == '|' && depth == 0) {
			return false;
		}
	}
	return true;
}

/* How many backslashes are right before `at`? */
static size_t escapes_before(const char *text, const char *at)
{
	size_t count = 0;

	while (at > text && at[-1] == '\\') {
		at--;
		count++;
	}
	return count;
}

size_t regex_tail(const char *text, char *out, size_t size)
{
	size_t length = strlen(text), used = 0;
	const char *end;

	if (length == 0 || text[length - 1] != '$' || !is_plain_sequence(text))
		return 0;
	end = text + length - 1;
	if (escapes_before(text, end) > 0)
		return 0;
	/* Backwards, while the characters stand for themselves. */
	for (const char *c = end; c > text && used < size;) {
		size_t escapes = escapes_before(text, --c);
		bool is_word =
			isalnum((unsigned char)*c) || *c == '-' || *c == '_';

		if (escapes > 1 || (is_word ? escapes > 0 : escapes != 1))
			break;
		if ((uint8_t)*c >= 0x80)
			break;
		out[size - ++used] = (char)tolower((unsigned char)*c);
		c -= escapes;
	}
	memmove(out, out + size - used, used);
	return used;
}
