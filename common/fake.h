// SPDX-License-Identifier: BSD-2-Clause
/*
 * fake.h - the arithmetic of the fake pools: slot <-> address.
 *
 * A slot is the offset from the first address of the pool; the A and the AAAA
 * record of one name share it.  198.18.0.0/15 and 2001:2::/48 are the
 * benchmarking prefixes (RFC 2544, RFC 5180), which nobody routes.
 *
 * Slots 0 (network), FAKE_SLOT_TUN, FAKE_SLOT_DNSD and the last one
 * (broadcast) are never given to a name.
 */
#ifndef ERSATZ_COMMON_FAKE_H
#define ERSATZ_COMMON_FAKE_H

#include "common/addr.h"

#define FAKE_SLOT_TUN 1  /* the TUN's own address */
#define FAKE_SLOT_DNSD 2 /* for dnsd */

struct fake_pool {
	struct prefix ipv4; /* /8 to /28 */
	struct prefix ipv6; /* family ADDR_NONE: IPv6 is off */
};

/* 198.18.0.0/15 and 2001:2::/48. */
struct fake_pool fake_pool_default(void);

/* Slots in all, the reserved ones included: the size of the IPv4 pool. */
uint32_t fake_pool_size(const struct fake_pool *pool);
bool fake_slot_is_reserved(const struct fake_pool *pool, uint32_t slot);

struct addr fake_ipv4(const struct fake_pool *pool, uint32_t slot);
struct addr fake_ipv6(const struct fake_pool *pool, uint32_t slot);

/* Is the address inside either pool?  (It need not be a usable slot.) */
bool fake_pool_has(const struct fake_pool *pool, const struct addr *addr);

/* The slot, or -ENOENT when outside, reserved, or beyond the IPv4 pool. */
NODISCARD int64_t fake_slot(const struct fake_pool *pool,
			    const struct addr *addr);

#endif
