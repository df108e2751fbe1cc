// SPDX-License-Identifier: BSD-2-Clause
/* carry.h for a build without BPF. */
#include "routed/carry.h"

#include <errno.h>

int carry_new(struct carry **carry, const struct carry_conf *conf)
{
	(void)carry;
	(void)conf;
	return -EOPNOTSUPP;
}

void carry_free(struct carry *carry)
{
	(void)carry;
}

int carry_start(struct carry *carry, const char *tun, uint32_t mtu,
		bool has_ipv6)
{
	(void)carry;
	(void)tun;
	(void)mtu;
	(void)has_ipv6;
	return -EOPNOTSUPP;
}

void carry_stop(struct carry *carry)
{
	(void)carry;
}

int carry_set_mtu(struct carry *carry, uint32_t mtu)
{
	(void)carry;
	(void)mtu;
	return -EOPNOTSUPP;
}

uint64_t carry_dropped(const struct carry *carry)
{
	(void)carry;
	return 0;
}
