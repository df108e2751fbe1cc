// SPDX-License-Identifier: BSD-2-Clause
/*
 * memory.h - how much of the heap is in use, and what becomes of the rest.
 *
 * What is in use is not what the system gave to the process, which grows and
 * shrinks as malloc sees fit: two values at like moments are equal unless
 * something was kept.
 *
 * Units	bytes; 0 where the allocator is another one and does not tell
 * Source	mallinfo2(3), mallopt(3)
 */
#ifndef ERSATZ_COMMON_MEMORY_H
#define ERSATZ_COMMON_MEMORY_H

#include <stdint.h>

uint64_t memory_in_use(void);

#define MEMORY_LARGE (128U * 1024) /* what mallopt(3) begins with */

/*
 * Blocks of this size and more are mappings of their own for good.  Else malloc
 * puts them on the heap once one was freed, where calloc writes to all of a
 * table of which little is ever used, and where it stays.
 */
void memory_give_back(unsigned large_bytes);

#endif
