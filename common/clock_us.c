// SPDX-License-Identifier: BSD-2-Clause
/* Apart from clock.c, which tests of time replace as a whole. */
#include "common/clock.h"

#include <assert.h>
#include <time.h>

int64_t clock_monotonic_us(void)
{
	struct timespec now;
	int ret = clock_gettime(CLOCK_MONOTONIC, &now);

	assert(ret == 0);
	(void)ret;
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
