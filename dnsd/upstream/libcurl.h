// SPDX-License-Identifier: BSD-2-Clause
/*
 * libcurl.h - libcurl, loaded while the loop goes on.
 *
 * It brings some forty libraries with it: 8 MB and 5 to 55 ms that a daemon
 * without an upstream by TLS, by HTTPS or through a proxy does not pay.  One
 * that has one (config_needs_libcurl()) loads it at its start, in a thread of
 *low priority: whoever needs it meanwhile waits, and nobody else does.
 *
 * Errors	-errno; that it cannot be loaded is logged, and told by
 *		libcurl_has_failed()
 * Ownership	libcurl_load() gives to the caller
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_UPSTREAM_LIBCURL_H
#define ERSATZ_DNSD_UPSTREAM_LIBCURL_H

#include "common/compiler.h"

#include <ev.h>
#include <stdbool.h>

struct libcurl;

/* Once, by way of the loop, when it is loaded or has failed to. */
typedef void (*libcurl_done_fn)(void *ctx);

NODISCARD int libcurl_load(struct libcurl **libcurl, struct ev_loop *loop,
			   libcurl_done_fn fn, void *ctx);
/* Waits for the thread; the library itself cannot be given back. */
void libcurl_free(struct libcurl *libcurl);

bool libcurl_has_failed(const struct libcurl *libcurl);

#endif
