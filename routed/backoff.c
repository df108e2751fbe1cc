// SPDX-License-Identifier: BSD-2-Clause
#include "routed/backoff.h"

#include "common/err.h"

int64_t backoff_after_death(struct backoff *backoff, int64_t now_ms)
{
	int64_t delay_ms = BACKOFF_FIRST_MS / 2;
	unsigned recent = 0;

	backoff->deaths[backoff->count % BACKOFF_DEATHS] = now_ms;
	backoff->count++;
	for (uint64_t i = 0; i < BACKOFF_DEATHS && i < backoff->count; i++) {
		if (now_ms - backoff->deaths[i] < BACKOFF_WINDOW_MS) {
			recent++;
			delay_ms *= 2;
		}
	}
	return recent >= BACKOFF_DEATHS ? ERR_FULL : delay_ms;
}
