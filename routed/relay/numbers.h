// SPDX-License-Identifier: BSD-2-Clause
/*
 * numbers.h - the numbers of a pool of fixed size.
 *
 * One that came back is the next to be taken; else it is the next one that
 * never was, so that memory is touched only as far as it was ever needed.
 *
 * Errors	-ENOMEM; negative: none is left
 * Thread	any, one at a time
 */
#ifndef ERSATZ_ROUTED_RELAY_NUMBERS_H
#define ERSATZ_ROUTED_RELAY_NUMBERS_H

#include "common/compiler.h"

#include <stdint.h>

struct numbers {
	uint32_t capacity;
	uint32_t fresh; /* from here on none was ever taken */
	uint32_t count; /* that are taken */
	uint32_t free;  /* private: number + 1, 0: none */
	uint32_t *next; /* private, owned: the same, behind each free one */
};

NODISCARD int numbers_init(struct numbers *numbers, uint32_t capacity);
/* One that is all zero is fine. */
void numbers_fini(struct numbers *numbers);

NODISCARD int64_t numbers_take(struct numbers *numbers);
void numbers_give(struct numbers *numbers, uint32_t number);

#endif
