// SPDX-License-Identifier: BSD-2-Clause
/*
 * metrics.h - numbers for Prometheus, as OpenMetrics text.
 *
 * What is told is what the verb "status" says, a line of JSON; a table says
 * which member is which metric.  So the two cannot differ, and a number is
 * counted in one place.
 *
 * Ownership	the text belongs to the caller
 * Source	OpenMetrics 1.0, https://prometheus.io/docs/specs/om/
 */
#ifndef ERSATZ_COMMON_METRICS_H
#define ERSATZ_COMMON_METRICS_H

#include "common/compiler.h"
#include "common/json.h"

#include <stddef.h>
#include <stdint.h>

#define METRICS_TYPE \
	"application/openmetrics-text; version=1.0.0; charset=utf-8"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

/* Those of one name, with different labels, stand one behind the other. */
struct metric {
	const char *key;  /* of the member; NULL ends the table */
	const char *name; /* "dnsd_queries"; a counter gets "_total" */
	enum metric_kind kind;
	const char *label; /* "kind=\"fake\"", or NULL */
	const char *help;  /* a sentence; of the first of a name */
};

/* Seconds; those of one name stand one behind the other, as above. */
struct metrics_histogram {
	const char *name; /* "routed_setup_seconds"; NULL ends the list */
	const char *label;
	const char *help;
	const uint32_t *bounds_us; /* upper ones, of all buckets but the last */
	const uint64_t *counts;    /* of each bucket, not of those below it */
	size_t buckets;
	uint64_t sum_us;
};

/*
 * The whole text; members that are missing are left out.  `histograms` may be
 * NULL.  NULL: no memory.
 */
NODISCARD char *metrics_text(const struct metric *table,
			     const struct json *line,
			     const struct metrics_histogram *histograms);

#endif
