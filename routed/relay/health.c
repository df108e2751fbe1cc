// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/health.h"

#include <stdio.h>

/* A new latency counts for one quarter: one slow probe changes little. */
#define SMOOTHING 4

void health_init(struct health *health, int64_t now_ms)
{
	*health = (struct health){.since_ms = now_ms, .latency_us = -1};
}

static bool set_state(struct health *health, enum health_state state,
		      int64_t now_ms)
{
	if (health->state == state)
		return false;
	health->state = state;
	health->since_ms = now_ms;
	return true;
}

bool health_on_success(struct health *health, int64_t now_ms)
{
	health->failures = 0;
	return set_state(health, HEALTH_UP, now_ms);
}

bool health_on_failure(struct health *health, int64_t now_ms,
		       int64_t interval_ms, const char *reason)
{
	int64_t wait_ms = HEALTH_RETRY_MS;

	for (uint32_t i = 0; i < health->failures && wait_ms < interval_ms; i++)
		wait_ms *= 2;
	if (wait_ms > interval_ms)
		wait_ms = interval_ms;
	/* Flows that fail together are one failure. */
	if (health->state != HEALTH_DOWN || now_ms >= health->retry_ms)
		health->failures++;
	health->retry_ms = now_ms + wait_ms;
	health->latency_us = -1;
	snprintf(health->reason, sizeof(health->reason), "%s", reason);
	return set_state(health, HEALTH_DOWN, now_ms);
}

void health_on_probe(struct health *health, int64_t now_ms, int64_t latency_us)
{
	health->probed_ms = now_ms;
	if (latency_us < 0)
		return;
	if (health->latency_us < 0)
		health->latency_us = latency_us;
	else
		health->latency_us +=
			(latency_us - health->latency_us) / SMOOTHING;
}

int64_t health_due(const struct health *health, int64_t interval_ms)
{
	if (health->state == HEALTH_DOWN)
		return health->retry_ms;
	return health->probed_ms ? health->probed_ms + interval_ms : 0;
}

bool health_on_pause(struct health *health, int64_t now_ms)
{
	return set_state(health, HEALTH_UNKNOWN, now_ms);
}
