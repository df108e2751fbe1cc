// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/budget.h"

#include "dnsd/listen/tcp.h"

#include <sys/resource.h>

#define ASKS_MAX 4096U
#define ASKS_MIN 16U
#define FDS_FOR_OTHERS 128U /* control, files; clients by TCP have theirs */

size_t budget_asks(size_t descriptors_each)
{
	struct rlimit limit = {.rlim_cur = 0}; /* of which the least follows */
	rlim_t others, asks = ASKS_MIN;
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	others = FDS_FOR_OTHERS + tcp_descriptors(limit.rlim_cur);
	if (limit.rlim_cur > others + ASKS_MIN * descriptors_each)
		asks = (limit.rlim_cur - others) / descriptors_each;
	return asks < ASKS_MAX ? (size_t)asks : ASKS_MAX;
}
