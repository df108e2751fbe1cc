// SPDX-License-Identifier: BSD-2-Clause
/*
 * figures.h - what routed counts, as `--status` and `--metrics` have it.
 *
 * Ownership	results belong to the caller; NULL: no memory
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_FIGURES_H
#define ERSATZ_ROUTED_FIGURES_H

#include "common/json.h"
#include "routed/verbs.h"

/* `counters` are the relay's; NULL: there is none, all are 0. */
NODISCARD struct json *figures_json(const struct verbs *verbs,
				    const struct link_counters *counters);

/* The same as OpenMetrics, with the histograms of the set-up of flows. */
NODISCARD char *figures_metrics(const struct verbs *verbs,
				const struct link_counters *counters);

#endif
