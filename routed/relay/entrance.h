// SPDX-License-Identifier: BSD-2-Clause
/*
 * entrance.h - accepting what the inner namespace let in.
 *
 * The listeners are transparent: the accepted socket's own address is what
 * the application dialled and its peer is the application.  Without a free
 * descriptor a connection is accepted with a spare one and reset, since it
 * would otherwise wait, and wake us, for ever.
 *
 * Errors	-errno
 * Ownership	listeners are borrowed; accepted descriptors go to the callback
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_ENTRANCE_H
#define ERSATZ_ROUTED_RELAY_ENTRANCE_H

#include "routed/relay/tuples.h"

#include <ev.h>

struct entrance;

/* `fd` is non-blocking; `tuple` is what the application's SYN had. */
typedef void (*entrance_fn)(void *ctx, int fd, const struct tuple *tuple);

NODISCARD int entrance_new(struct entrance **entrance, struct ev_loop *loop,
			   const int listeners[2], entrance_fn fn, void *ctx);
void entrance_free(struct entrance *entrance);

#endif
