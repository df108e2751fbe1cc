// SPDX-License-Identifier: BSD-2-Clause
/*
 * clock.h - the clocks, one function each, so that tests replace them.
 *
 * Units	milliseconds (_ms), microseconds (_us)
 */
#ifndef ERSATZ_COMMON_CLOCK_H
#define ERSATZ_COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC: intervals while the machine is awake. */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

/* The same in microseconds; clock_us.c. */
int64_t clock_monotonic_us(void);

/* CLOCK_BOOTTIME: intervals that go on during suspend. */
int64_t clock_boottime_ms(void);

/* CLOCK_REALTIME since 1970: what a person reads. */
int64_t clock_wall_ms(void);

/* RFC 3339 in UTC, seconds: "2026-11-22T08:43:00Z".  Needs 21 bytes. */
const char *clock_rfc3339(int64_t wall_ms, char *out, size_t size);

#endif
