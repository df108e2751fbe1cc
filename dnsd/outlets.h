// SPDX-License-Identifier: BSD-2-Clause
/*
 * outlets.h - where numbers and queries go out, as a configuration says: the
 * query log, metrics over HTTP.
 *
 * Two steps: what can fail opens first, beside what is in use; then it takes
 * its place.  So a reload that fails has changed nothing.
 *
 * Errors	-errno, logged here
 * Ownership	outlets_new() gives to the caller
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_OUTLETS_H
#define ERSATZ_DNSD_OUTLETS_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/metrics_http.h"
#include "dnsd/watch.h"

#include <ev.h>
#include <stdbool.h>

struct outlets;

/* The watch is borrowed; `text` and `ctx` are those of the metrics. */
NODISCARD int outlets_new(struct outlets **outlets, struct ev_loop *loop,
			  struct watch *watch, metrics_text_fn text, void *ctx);
void outlets_free(struct outlets *outlets);

/* What was opened and is not in use yet. */
struct outlets_ready {
	int log_fd;
	struct metrics_http *http;
	bool is_http_kept; /* it is at the same address */
};

NODISCARD int outlets_open(struct outlets *outlets, const struct config *config,
			   struct outlets_ready *ready);
void outlets_abandon(struct outlets_ready *ready);
/* The config is borrowed from now on. */
void outlets_use(struct outlets *outlets, const struct config *config,
		 const struct outlets_ready *ready);

#endif
