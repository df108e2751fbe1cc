// SPDX-License-Identifier: BSD-2-Clause
/*
 * outlet.h - metrics over HTTP, where `routed.metrics` wants them.
 *
 * A scrape cannot wait for the relay, which alone knows the flows.  So while
 * there is an endpoint the relay is asked each second, and a scrape is told
 * what it said last.
 *
 * Errors	those of metrics_http_open(), which were logged
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_OUTLET_H
#define ERSATZ_ROUTED_OUTLET_H

#include "common/metrics_http.h"

struct outlet_conf {
	struct ev_loop *loop;
	metrics_text_fn text;
	void (*ask)(void *ctx); /* the relay, each second */
	void *ctx;
};

/* All zero and conf: closed.  Pointers are borrowed. */
struct outlet {
	struct outlet_conf conf;
	struct metrics_http *http; /* owned; NULL: off */
	struct endpoint endpoint;  /* of it */
	struct ev_timer poll;
};

void outlet_init(struct outlet *outlet, const struct outlet_conf *conf);
void outlet_close(struct outlet *outlet);

/* There, or (without a family) nowhere; when that fails all stays. */
NODISCARD int outlet_follow(struct outlet *outlet,
			    const struct endpoint *endpoint);

#endif
