// SPDX-License-Identifier: BSD-2-Clause
/*
 * metrics_http.h - GET /metrics for Prometheus; the boundary of libmicrohttpd.
 *
 * The library is loaded when it is asked for and not at the start: it brings
 * GnuTLS with it, which takes longer than a daemon without it to answer, and
 * as much memory as the rest of it.  Few clients at a time, each with a bound
 * on its time; nobody who is slow holds up the daemon.
 *
 * Errors	-errno; -ENOSYS: built without libmicrohttpd; -ENOENT: it is
 *		not installed
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_COMMON_METRICS_HTTP_H
#define ERSATZ_COMMON_METRICS_HTTP_H

#include "common/addr.h"
#include "common/compiler.h"

#include <ev.h>
#include <stdbool.h>

struct metrics_http;

/* The text of now, to be freed; NULL: there is none. */
typedef char *(*metrics_text_fn)(void *ctx);

struct metrics_http_conf {
	const struct endpoint *listen; /* copied */
	metrics_text_fn text;
	void *ctx; /* borrowed */
};

NODISCARD int metrics_http_open(struct metrics_http **http,
				struct ev_loop *loop,
				const struct metrics_http_conf *conf);
void metrics_http_close(struct metrics_http *http);

/* Was this built with libmicrohttpd? */
bool metrics_http_is_built(void);

#endif
