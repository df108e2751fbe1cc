// SPDX-License-Identifier: BSD-2-Clause
/*
 * backoff.h - how soon what died is made again, and when no more.
 *
 * Pure; the caller has the clock.
 *
 * Units	milliseconds of one monotonic clock
 */
#ifndef ERSATZ_ROUTED_BACKOFF_H
#define ERSATZ_ROUTED_BACKOFF_H

#include "common/compiler.h"

#include <stdint.h>

#define BACKOFF_DEATHS 5        /* that many ... */
#define BACKOFF_WINDOW_MS 60000 /* ... within a minute are too many */
#define BACKOFF_FIRST_MS 50     /* doubled for each death of the minute */

struct backoff {
	int64_t deaths[BACKOFF_DEATHS]; /* a ring */
	uint64_t count;                 /* of all there were */
};

/* Counts a death: how long to wait, or ERR_FULL after one too many. */
NODISCARD int64_t backoff_after_death(struct backoff *backoff, int64_t now_ms);

#endif
