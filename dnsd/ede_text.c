// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/ede_text.h"

#include "common/rules.h"
#include "dnsd/special.h"

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

/* "ersatz.yaml:7" */
static size_t append_place(char *out, size_t at, const char *file,
			   unsigned line)
{
	char digits[12];
	size_t digit = sizeof(digits) - 1;

	digits[digit] = '\0';
	for (; digit > 0; line /= 10) {
		digits[--digit] = (char)('0' + line % 10);
		if (line < 10)
			break;
	}
	at = append(out, at, file);
	at = append(out, at, ":");
	return append(out, at, digits + digit);
}

static size_t append_rule(char *out, size_t at, const struct cause *cause)
{
	at = append(out, at, "rule '");
	at = append(out, at, cause->rule->text);
	at = append(out, at, "' (");
	at = append_place(out, at, cause->rule->file, cause->rule->line);
	if (cause->file) {
		at = append(out, at, ", ");
		at = append_place(out, at, cause->file, cause->line);
	}
	return append(out, at, ")");
}

static size_t append_cause(char *out, size_t at, const struct cause *cause)
{
	if (cause->rule)
		return append_rule(out, at, cause);
	if (cause->special)
		return append(out, at, cause->special->reason);
	if (cause->file)
		return append_place(out, at, cause->file, cause->line);
	return at;
}

const char *ede_text(const struct cause *cause, char out[EDE_TEXT_SIZE])
{
	size_t at = append_cause(out, 0, cause);

	out[at] = '\0';
	return at > 0 ? out : NULL;
}

static const char *end_with(char *out, size_t at, const struct cause *cause)
{
	if (cause->rule || cause->special || cause->file)
		at = append(out, at, ", ");
	at = append_cause(out, at, cause);
	out[at] = '\0';
	return out;
}

const char *ede_text_why(const char *why, const struct cause *cause,
			 char out[EDE_TEXT_SIZE])
{
	return end_with(out, append(out, 0, why), cause);
}

const char *ede_text_missing(const char *upstream, const struct cause *cause,
			     char out[EDE_TEXT_SIZE])
{
	size_t at = append(out, 0, "upstream '");

	at = append(out, at, upstream);
	at = append(out, at, "' does not know the name (dnsd.fake.verify)");
	return end_with(out, at, cause);
}
