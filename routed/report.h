// SPDX-License-Identifier: BSD-2-Clause
/*
 * report.h - what routed tells, for a person: status, flows, explanation.
 *
 * Takes the lines of JSON that --json prints as they are, and leaves out what
 * is unknown, does not apply or is as usual.
 *
 * Errors	-errno
 */
#ifndef ERSATZ_ROUTED_REPORT_H
#define ERSATZ_ROUTED_REPORT_H

#include "common/compiler.h"
#include "common/json.h"
#include "routed/recover.h"

#include <stdio.h>

#define REPORT_BYTES_SIZE 16

/* "7 B", "1.5 KiB", "12 MiB"; `out` has REPORT_BYTES_SIZE bytes. */
const char *report_bytes(int64_t bytes, char *out);

void report_status(const struct json *status, FILE *out);

/* Of recover.h; only what was there is named. */
void report_recovery(const struct recover_report *report, int ended, FILE *out);

/* One object: kept, rules, routes, links, tables, resolver, connections. */
void report_recovery_json(const struct recover_report *report, int ended,
			  FILE *out);

/* The sentence, then what it rests on. */
void report_explanation(const struct json *explanation, FILE *out);

/*
 * A table as wide as what is in it: so it is printed when all are there.  A
 * column that nobody has something in is left out.
 */
#define REPORT_COLUMNS 8
struct report_flows {
	FILE *rows; /* owned; cells end with tabs */
	char *text; /* owned */
	size_t size;
	size_t count;
	int widths[REPORT_COLUMNS];
};
NODISCARD int report_flows_init(struct report_flows *flows);
void report_flows_add(struct report_flows *flows, const struct json *flow);
/* What has come in; and a sentence if that is nothing. */
void report_flows_print(struct report_flows *flows, FILE *out);
void report_flows_fini(struct report_flows *flows);

#endif
