// SPDX-License-Identifier: BSD-2-Clause
/*
 * figures.h - the numbers of dnsd: one object of all of them.
 *
 * The verb "status" sends it, and metrics are made of it (common/metrics.h).
 */
#ifndef ERSATZ_DNSD_FIGURES_H
#define ERSATZ_DNSD_FIGURES_H

#include "common/compiler.h"
#include "common/json.h"
#include "common/metrics.h"
#include "dnsd/verbs.h"

/* NULL: no memory. */
NODISCARD struct json *figures_json(const struct verbs *verbs);

/* Which member is which metric. */
extern const struct metric figures_metrics[];

#endif
