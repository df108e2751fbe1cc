// SPDX-License-Identifier: BSD-2-Clause
#include "common/memory.h"

#include <malloc.h>

uint64_t memory_in_use(void)
{
	const struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

void memory_give_back(unsigned large_bytes)
{
	(void)mallopt(M_MMAP_THRESHOLD, (int)large_bytes);
}
