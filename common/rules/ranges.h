// SPDX-License-Identifier: BSD-2-Clause
/*
 * ranges.h - "80/443/8000-9000": a few numbers and stretches of them.
 *
 * Errors	-EINVAL, -ENOMEM
 * Ownership	ranges_new() gives to the caller, who frees it with free()
 */
#ifndef ERSATZ_COMMON_RULES_RANGES_H
#define ERSATZ_COMMON_RULES_RANGES_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stdint.h>

struct ranges;

/* Slashes or commas between them; none is above `max`. */
NODISCARD int ranges_new(struct ranges **ranges, const char *text,
			 uint32_t max);

bool ranges_has(const struct ranges *ranges, uint32_t number);

#endif
