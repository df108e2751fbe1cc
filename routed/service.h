// SPDX-License-Identifier: BSD-2-Clause
/*
 * service.h - the parent of routed: all parts, wired in order.
 *
 * Start	folders, lock, spawner, host (which removes what a crash left),
 *		the outbounds' own servers, inner namespace; now all privilege
 *		that is not needed any more is given up; the first relay with
 *		its TUNs; once that is ready: capture, control socket, ready
 * Run		a relay that died is followed by another; every second a look
 *		at who listens for our outbounds and which UDP servers there
 *		are
 * Stop		the reverse: control socket, connections of the TUN, capture,
 *		relay
 *
 * Errors	logged here; negative
 * Thread	one
 */
#ifndef ERSATZ_ROUTED_SERVICE_H
#define ERSATZ_ROUTED_SERVICE_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/daemon.h"

#include <ev.h>

struct service;

struct service_conf {
	struct config *config; /* goes to the service, also when it fails */
	const char *text;      /* that the config was loaded from; borrowed */
	size_t length;
	struct daemon *daemon; /* borrowed; told when all is ready */
	bool is_foreground;    /* logs go on to stderr */
};

/* Returns when the first relay is under way; service_run() does the rest. */
NODISCARD int service_start(struct service **service,
			    const struct service_conf *conf);

/* Until service_stop() is through, or nothing can be done any more. */
NODISCARD int service_run(struct service *service); /* what exit() gets */

/* Begins to stop; from a signal watcher on service_loop(). */
void service_stop(struct service *service);
struct ev_loop *service_loop(struct service *service);

/*
 * Goes on with another configuration (taken, also on failure).  Folders, user
 * and the TUN's name must be as they were: ERR_CONFIG otherwise.
 */
NODISCARD int service_reload(struct service *service, struct config *config,
			     const char *text, size_t length);

/* After service_run(). */
void service_free(struct service *service);

#endif
