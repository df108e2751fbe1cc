// SPDX-License-Identifier: BSD-2-Clause
#include "common/fake.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define IPV6_LOW 12 /* the last 32 bits of an IPv6 address */

static uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
}

struct fake_pool fake_pool_default(void)
{
	return (struct fake_pool){
		.ipv4 = {.addr = {ADDR_IPV4, {198, 18}}, .length = 15},
		.ipv6 = {.addr = {ADDR_IPV6, {0x20, 0x01, 0x00, 0x02}},
			 .length = 48},
	};
}

uint32_t fake_pool_size(const struct fake_pool *pool)
{
	assert(pool->ipv4.length >= 8 && pool->ipv4.length <= 28);
	return UINT32_C(1) << (32 - pool->ipv4.length);
}

bool fake_slot_is_reserved(const struct fake_pool *pool, uint32_t slot)
{
	return slot == 0 || slot == FAKE_SLOT_TUN || slot == FAKE_SLOT_DNSD ||
	       slot >= fake_pool_size(pool) - 1;
}

struct addr fake_ipv4(const struct fake_pool *pool, uint32_t slot)
{
	struct addr addr = pool->ipv4.addr;

	assert(slot < fake_pool_size(pool));
	store_be32(addr.bytes, load_be32(addr.bytes) | slot);
	return addr;
}

struct addr fake_ipv6(const struct fake_pool *pool, uint32_t slot)
{
	struct addr addr = pool->ipv6.addr;

	assert(pool->ipv6.addr.family == ADDR_IPV6);
	assert(slot < fake_pool_size(pool));
	store_be32(addr.bytes + IPV6_LOW,
		   load_be32(addr.bytes + IPV6_LOW) | slot);
	return addr;
}

bool fake_pool_has(const struct fake_pool *pool, const struct addr *addr)
{
	if (addr->family == ADDR_NONE)
		return false;
	if (addr->family == ADDR_IPV4)
		return prefix_has(&pool->ipv4, addr);
	return pool->ipv6.addr.family == ADDR_IPV6 &&
	       prefix_has(&pool->ipv6, addr);
}

int64_t fake_slot(const struct fake_pool *pool, const struct addr *addr)
{
	const struct prefix *prefix = &pool->ipv4;
	size_t low = 0;

	if (!fake_pool_has(pool, addr))
		return -ENOENT;
	if (addr->family == ADDR_IPV6) {
		prefix = &pool->ipv6;
		low = IPV6_LOW;
		/* Between the prefix and the slot there is nothing. */
		if (memcmp(addr->bytes, prefix->addr.bytes, low) != 0)
			return -ENOENT;
	}

	uint32_t slot = load_be32(addr->bytes + low) -
			load_be32(prefix->addr.bytes + low);
	if (fake_slot_is_reserved(pool, slot))
		return -ENOENT;
	return slot;
}
