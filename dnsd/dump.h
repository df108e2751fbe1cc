// SPDX-License-Identifier: BSD-2-Clause
/*
 * dump.h - the map as a person or a program wants to read it.
 *
 * Reads map.db read only, whether the daemon runs or not; when it runs, its
 * verb "used" (verbs.h) tells when each name was last answered, otherwise that
 * is not known.
 *
 *	table	aligned columns for eyes
 *	json	one object a line: slot name ipv4 ipv6 created last_used
 *	csv	the same columns, RFC 4180
 *	hosts	hosts(5); names that are none there are left out
 */
#ifndef ERSATZ_DNSD_DUMP_H
#define ERSATZ_DNSD_DUMP_H

#include "common/compiler.h"
#include "common/config.h"
#include "dnsd/dump_filter.h"

#include <stdio.h>

enum dump_form { DUMP_TABLE, DUMP_JSON, DUMP_CSV, DUMP_HOSTS };

/* The form of a word; NULL is DUMP_TABLE; -EINVAL for others. */
NODISCARD int dump_form_of(const char *word);

struct dump_request {
	enum dump_form form;
	struct dump_filter filter;
};

/* dnsd --dump-map[=FORM].  Returns what exit() gets; errors go to the log. */
NODISCARD int dump_run(const struct config *config,
		       const struct dump_request *request, FILE *out);

#endif
