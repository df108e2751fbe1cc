// SPDX-License-Identifier: BSD-2-Clause
/*
 * aside.h - long work that the loop does not wait for.
 *
 * A thread of its own does it, at a low priority (priority.h), so that on a
 * full core the loop's own work comes first.  What it works on is its own until
 * on_done, which the loop calls.
 *
 * Errors	-ENOMEM; -EAGAIN, -EPERM: there can be no thread
 * Ownership	aside_start() gives to the caller
 * Thread	`work` runs in another one; all else in that of the loop
 */
#ifndef ERSATZ_COMMON_ASIDE_H
#define ERSATZ_COMMON_ASIDE_H

#include "common/compiler.h"

#include <ev.h>

struct aside;

typedef void (*aside_fn)(void *ctx);

/* Signals stay with the loop.  After on_done only aside_free() is left. */
NODISCARD int aside_start(struct aside **aside, struct ev_loop *loop,
			  aside_fn work, aside_fn on_done, void *ctx);

/* Waits for the work, if it goes on; on_done is not called any more. */
void aside_free(struct aside *aside);

#endif
