// SPDX-License-Identifier: BSD-2-Clause
/*
 * report.h - what the running dnsd tells of itself, for a person.
 *
 * Takes the lines of JSON that --json prints as they are, and leaves out what
 * is nought or as usual.
 */
#ifndef ERSATZ_DNSD_REPORT_H
#define ERSATZ_DNSD_REPORT_H

#include "common/json.h"

#include <stdio.h>

/* One line of the verb "status": of dnsd itself, or of one upstream. */
void report_status(const struct json *line, FILE *out);

#endif
