// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/asked.h"

#include <string.h>

void asked_init(struct asked *asked, const struct facts *facts)
{
	asked->facts = facts;
	asked->text_length = 0;
}

/*
 * Bytes that name_format() would escape stay as they are: no pattern has any
 * of them.
 */
void asked_make_text(struct asked *asked)
{
	const struct name *name = asked->facts->name;
	size_t at = 0;

	if (asked->text_length > 0 || name->length < 2)
		return;
	while (at + 1U < name->length) {
		size_t label = name->wire[at];

		memcpy(asked->text + at, name->wire + at + 1, label);
		at += label;
		asked->text[at++] = '.';
	}
	asked->text_length = (uint8_t)(at - 1);
}

enum answer asked_unknown(const struct asked *asked, enum answer needs)
{
	return asked->facts->is_final ? ANSWER_UNKNOWN : needs;
}

bool asked_has_source(const struct asked *asked)
{
	const struct facts *facts = asked->facts;

	return facts->src.family != ADDR_NONE &&
	       (facts->is_final || !addr_is_loopback(&facts->src));
}
