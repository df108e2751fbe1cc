// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/ede_text.h"

#include <string.h>

/* Appends what fits. */
static size_t append(char *out, size_t at, const char *text)
{
	size_t length = strlen(text);

	if (length > EDE_TEXT_SIZE - 1 - at)
		length = EDE_TEXT_SIZE - 1 - at;
	memcpy(out + at, text, length);
	return at + length;
}

const char *ede_text_rule(const struct verdict *verdict,
			  char out[EDE_TEXT_SIZE])
{
	const struct rule *rule = verdict->rule;
	char digits[12];
	size_t digit = sizeof(digits) - 1, at = 0;

	if (!rule)
		return NULL;
	digits[digit] = '\0';
	for (unsigned line = rule->line; digit > 0; line /= 10) {
		digits[--digit] = (char)('0' + line % 10);
		if (line < 10)
			break;
	}
	at = append(out, at, "rule '");
	at = append(out, at, rule->text);
	at = append(out, at, "' (");
	at = append(out, at, rule->file);
	at = append(out, at, ":");
	at = append(out, at, digits + digit);
	at = append(out, at, ")");
	out[at] = '\0';
	return out;
}

const char *ede_text_missing(const char *upstream, char out[EDE_TEXT_SIZE])
{
	size_t at = append(out, 0, "upstream '");

	at = append(out, at, upstream);
	at = append(out, at, "' does not know the name");
	out[at] = '\0';
	return out;
}
