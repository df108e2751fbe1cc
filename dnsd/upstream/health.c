// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/health.h"

bool health_is_broken(const struct health *health)
{
	return health->pause_ms > 0;
}

bool health_is_due(const struct health *health, int64_t now_ms)
{
	return health_is_broken(health) ? now_ms >= health->due_ms
					: health_is_doubtful(health);
}

bool health_is_doubtful(const struct health *health)
{
	return health->failures > 0;
}

bool health_on_answer(struct health *health, int64_t rtt_us)
{
	bool was_broken = health_is_broken(health);

	if (rtt_us < 1)
		rtt_us = 1;
	if (health->rtt_us == 0 || was_broken)
		health->rtt_us = rtt_us;
	else
		health->rtt_us += (rtt_us - health->rtt_us) / 8;
	if (health->rtt_us < 1)
		health->rtt_us = 1;
	health->failures = 0;
	health->pause_ms = 0;
	return was_broken;
}

bool health_on_failure(struct health *health, int64_t now_ms)
{
	bool was_broken = health_is_broken(health);

	if (++health->failures < HEALTH_FAILURES)
		return false;
	/* Only its own questions make the pause longer. */
	if (was_broken && !health_is_due(health, now_ms))
		return false;
	health->pause_ms =
		was_broken ? health->pause_ms * 2 : HEALTH_PAUSE_MIN_MS;
	if (health->pause_ms > HEALTH_PAUSE_MAX_MS)
		health->pause_ms = HEALTH_PAUSE_MAX_MS;
	health->due_ms = now_ms + health->pause_ms;
	return !was_broken;
}

void health_fade(struct health *health)
{
	if (health->rtt_us > 50)
		health->rtt_us -= health->rtt_us / 50;
}
