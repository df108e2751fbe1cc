// SPDX-License-Identifier: BSD-2-Clause
/*
 * slots.h - many slots as a line of text, "3,7-9,4711".
 *
 * So the relay tells dnsd which addresses flows use.  Ranges are inclusive.
 *
 * Errors	-EINVAL: that is no such text
 */
#ifndef ERSATZ_COMMON_SLOTS_H
#define ERSATZ_COMMON_SLOTS_H

#include "common/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* The text of that many slots, each apart, and its NUL fit in this. */
#define SLOTS_TEXT_SIZE(count) ((count)*11U + 1U)

/* Rising slots, without a repetition; returns `out`. */
const char *slots_format(const uint32_t *slots, size_t count, char *out,
			 size_t size);

/*
 * Calls `fn` with each slot below `end`; others are left out, so that no text
 * makes for much work.
 */
NODISCARD int slots_each(const char *text, uint32_t end,
			 void (*fn)(void *ctx, uint32_t slot), void *ctx);

#endif
