// SPDX-License-Identifier: BSD-2-Clause
/*
 * watch.h - `routed --flows --watch`: the flows, looked at once a second.
 *
 * On a terminal it repaints, sorts, filters and closes flows; with JSON, or
 * where there is no terminal, each round is printed as it comes.
 *
 * Privilege	none to look; root sees which program has a flow, and may
 *		close one
 */
#ifndef ERSATZ_ROUTED_VIEW_WATCH_H
#define ERSATZ_ROUTED_VIEW_WATCH_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stdio.h>

/* Until it is told to end; what exit() gets. */
NODISCARD int watch_flows(const char *run_dir, bool is_json, FILE *out);

#endif
