// SPDX-License-Identifier: BSD-2-Clause
/*
 * asked.h - the facts of one question, and what was made of them once for all
 * rules.
 *
 * Thread	each question has its own
 */
#ifndef ERSATZ_COMMON_RULES_ASKED_H
#define ERSATZ_COMMON_RULES_ASKED_H

#include "common/rules.h"
#include "common/rules/answer.h"

struct asked {
	const struct facts *facts;
	bool has_text;
	bool is_source_used; /* asked_has_source() was called */
	uint8_t text_length;
	/* The text between the marks of cover.h, and zeroes behind. */
	char framed[NAME_WIRE_MAX + 8];
};

void asked_init(struct asked *asked, const struct facts *facts);

/* Makes the text of a name: as people write it, without an end. */
void asked_make_text(struct asked *asked);
const char *asked_text(const struct asked *asked); /* once it is made */

/* What is to be said of something that is not known. */
enum answer asked_unknown(const struct asked *asked, enum answer needs);

/* What is to be said of a name when there is none. */
enum answer asked_nameless(const struct asked *asked);

/* The source that a flow will have is not the one that asks from loopback. */
bool asked_has_source(struct asked *asked);

#endif
