// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/told.h"

#include <string.h>

/* FNV-1a */
static size_t set_of(const struct addr *addr)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < sizeof(addr->bytes); i++)
		hash = (hash ^ addr->bytes[i]) * 16777619U;
	return (hash ^ hash >> 16) % TOLD_SETS;
}

static int64_t ttl_ms(uint32_t ttl_s)
{
	return (int64_t)ttl_s * 1000;
}

bool told_has(const struct told *told, const struct addr *addr, int64_t now_ms,
	      uint32_t ttl_s)
{
	const struct told_entry *set = told->entries[set_of(addr)];

	for (size_t i = 0; i < TOLD_WAYS; i++) {
		if (addr_equal(&set[i].addr, addr))
			return now_ms < set[i].told_ms + TOLD_MS &&
			       now_ms + ttl_ms(ttl_s) <= set[i].until_ms;
	}
	return false;
}

int64_t told_until_ms(const struct told *told, const struct addr *addr)
{
	const struct told_entry *set = told->entries[set_of(addr)];

	for (size_t i = 0; i < TOLD_WAYS; i++) {
		if (addr_equal(&set[i].addr, addr))
			return set[i].told_ms + TOLD_MS;
	}
	return INT64_MIN;
}

void told_add(struct told *told, const struct addr *addr, int64_t now_ms,
	      uint32_t ttl_s)
{
	struct told_entry *set = told->entries[set_of(addr)];
	struct told_entry *place = &set[0];
	int64_t until_ms = now_ms + ttl_ms(ttl_s) + TOLD_MS;

	for (size_t i = 0; i < TOLD_WAYS; i++) {
		if (addr_equal(&set[i].addr, addr)) {
			place = &set[i];
			break;
		}
		if (set[i].told_ms < place->told_ms)
			place = &set[i];
	}
	/* routed keeps the later end, too. */
	if (addr_equal(&place->addr, addr) && place->until_ms > until_ms)
		until_ms = place->until_ms;
	*place = (struct told_entry){*addr, now_ms, until_ms};
}

void told_clear(struct told *told)
{
	memset(told, 0, sizeof(*told));
}
