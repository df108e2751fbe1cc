// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/asked.h"

#include "common/rules/cover.h"

#include <string.h>

void asked_init(struct asked *asked, const struct facts *facts)
{
	asked->facts = facts;
	asked->has_text = false;
	asked->is_source_used = false;
}

/*
 * Bytes that name_format() would escape stay as they are: no pattern has any
 * of them.
 */
void asked_make_text(struct asked *asked)
{
	const struct name *name = asked->facts->name;
	char *text = asked->framed + 1;
	size_t at = 0;

	if (asked->has_text)
		return;
	while (at + 1U < name->length) {
		size_t label = name->wire[at];

		memcpy(text + at, name->wire + at + 1, label);
		at += label;
		text[at++] = '.';
	}
	at -= at > 0;
	asked->has_text = true;
	asked->text_length = (uint8_t)at;
	asked->framed[0] = COVER_START;
	text[at] = COVER_END;
	memset(text + at + 1, 0, 4);
}

const char *asked_text(const struct asked *asked)
{
	return asked->framed + 1;
}

enum answer asked_unknown(const struct asked *asked, enum answer needs)
{
	return asked->facts->is_final ? ANSWER_UNKNOWN : needs;
}

enum answer asked_nameless(const struct asked *asked)
{
	return asked->facts->is_name_askable ? ANSWER_NEEDS_FLOW : ANSWER_NO;
}

bool asked_has_source(struct asked *asked)
{
	const struct facts *facts = asked->facts;

	asked->is_source_used = true;
	return facts->src.family != ADDR_NONE &&
	       (facts->is_final || !addr_is_loopback(&facts->src));
}
