// SPDX-License-Identifier: BSD-2-Clause
/*
 * rival.h - noticing that another program removes what we install.
 *
 * One repair is an accident; the third in a row is somebody who will do it
 * again: from then on repairs are a second apart, and the warning is due,
 * once in ten minutes.
 *
 * Units	milliseconds of the monotonic clock
 */
#ifndef ERSATZ_ROUTED_RIVAL_H
#define ERSATZ_ROUTED_RIVAL_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RIVAL_ROW 3           /* repairs that are no accident */
#define RIVAL_PAUSE_MS 10000  /* without one: the row ends */
#define RIVAL_SPACING_MS 1000 /* between repairs, in a long row */
#define RIVAL_WARN_MS 600000
#define RIVAL_NAME_SIZE 128

struct rival {
	unsigned row;
	int64_t last_ms;
	int64_t warned_ms;
	bool has_warned;
};

/* A repair was made; true when the warning is due. */
bool rival_note(struct rival *rival, int64_t now_ms);

/* How long the next repair has to wait after the last one; 0: not at all. */
int64_t rival_spacing_ms(const struct rival *rival, int64_t now_ms);

/*
 * Who it may have been: the program that owns the netlink port (its process
 * id, most often), or systemd-networkd where that runs, with the setting that
 * stops it; else "another program".  Reads /proc and /run.
 */
const char *rival_name(uint32_t portid, char *out, size_t size);

#endif
