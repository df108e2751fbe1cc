// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads an expression from left to right.  Of each part it is known either
 * which texts it matches, all of them ("a(b|c)?" matches "a", "ab" and "ac"),
 * or which it cannot do without.  Exact parts in a row are multiplied out
 * while they are few; what cannot be goes on as something that must be there.
 *
 * Whatever is not understood (options, look-around, references) makes the
 * whole expression odd: it is then matched against every name, as all were.
 */
#include "common/rules/cover.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 8

struct part {
	bool is_exact;
	struct cover_set exact; /* with is_exact */
	struct cover cover;     /* without */
};

struct reader {
	const char *at;
	unsigned depth;
	bool is_odd;
};

static void read_ways(struct reader *reader, struct part *part);

static void set_unknown(struct part *part)
{
	part->is_exact = false;
	part->cover.count = 0;
}

static void set_character(struct part *part, char c)
{
	part->is_exact = true;
	part->exact.count = 1;
	part->exact.texts[0].length = 1;
	part->exact.texts[0].at[0] = c;
}

static void set_empty(struct part *part)
{
	part->is_exact = true;
	part->exact.count = 1;
	part->exact.texts[0].length = 0;
}

/* What it cannot do without, and no more. */
static void set_needed(struct part *part)
{
	if (!part->is_exact)
		return;
	set_unknown(part);
	cover_add(&part->cover, &part->exact);
}

static bool unite(struct cover_set *set, const struct cover_set *more)
{
	if (set->count + more->count > COVER_TEXTS_MAX)
		return false;
	memcpy(set->texts + set->count, more->texts,
	       more->count * sizeof(more->texts[0]));
	set->count += more->count;
	return true;
}

/* Each of the one followed by each of the other. */
static bool multiply(struct cover_set *set, const struct cover_set *more)
{
	struct cover_set out;

	out.count = 0;
	if (set->count * more->count > COVER_TEXTS_MAX)
		return false;
	for (size_t i = 0; i < set->count; i++) {
		for (size_t k = 0; k < more->count; k++) {
			struct cover_text *text = &out.texts[out.count++];

			*text = set->texts[i];
			if (!cover_text_append(text, &more->texts[k]))
				return false;
		}
	}
	*set = out;
	return true;
}

/* Behind a class in brackets, from its first one on; NULL: an odd one. */
static const char *skip_class(const char *c)
{
	c += 1 + (c[1] == '^');
	if (*c == ']')
		c++;
	for (; *c && *c != ']'; c++) {
		if (*c == '[')
			return NULL;
		if (*c == '\\' && (!c[1] || isalnum((unsigned char)*++c)) &&
		    !strchr("dDwWsS", *c))
			return NULL;
	}
	return *c ? c + 1 : NULL;
}

static void read_class(struct reader *reader, struct part *part)
{
	const char *end = skip_class(reader->at);

	set_unknown(part);
	if (end)
		reader->at = end;
	else
		reader->is_odd = true;
}

static void read_group(struct reader *reader, struct part *part)
{
	reader->at++;
	if (strncmp(reader->at, "?:", 2) == 0)
		reader->at += 2;
	else if (*reader->at == '?' || *reader->at == '*')
		reader->is_odd = true;
	if (++reader->depth > DEPTH_MAX)
		reader->is_odd = true;
	set_unknown(part);
	if (!reader->is_odd)
		read_ways(reader, part);
	reader->depth--;
	if (*reader->at == ')')
		reader->at++;
	else
		reader->is_odd = true;
}

static void read_escape(struct reader *reader, struct part *part)
{
	char c = reader->at[1];

	set_unknown(part);
	if (c == '\0' || (isalnum((unsigned char)c) && !strchr("dDwWsSbB", c)))
		reader->is_odd = true;
	else if (c > ' ' && c < 0x7f && !isalnum((unsigned char)c))
		set_character(part, c);
	reader->at += c ? 2 : 1;
}

static void read_atom(struct reader *reader, struct part *part)
{
	char c = *reader->at;

	if (c == '(') {
		read_group(reader, part);
	} else if (c == '[') {
		read_class(reader, part);
	} else if (c == '\\') {
		read_escape(reader, part);
	} else if (strchr("*+?{)", c)) {
		reader->is_odd = true;
	} else {
		set_unknown(part);
		if (c == '^')
			set_character(part, COVER_START);
		else if (c == '$')
			set_character(part, COVER_END);
		else if (c != '.' && c > ' ' && c < 0x7f)
			set_character(part, (char)tolower((unsigned char)c));
		reader->at++;
	}
}

