// SPDX-License-Identifier: BSD-2-Clause
/*
 * allowed.h - what routed's processes may call: one table each, see
 * common/seccomp.h.
 *
 * A kernel without filters is no reason not to start: that is a warning.
 */
#ifndef ERSATZ_ROUTED_ALLOWED_H
#define ERSATZ_ROUTED_ALLOWED_H

enum allowed_process {
	ALLOWED_PARENT,
	ALLOWED_SPAWNER, /* and what a relay does before it has its own */
	ALLOWED_RELAY,
};

/* From now on this process, which is that one, may call nothing else. */
void allowed_enter(enum allowed_process process);

#endif
