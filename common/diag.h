// SPDX-License-Identifier: BSD-2-Clause
/*
 * diag.h - every error of an input, not only the first.
 *
 * A diag collects lines of the form "file:line:column: what is wrong, what
 * was expected".  Line 0 leaves line and column out: "file: reason".
 *
 * Ownership	the caller has the struct; diag_fini() frees what it holds
 */
#ifndef ERSATZ_COMMON_DIAG_H
#define ERSATZ_COMMON_DIAG_H

#include "common/compiler.h"

#include <stddef.h>
#include <stdio.h>

#define DIAG_MAX 100 /* further ones are counted only */

struct diag_place {
	unsigned file; /* a number for each file, as they came */
	unsigned line, column;
	size_t file_length; /* of the file's name in the line */
};

struct diag {
	char **lines;              /* owned, in the order they came */
	struct diag_place *places; /* owned, of the lines */
	size_t count;              /* lines held */
	size_t errors;             /* errors seen, those left out included */
	size_t warnings;
};

void diag_init(struct diag *diag);
void diag_fini(struct diag *diag);

/* `file` is printed as given; column 0 leaves the column out. */
void diag_error(struct diag *diag, const char *file, unsigned line,
		unsigned column, const char *fmt, ...) PRINTF_LIKE(5, 6);
void diag_warning(struct diag *diag, const char *file, unsigned line,
		  unsigned column, const char *fmt, ...) PRINTF_LIKE(5, 6);

/*
 * Puts the lines from index `first` on in the order of a reader: `file` from
 * its top to its end, then the other files.
 */
void diag_sort(struct diag *diag, size_t first, const char *file);

void diag_print(const struct diag *diag, FILE *out);

/*
 * The member of `words` (NULL-terminated) nearest to `word` by edit distance,
 * or NULL if none is near enough to be meant.
 */
const char *diag_nearest(const char *word, const char *const *words);

#endif