/* "{3}", "{3,}", "{3,5}": the first number; -1 if it is none of these. */
static int read_braces(struct reader *reader)
{
	const char *c = reader->at + 1;
	int least = 0;

	if (!isdigit((unsigned char)*c))
		return -1;
	for (; isdigit((unsigned char)*c); c++)
		least |= *c != '0';
	if (*c == ',')
		c++;
	while (isdigit((unsigned char)*c))
		c++;
	if (*c != '}')
		return -1;
	reader->at = c + 1;
	return least;
}

/* One that may be left out: those of its texts, and the empty one. */
static void make_optional(struct part *part)
{
	struct part empty;

	set_empty(&empty);
	if (!part->is_exact || !unite(&part->exact, &empty.exact))
		set_unknown(part);
}

static void read_quantifier(struct reader *reader, struct part *part)
{
	char c = *reader->at;
	int least = c == '+';

	if (c == '\0' || !strchr("*+?{", c))
		return;
	if (c == '{')
		least = read_braces(reader);
	else
		reader->at++;
	if (c == '?')
		make_optional(part);
	else if (least > 0)
		set_needed(part);
	else
		set_unknown(part);
	/* Lazy and possessive ones match no more than the plain ones. */
	if (*reader->at == '?' || *reader->at == '+')
		reader->at++;
	if (least < 0 || (*reader->at && strchr("*+?{", *reader->at)))
		reader->is_odd = true;
}

/* What comes next of a sequence, whose last exact texts are in `run`. */
static void append(struct part *sum, struct cover_set *run,
		   const struct part *part)
{
	if (part->is_exact && multiply(run, &part->exact))
		return;
	sum->is_exact = false;
	cover_add(&sum->cover, run);
	if (part->is_exact) {
		*run = part->exact;
		return;
	}
	for (size_t i = 0; i < part->cover.count; i++)
		cover_add(&sum->cover, &part->cover.sets[i]);
	run->count = 1;
	run->texts[0].length = 0;
}

static void read_sequence(struct reader *reader, struct part *sum)
{
	struct cover_set run;
	struct part part;

	set_empty(sum);
	sum->cover.count = 0;
	run = sum->exact;
	while (*reader->at && *reader->at != '|' && *reader->at != ')') {
		read_atom(reader, &part);
		if (!reader->is_odd)
			read_quantifier(reader, &part);
		if (reader->is_odd)
			return;
		append(sum, &run, &part);
	}
	if (sum->is_exact)
		sum->exact = run;
	else
		cover_add(&sum->cover, &run);
}

/* The strongest set that every match of the part has one of; NULL: none. */
static const struct cover_set *best_set(struct part *part)
{
	const struct cover_set *best = NULL;

	set_needed(part);
	for (size_t i = 0; i < part->cover.count; i++) {
		const struct cover_set *set = &part->cover.sets[i];

		if (!best || cover_set_strength(set) > cover_set_strength(best))
			best = set;
	}
	return best;
}

/* Either one or the other matches. */
static void add_way(struct part *sum, struct part *way)
{
	const struct cover_set *first, *second;
	struct cover_set both;

	if (sum->is_exact && way->is_exact && unite(&sum->exact, &way->exact))
		return;
	first = best_set(sum);
	second = best_set(way);
	both.count = 0;
	if (first)
		both = *first;
	set_unknown(sum);
	if (first && second && unite(&both, second))
		cover_add(&sum->cover, &both);
}

static void read_ways(struct reader *reader, struct part *part)
{
	struct part way;

	read_sequence(reader, part);
	while (!reader->is_odd && *reader->at == '|') {
		reader->at++;
		read_sequence(reader, &way);
		if (!reader->is_odd)
			add_way(part, &way);
	}
}

void cover_of_regex(struct cover *cover, const char *text)
{
	struct reader reader = {.at = text};
	struct part part;

	cover->count = 0;
	read_ways(&reader, &part);
	if (reader.is_odd || *reader.at)
		return;
	set_needed(&part);
	*cover = part.cover;
}
