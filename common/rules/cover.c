// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/cover.h"

#include <ctype.h>
#include <string.h>

/* An anchor twice is that anchor: "^^a" is "^a". */
static bool is_anchor_twice(const struct cover_text *text,
			    const struct cover_text *more)
{
	char last = text->length > 0 ? text->at[text->length - 1] : 0;

	return more->length > 0 && more->at[0] == last &&
	       (last == COVER_START || last == COVER_END);
}

bool cover_text_append(struct cover_text *text, const struct cover_text *more)
{
	size_t skip = is_anchor_twice(text, more);
	size_t length = more->length - skip;

	if (text->length + length > COVER_TEXT_MAX)
		return false;
	memcpy(text->at + text->length, more->at + skip, length);
	text->length = (uint8_t)(text->length + length);
	return true;
}

size_t cover_set_strength(const struct cover_set *set)
{
	size_t strength = set->count > 0 ? COVER_TEXT_MAX : 0;

	for (size_t i = 0; i < set->count; i++) {
		if (set->texts[i].length < strength)
			strength = set->texts[i].length;
	}
	return strength;
}

void cover_add(struct cover *cover, const struct cover_set *set)
{
	struct cover_set *weakest = &cover->sets[0];
	size_t strength = cover_set_strength(set);

	if (strength == 0)
		return;
	if (cover->count < COVER_SETS_MAX) {
		cover->sets[cover->count++] = *set;
		return;
	}
	for (size_t i = 1; i < cover->count; i++) {
		if (cover_set_strength(&cover->sets[i]) <
		    cover_set_strength(weakest))
			weakest = &cover->sets[i];
	}
	if (cover_set_strength(weakest) < strength)
		*weakest = *set;
}

/* A text that must be there: of a long one, its front. */
static void add_text(struct cover *cover, const struct cover_text *text)
{
	struct cover_set set;

	set.count = 1;
	set.texts[0] = *text;
	cover_add(cover, &set);
}

static void put(struct cover_text *text, char c)
{
	if (text->length < COVER_TEXT_MAX)
		text->at[text->length++] = c;
}

void cover_of_keyword(struct cover *cover, const char *text)
{
	struct cover_text whole = {.length = 0};

	cover->count = 0;
	for (; *text; text++)
		put(&whole, (char)tolower((unsigned char)*text));
	add_text(cover, &whole);
}

void cover_of_glob(struct cover *cover, const char *text)
{
	struct cover_text run = {.length = 0};

	cover->count = 0;
	put(&run, COVER_START);
	for (; *text; text++) {
		if (*text != '*' && *text != '?') {
			put(&run, (char)tolower((unsigned char)*text));
			continue;
		}
		add_text(cover, &run);
		run.length = 0;
	}
	put(&run, COVER_END);
	add_text(cover, &run);
}

void cover_of_labels(struct cover *cover, const struct name *pattern,
		     bool is_below)
{
	struct cover_text run = {.length = 0};
	const uint8_t *label = pattern->wire;

	cover->count = 0;
	if (!is_below)
		put(&run, COVER_START);
	for (; label[0] != 0; label += 1U + label[0]) {
		bool is_last = label[1 + label[0]] == 0;

		if (label[0] == 1 && label[1] == '*') {
			add_text(cover, &run);
			run.length = 0;
		} else {
			for (size_t i = 1; i <= label[0]; i++)
				put(&run, (char)label[i]);
		}
		put(&run, is_last ? COVER_END : '.');
	}
	add_text(cover, &run);
}
