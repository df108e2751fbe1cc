// SPDX-License-Identifier: BSD-2-Clause
/*
 * health.h - whether one server is worth asking, and how fast it is.
 *
 * A server that failed is asked a question of our own, and one that failed
 * HEALTH_FAILURES times in a row is broken: others are asked before it, and
 * nobody waits for it first.  After a pause, which doubles with each failure,
 * it is asked again; when it answers that, or anything else, it is well.  An
 *answer that refuses is an answer: it says something of the name.  Pure.
 *
 * Units	milliseconds of the monotonic clock; the round-trip time in
 *		microseconds, smoothed
 * Ownership	the owner embeds the struct; one that is zeroed is well
 * Source	RFC 6298 2 (smoothing), RFC 9520 3.2 (back-off)
 */
#ifndef ERSATZ_DNSD_UPSTREAM_HEALTH_H
#define ERSATZ_DNSD_UPSTREAM_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_FAILURES 3
#define HEALTH_PAUSE_MIN_MS 1000
#define HEALTH_PAUSE_MAX_MS 60000

struct health {
	uint32_t failures; /* in a row */
	int64_t pause_ms;  /* 0: well */
	int64_t due_ms;    /* for a question of our own, when broken */
	int64_t rtt_us;    /* 0: not known */
};

bool health_is_broken(const struct health *health);
/*
 * Should it be asked a question of our own: its pause is over, or it failed,
 * and clients may be asking others by now.
 */
bool health_is_due(const struct health *health, int64_t now_ms);
/* Has it failed since it last answered? */
bool health_is_doubtful(const struct health *health);

/* True: it was broken, and is well now. */
bool health_on_answer(struct health *health, int64_t rtt_us);
/* True: it is broken by this. */
bool health_on_failure(struct health *health, int64_t now_ms);

/* Another server was asked in its place: it may have become faster. */
void health_fade(struct health *health);

#endif
