// SPDX-License-Identifier: BSD-2-Clause
/*
 * health.h - does it work, and how fast: one member of a group.
 *
 * A member is up until it fails.  One that failed is taken last until
 * something shows that it is well again: a probe, which is due after a
 * second and then more and more rarely, or a flow that was tried all the same.
 * Pure.
 *
 * Units	milliseconds of the monotonic clock; latencies in microseconds
 */
#ifndef ERSATZ_ROUTED_RELAY_HEALTH_H
#define ERSATZ_ROUTED_RELAY_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_REASON_SIZE 64
#define HEALTH_RETRY_MS 1000 /* the first probe after a failure */

enum health_state {
	HEALTH_UNKNOWN, /* nothing was seen of it */
	HEALTH_UP,
	HEALTH_DOWN,
};

struct health {
	enum health_state state;
	uint32_t failures;               /* in a row */
	int64_t since_ms;                /* of the state */
	int64_t retry_ms;                /* while it is down: the next look */
	int64_t probed_ms;               /* the last probe's end; 0: none yet */
	int64_t latency_us;              /* smoothed, of probes; -1: none yet */
	char reason[HEALTH_REASON_SIZE]; /* of the last failure */
};

void health_init(struct health *health, int64_t now_ms);

/* True: the state is another one now. */
bool health_on_success(struct health *health, int64_t now_ms);
bool health_on_failure(struct health *health, int64_t now_ms,
		       int64_t interval_ms, const char *reason);

/* A probe has ended; latency -1: it failed, which is to be told above. */
void health_on_probe(struct health *health, int64_t now_ms, int64_t latency_us);
/* It cannot be probed, so that a flow may show what it is now. */
bool health_on_pause(struct health *health, int64_t now_ms);

/* When the next probe is due, at most every `interval_ms`. */
int64_t health_due(const struct health *health, int64_t interval_ms);

#endif
