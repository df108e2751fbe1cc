// SPDX-License-Identifier: BSD-2-Clause
#include "common/utf8.h"

#include <errno.h>
#include <stdbool.h>

/* The lead bytes, and the first code that needs a form of that length. */
static const struct form {
	uint8_t mask, lead;
	int length;
	uint32_t first;
} forms[] = {
	{0x80, 0x00, 1, 0},
	{0xe0, 0xc0, 2, 0x80},
	{0xf0, 0xe0, 3, 0x800},
	{0xf8, 0xf0, 4, 0x10000},
};

static const struct form *form_of(uint8_t lead)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if ((lead & forms[i].mask) == forms[i].lead)
			return &forms[i];
	}
	return NULL;
}

int utf8_decode(const char *text, size_t size, uint32_t *code)
{
	const uint8_t *bytes = (const uint8_t *)text;
	const struct form *form = form_of(bytes[0]);
	uint32_t value;

	if (!form || (size_t)form->length > size)
		return -EINVAL;
	value = bytes[0] & (uint8_t)~form->mask;
	for (int i = 1; i < form->length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return -EINVAL;
		value = value << 6 | (bytes[i] & 0x3fU);
	}
	if (value < form->first || value > 0x10ffff)
		return -EINVAL;
	if (value >= 0xd800 && value <= 0xdfff)
		return -EINVAL;
	*code = value;
	return form->length;
}

static bool is_text(uint32_t code)
{
	if (code < 0x20)
		return code == '\t' || code == '\n' || code == '\r';
	if (code >= 0x7f && code < 0xa0)
		return code == 0x85;
	/* A byte order mark is none inside a text; the last two are nothing. */
	return code != 0xfeff && code != 0xfffe && code != 0xffff;
}

int utf8_check(const char *text, size_t length, struct utf8_fault *fault)
{
	size_t at = 0;

	*fault = (struct utf8_fault){.line = 1, .column = 1};
	while (at < length) {
		uint32_t code;
		int taken = utf8_decode(text + at, length - at, &code);

		fault->is_character = taken > 0;
		fault->code = taken > 0 ? code : (uint8_t)text[at];
		if (taken < 0 || !is_text(code))
			return -EINVAL;
		at += (size_t)taken;
		fault->column++;
		if (code == '\n') {
			fault->line++;
			fault->column = 1;
		}
	}
	return 0;
}
