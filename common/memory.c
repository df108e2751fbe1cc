// SPDX-License-Identifier: BSD-2-Clause
#include "common/memory.h"

#include <malloc.h>

#define LARGE_BLOCK (128 * 1024) /* what mallopt(3) begins with */

uint64_t memory_in_use(void)
{
	const struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

void memory_give_back(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
}
