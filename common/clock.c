// SPDX-License-Identifier: BSD-2-Clause
#include "common/clock.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

static struct timespec read_clock(clockid_t id)
{
	struct timespec now;

	/* Fails only for a clock that does not exist. */
	int ret = clock_gettime(id, &now);
	assert(ret == 0);
	(void)ret;
	return now;
}

static int64_t read_ms(clockid_t id)
{
	struct timespec now = read_clock(id);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_us(void)
{
	struct timespec now = read_clock(CLOCK_MONOTONIC);

	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_boottime_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

const char *clock_rfc3339(int64_t wall_ms, char *out, size_t size)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	assert(size > 0);
	if (!gmtime_r(&seconds, &tm) ||
	    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
	return out;
}
