// SPDX-License-Identifier: BSD-2-Clause
/*
 * histogram.h - how many took how long.
 *
 * Buckets go from 100 us to 10 s in steps of about three, which is as exact as
 * questions about the set-up of flows are; what is longer has the last one.
 *
 * Units	microseconds
 * Thread	whoever has it
 */
#ifndef ERSATZ_ROUTED_HISTOGRAM_H
#define ERSATZ_ROUTED_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 12

/* All zero at first. */
struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS]; /* each bucket's own */
	uint64_t sum_us;
};

/* Upper bounds, of all buckets but the last. */
extern const uint32_t histogram_bounds_us[HISTOGRAM_BUCKETS - 1];

void histogram_add(struct histogram *histogram, uint32_t us);

#endif
