// SPDX-License-Identifier: BSD-2-Clause
#include "common/diag.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1024 /* of one finding; a longer one ends in "..." */
#define WORD_MAX 64   /* longer words are near to nothing */

void diag_init(struct diag *diag)
{
	memset(diag, 0, sizeof(*diag));
}

void diag_fini(struct diag *diag)
{
	for (size_t i = 0; i < diag->count; i++)
		free(diag->lines[i]);
	free(diag->lines);
	diag_init(diag);
}

/*
 * A config can hold any character, and what it holds is shown to an
 * administrator's terminal: control characters (C0, DEL, and C1 as UTF-8
 * writes them) must not reach it.
 */
static bool is_control(const char *text)
{
	uint8_t first = (uint8_t)text[0];
	uint8_t second = first ? (uint8_t)text[1] : 0;

	if (first == 0xc2)
		return second >= 0x80 && second <= 0x9f;
	return first < 0x20 || first == 0x7f;
}

static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (!is_control(text)) {
			putc(*text, out);
			continue;
		}
		fprintf(out, "\\x%02x", (uint8_t)*text);
		if ((uint8_t)*text == 0xc2)
			fprintf(out, "\\x%02x", (uint8_t) * ++text);
	}
}

struct place {
	const char *file;
	unsigned line, column;
};

static char *line_new(const struct place *place, const char *kind,
		      const char *text)
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return NULL;
	print_escaped(out, place->file);
	if (place->line)
		fprintf(out, ":%u", place->line);
	if (place->line && place->column)
		fprintf(out, ":%u", place->column);
	fprintf(out, ": %s", kind);
	print_escaped(out, text);
	if (fclose(out)) {
		free(line);
		return NULL;
	}
	return line;
}

PRINTF_LIKE(4, 0)
static void add(struct diag *diag, const struct place *place, const char *kind,
		const char *fmt, va_list args)
{
	char text[TEXT_MAX + sizeof("...")];
	char **lines;
	int length;

	if (diag->count == DIAG_MAX)
		return;
	length = vsnprintf(text, TEXT_MAX, fmt, args);
	if (length < 0)
		return;
	if (length >= TEXT_MAX)
		strcpy(text + TEXT_MAX - 1, "...");

	lines = realloc(diag->lines, (diag->count + 1) * sizeof(*lines));
	if (!lines)
		return;
	diag->lines = lines;
	lines[diag->count] = line_new(place, kind, text);
	if (lines[diag->count])
		diag->count++;
}

void diag_error(struct diag *diag, const char *file, unsigned line,
		unsigned column, const char *fmt, ...)
{
	struct place place = {file, line, column};
	va_list args;

	diag->errors++;
	va_start(args, fmt);
	add(diag, &place, "", fmt, args);
	va_end(args);
}

void diag_warning(struct diag *diag, const char *file, unsigned line,
		  unsigned column, const char *fmt, ...)
{
	struct place place = {file, line, column};
	va_list args;

	diag->warnings++;
	va_start(args, fmt);
	add(diag, &place, "warning: ", fmt, args);
	va_end(args);
}

void diag_print(const struct diag *diag, FILE *out)
{
	size_t seen = diag->errors + diag->warnings;

	for (size_t i = 0; i < diag->count; i++)
		fprintf(out, "%s\n", diag->lines[i]);
	if (seen > diag->count)
		fprintf(out, "and %zu more\n", seen - diag->count);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool is_same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/*
 * Optimal string alignment: insert, delete, replace or swap two neighbours,
 * one each; upper and lower case are the same.  Three rows of the matrix are
 * enough.  Both words are at most WORD_MAX long.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];
	size_t a_length = strlen(a), b_length = strlen(b);

	for (size_t j = 0; j <= b_length; j++)
		last[j] = before[j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *oldest = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned cost = is_same(a[i - 1], b[j - 1]) ? 0 : 1;

			now[j] = least(least(last[j], now[j - 1]) + 1,
				       last[j - 1] + cost);
			if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) &&
			    is_same(a[i - 2], b[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_length];
}

const char *diag_nearest(const char *word, const char *const *words)
{
	size_t length = strlen(word);
	/* One slip in a short word, one in three letters of a long one. */
	unsigned limit = length < 6 ? 1 : (unsigned)length / 3;
	unsigned best = limit + 1;
	const char *nearest = NULL;

	if (!length || length > WORD_MAX)
		return NULL;
	for (; *words; words++) {
		unsigned found;

		if (strlen(*words) > WORD_MAX)
			continue;
		found = distance(word, *words);
		/* "ab" is not a slip of "ac": something must be in common. */
		if (found < best && found < length) {
			best = found;
			nearest = *words;
		}
	}
	return nearest;
}
