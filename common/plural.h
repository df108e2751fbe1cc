// SPDX-License-Identifier: BSD-2-Clause
/*
 * plural.h - "1 address", "2 addresses": the noun that goes with a number.
 */
#ifndef ERSATZ_COMMON_PLURAL_H
#define ERSATZ_COMMON_PLURAL_H

#include <stdint.h>

static inline const char *plural(int64_t count, const char *one,
				 const char *many)
{
	return count == 1 ? one : many;
}

#endif
