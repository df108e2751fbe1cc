// SPDX-License-Identifier: BSD-2-Clause
/*
 * cover.h - texts of which a name that matches must have one.
 *
 * "(^|\.)ads[0-9]+\.(com|net)$" matches no name without ".ads" or "ads" at
 * its start, and none without ".com" or ".net" at its end.  Looking for such
 * texts, of all rules at once (text_index.h), costs far less than matching.
 *
 * The start and the end of a name are characters of their own, so that an
 * anchor is a part of the text.  Texts are in lower case.
 *
 * Source	Russ Cox, "Regular Expression Matching with a Trigram Index"
 *		(exact sets and required ones)
 */
#ifndef ERSATZ_COMMON_RULES_COVER_H
#define ERSATZ_COMMON_RULES_COVER_H

#include "common/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COVER_START '\x01'
#define COVER_END '\x02'

#define COVER_TEXT_MAX 24
#define COVER_TEXTS_MAX 16
#define COVER_SETS_MAX 4

struct cover_text {
	uint8_t length;
	char at[COVER_TEXT_MAX];
};

/* What matches has at least one of these. */
struct cover_set {
	size_t count;
	struct cover_text texts[COVER_TEXTS_MAX];
};

/* Any one of these sets will do; none: nothing is known. */
struct cover {
	size_t count;
	struct cover_set sets[COVER_SETS_MAX];
};

/* Of the expression as PCRE2 reads it; what is odd has no sets. */
void cover_of_regex(struct cover *cover, const char *text);
/* A text with "*" for any characters and "?" for one. */
void cover_of_glob(struct cover *cover, const char *text);
/* A text that may be anywhere. */
void cover_of_keyword(struct cover *cover, const char *text);
/*
 * Labels, of which "*" are any one; with `is_below` there may be more in front.
 */
void cover_of_labels(struct cover *cover, const struct name *pattern,
		     bool is_below);

/* What the makers share. */

/* False: there is no room, or it would be too long. */
bool cover_text_append(struct cover_text *text, const struct cover_text *more);
/* The length of its shortest text; 0: it says nothing. */
size_t cover_set_strength(const struct cover_set *set);
/* Keeps the strongest sets; those that say nothing are not added. */
void cover_add(struct cover *cover, const struct cover_set *set);

#endif
