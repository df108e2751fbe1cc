// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/allowance.h"

#include "common/log.h"

#include <sys/resource.h>

void allowance_fit(uint32_t *tcp, uint32_t *udp, uint32_t others)
{
	struct rlimit limit;
	uint64_t wanted = (uint64_t)*tcp + *udp;
	rlim_t fit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	/* It only ever raises the soft limit, which cannot be refused. */
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	fit = limit.rlim_max >= others + 4 ? (limit.rlim_max - others) / 2 : 2;
	if (fit >= wanted)
		return;
	*tcp = (uint32_t)(fit * *tcp / wanted);
	*udp = (uint32_t)(fit - *tcp);
	/* One of each at least. */
	if (*tcp == 0)
		*tcp = 1;
	log_notice("taking %u flows of TCP and %u of UDP, not %llu: too few "
		   "descriptors (%llu)",
		   *tcp, *udp, (unsigned long long)wanted,
		   (unsigned long long)limit.rlim_max);
}
