// SPDX-License-Identifier: BSD-2-Clause
#include "routed/histogram.h"

const uint32_t histogram_bounds_us[HISTOGRAM_BUCKETS - 1] = {
	100,    300,    1000,    3000,    10000,    30000,
	100000, 300000, 1000000, 3000000, 10000000,
};

void histogram_add(struct histogram *histogram, uint32_t us)
{
	size_t i = 0;

	while (i < HISTOGRAM_BUCKETS - 1 && us > histogram_bounds_us[i])
		i++;
	histogram->counts[i]++;
	histogram->sum_us += us;
}
