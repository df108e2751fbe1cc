// SPDX-License-Identifier: BSD-2-Clause
/*
 * dump_filter.h - which rows of the map are printed, and in which order.
 *
 * Pure but for dump_filter_since(), which is told the time.
 */
#ifndef ERSATZ_DNSD_DUMP_FILTER_H
#define ERSATZ_DNSD_DUMP_FILTER_H

#include "common/compiler.h"
#include "common/map.h"

#include <stdbool.h>
#include <stdint.h>

enum dump_order { DUMP_BY_SLOT, DUMP_BY_NAME, DUMP_BY_CREATED, DUMP_BY_USED };

struct dump_filter {
	const char *glob; /* of names, without case; NULL: all.  Borrowed */
	int64_t since_ms; /* made or used since then, wall clock; 0: ever */
	enum dump_order order;
};

/* The order of a word: slot, name, created, used; -EINVAL. */
NODISCARD int dump_filter_order(const char *word);

/*
 * "90s", "10m", "2h", "3d" ago; or a time in UTC, "2026-11-22" or
 * "2026-11-22T08:43:00Z".  -EINVAL.
 */
NODISCARD int dump_filter_since(const char *text, int64_t now_ms,
				int64_t *since_ms);

/* `used_ms` negative: not known. */
bool dump_filter_takes(const struct dump_filter *filter,
		       const struct map_row *row, int64_t used_ms);

/* A row with what qsort(3) needs to know of it. */
struct dump_line {
	struct map_row row;
	int64_t used_ms;
};

/* For qsort(); the newest comes last, equal ones in order of slot. */
typedef int (*dump_compare_fn)(const void *a, const void *b);
dump_compare_fn dump_filter_compare(enum dump_order order);

#endif
