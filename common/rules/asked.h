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
	uint8_t text_length; /* 0: not made yet */
	char text[NAME_WIRE_MAX];
};

void asked_init(struct asked *asked, const struct facts *facts);

/* Makes `text` of a name: as people write it, without an end. */
void asked_make_text(struct asked *asked);

/* What is to be said of something that is not known. */
enum answer asked_unknown(const struct asked *asked, enum answer needs);

/* The source that a flow will have is not the one that asks from loopback. */
bool asked_has_source(const struct asked *asked);

#endif
