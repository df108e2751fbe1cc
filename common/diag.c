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
	free(diag->places);
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

static char *line_new(const char *file, struct diag_place *place,
		      const char *kind, const char *text)
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return NULL;
	print_escaped(out, file);
	place->file_length = (size_t)ftell(out);
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

static bool is_same_file(const char *a, const char *b, size_t length)
{
	return !strncmp(a, b, length);
}

/* The number that an earlier line gave to the file, or a new one. */
static unsigned file_number(const struct diag *diag, const char *line,
			    size_t length)
{
	unsigned next = 0;

	for (size_t i = 0; i < diag->count; i++) {
		const struct diag_place *place = &diag->places[i];

		if (place->file_length == length &&
		    is_same_file(diag->lines[i], line, length))
			return place->file;
		if (place->file >= next)
			next = place->file + 1;
	}
	return next;
}

static bool has_room(struct diag *diag)
{
	size_t count = diag->count + 1;
	struct diag_place *places;
	char **lines;

	if (diag->count == DIAG_MAX)
		return false;
	lines = reallocarray(diag->lines, count, sizeof(*lines));
	if (!lines)
		return false;
	diag->lines = lines;
	places = reallocarray(diag->places, count, sizeof(*places));
	if (!places)
		return false;
	diag->places = places;
	return true;
}

struct finding {
	const char *file, *kind;
	unsigned line, column;
};

PRINTF_LIKE(3, 0)
static void add(struct diag *diag, const struct finding *finding,
		const char *fmt, va_list args)
{
	struct diag_place place = {.line = finding->line,
				   .column = finding->column};
	char text[TEXT_MAX + sizeof("...")];
	char *line;
	int length;

	if (!has_room(diag))
		return;
	length = vsnprintf(text, TEXT_MAX, fmt, args);
	if (length < 0)
		return;
	if (length >= TEXT_MAX)
		strcpy(text + TEXT_MAX - 1, "...");

	line = line_new(finding->file, &place, finding->kind, text);
	if (!line)
		return;
	place.file = file_number(diag, line, place.file_length);
	diag->places[diag->count] = place;
	diag->lines[diag->count] = line;
	diag->count++;
}

void diag_error(struct diag *diag, const char *file, unsigned line,
		unsigned column, const char *fmt, ...)
{
	struct finding finding = {file, "", line, column};
	va_list args;

	diag->errors++;
	va_start(args, fmt);
	add(diag, &finding, fmt, args);
	va_end(args);
}

void diag_warning(struct diag *diag, const char *file, unsigned line,
		  unsigned column, const char *fmt, ...)
{
	struct finding finding = {file, "warning: ", line, column};
	va_list args;

	diag->warnings++;
	va_start(args, fmt);
	add(diag, &finding, fmt, args);
	va_end(args);
}

static bool is_before(const struct diag_place *a, const struct diag_place *b)
{
	if (a->file != b->file)
		return a->file < b->file;
	if (a->line != b->line)
		return a->line < b->line;
	return a->column < b->column;
}

static void swap(struct diag *diag, size_t a, size_t b)
{
	struct diag_place place = diag->places[a];
	char *line = diag->lines[a];

	diag->places[a] = diag->places[b];
	diag->lines[a] = diag->lines[b];
	diag->places[b] = place;
	diag->lines[b] = line;
}

void diag_sort(struct diag *diag, size_t first, const char *file)
{
	size_t length = strlen(file);

	/* `file` becomes number 0, the others keep their order behind it. */
	for (size_t i = first; i < diag->count; i++) {
		struct diag_place *place = &diag->places[i];

		if (place->file_length == length &&
		    is_same_file(diag->lines[i], file, length))
			place->file = 0;
		else
			place->file++;
	}
	/* By insertion: stable, and there are at most DIAG_MAX. */
	for (size_t i = first + 1; i < diag->count; i++) {
		for (size_t j = i; j > first; j--) {
			if (!is_before(&diag->places[j], &diag->places[j - 1]))
				break;
			swap(diag, j, j - 1);
		}
	}
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
