// SPDX-License-Identifier: BSD-2-Clause
/*
 * sources.h - the files that rules were read from, and one number for each of
 * their lines.
 *
 * An entry of an index has room for a number, not for a file and a line; so
 * the lines of all files are numbered through.  0 is no line.
 *
 * Errors	-ENOMEM; -EFBIG for more lines than there are numbers
 * Ownership	the owner embeds the struct, zeroed; sources_fini() frees
 * Thread	sources_find() is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_SOURCES_H
#define ERSATZ_COMMON_RULES_SOURCES_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
	char *file;         /* owned; as messages name it */
	size_t path_length; /* what of it is the path: not "(cn)" */
	bool is_inner;      /* another file includes it */
	const char *form;   /* static: "text list", "dnsmasq list", ... */
	uint32_t before;    /* the number of its first line, less one */
	uint32_t lines;
	size_t entries; /* that it has given */
};

struct sources {
	struct source *at; /* owned */
	size_t count, room;
	uint32_t used; /* numbers given */
};

void sources_fini(struct sources *sources);

/*
 * Gives numbers to a file of so many lines; the place in `at`.  All of the
 * name is the path.
 */
NODISCARD int sources_add(struct sources *sources, const char *file,
			  const char *form, size_t lines);

/* The source of a number, or NULL for 0. */
const struct source *sources_find(const struct sources *sources,
				  uint32_t number);

#endif
