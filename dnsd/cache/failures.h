// SPDX-License-Identifier: BSD-2-Clause
/*
 * failures.h - which questions could not be resolved a moment ago.
 *
 * Clients ask again at once when a name fails; the servers that have just
 * failed are not asked again by each of them.  The first failure counts for
 * FAILURES_MIN_MS, each further one twice as long as the one before.  A table
 * of fixed size: the one that ends soonest makes room.  Pure.
 *
 * Units	milliseconds of CLOCK_BOOTTIME
 * Ownership	the owner embeds the struct; one that is zeroed is empty
 * Source	RFC 9520 3.2
 */
#ifndef ERSATZ_DNSD_CACHE_FAILURES_H
#define ERSATZ_DNSD_CACHE_FAILURES_H

#include "dnsd/question.h"

#include <stddef.h>
#include <stdint.h>

#define FAILURES_MIN_MS 1000
#define FAILURES_MAX_MS 30000 /* RFC 9520 allows 5 minutes */
#define FAILURES_SETS 128
#define FAILURES_WAYS 4
#define FAILURES_WHY_SIZE 208

struct failure {
	uint64_t hash; /* of route and question; 0: empty */
	int64_t until_ms;
	uint32_t count; /* in a row */
	int status;
	uint16_t ede;
	char why[FAILURES_WHY_SIZE];
};

struct failures {
	struct failure all[FAILURES_SETS][FAILURES_WAYS];
};

/*
 * What the question failed with, as long as that counts; else NULL.  The
 * route stands for the servers and how they are reached (upstreams_route()).
 */
const struct failure *failures_find(const struct failures *failures,
				    uint64_t route,
				    const struct question *question,
				    int64_t now_ms);

/* `why` is cut to fit. */
void failures_add(struct failures *failures, uint64_t route,
		  const struct question *question, int64_t now_ms,
		  const struct failure *failure);

/* It was answered. */
void failures_del(struct failures *failures, uint64_t route,
		  const struct question *question);

/* The network is another one: everything may be tried again. */
void failures_clear(struct failures *failures);

#endif
