// SPDX-License-Identifier: BSD-2-Clause
#include "routed/connections.h"

#include "routed/sockdiag.h"

int connections_end(const struct fake_pool *pool)
{
	struct sockdiag *diag;
	int ended = 0;
	int ret = sockdiag_open(&diag);
	if (ret < 0)
		return ret;

	struct addr addrs[2] = {fake_ipv4(pool, FAKE_SLOT_TUN)};
	if (pool->ipv6.addr.family != ADDR_NONE)
		addrs[1] = fake_ipv6(pool, FAKE_SLOT_TUN);
	for (size_t i = 0; i < ARRAY_LEN(addrs) && ret >= 0; i++) {
		if (addrs[i].family == ADDR_NONE)
			continue;
		ret = sockdiag_destroy(diag, &addrs[i]);
		ended += ret > 0 ? ret : 0;
	}
	sockdiag_close(diag);
	return ret < 0 ? ret : ended;
}
