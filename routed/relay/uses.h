// SPDX-License-Identifier: BSD-2-Clause
/*
 * uses.h - telling dnsd which fake addresses flows use.
 *
 * dnsd gives the address of a name that was not asked for lately to another
 * one, but never while a flow goes there: a flow may be older than any answer.
 * Whoever begins a flow to a slot, and whoever keeps one, calls uses_note();
 * what was noted goes to the verb "hold" of dnsd's control socket, within a
 * second, {"verb":"hold","slots":"3,7-9"}.  Four times in a guard time, and
 * after each new connection, `each` is asked to note all slots that flows
 * use; when they are told, "all":true says so.  dnsd takes nothing away
 * without that, so that a report that is late or lost does no harm.
 *
 * Ownership	uses_new() gives to the caller
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_USES_H
#define ERSATZ_ROUTED_RELAY_USES_H

#include "common/compiler.h"

#include <ev.h>
#include <stdint.h>

struct uses;

struct uses_conf {
	const char *path; /* dnsd's control socket; copied */
	uint32_t slots;   /* of the pool */
	int64_t guard_ms; /* dnsd.fake.guard */
	void (*each)(void *ctx, struct uses *uses);
	void *ctx;
};

NODISCARD int uses_new(struct uses **uses, struct ev_loop *loop,
		       const struct uses_conf *conf);
void uses_free(struct uses *uses);

/* The guard time of a new configuration. */
void uses_set_guard(struct uses *uses, int64_t guard_ms);

/* Costs next to nothing; 0 and slots beyond the pool are ignored. */
void uses_note(struct uses *uses, uint32_t slot);

#endif
