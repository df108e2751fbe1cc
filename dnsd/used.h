// SPDX-License-Identifier: BSD-2-Clause
/*
 * used.h - when slots were last used, as a line of text.
 *
 * "3:1795336980,7-9:1795336981": slots, and seconds since 1970.  dnsd tells
 * its map dump so: thousands of slots are a line, not an object each.
 *
 * Errors	-EINVAL: that is no such text
 */
#ifndef ERSATZ_DNSD_USED_H
#define ERSATZ_DNSD_USED_H

#include "common/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* The text of that many slots fits in this. */
#define USED_TEXT_SIZE(slots) ((slots)*34U + 1U)

/* Milliseconds since 1970, or negative: not known. */
typedef int64_t (*used_when_fn)(void *ctx, uint32_t slot);

struct used_source {
	used_when_fn when;
	void *ctx;
};

/* Of the slots [from, end), those that `when` knows; returns `out`. */
const char *used_format(const struct used_source *source, uint32_t from,
			uint32_t end, char *out, size_t size);

/* Calls `fn` with each run of slots, `first` to `last`, and its seconds. */
NODISCARD int used_each(const char *text,
			void (*fn)(void *ctx, uint32_t first, uint32_t last,
				   int64_t used_s),
			void *ctx);

#endif
