// SPDX-License-Identifier: BSD-2-Clause
/*
 * service.h - the running daemon: all parts, wired in order.
 *
 * Start: folders, lock, sockets, then every privilege is given up, then the
 * map and all that reads bytes of others.  Without root the user stays who it
 * is, and the folders and ports must be ones that it may use.
 *
 * Errors	logged here; negative
 * Ownership	service_start() and service_reload() take the config, also
 *		when they fail
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_SERVICE_H
#define ERSATZ_DNSD_SERVICE_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/daemon.h"

#include <ev.h>

struct service;

/* `daemon` is borrowed; service_start() takes its lock. */
NODISCARD int service_start(struct service **service, struct ev_loop *loop,
			    struct daemon *daemon, struct config *config);

/*
 * Goes on with another configuration, which answers the queries under way too.
 * What was read at the start only (addresses to listen at, the pool, folders,
 * user) must be as it was: ERR_CONFIG otherwise.
 */
NODISCARD int service_reload(struct service *service, struct config *config);

/* Ends every query that is under way with an answer, and marks the map clean.
 */
void service_stop(struct service *service);

#endif
