// SPDX-License-Identifier: BSD-2-Clause
/*
 * told.h - which addresses routed was told of lately.
 *
 * A cache in front of routed: it may forget an address, which is then told
 * once more, but never takes an address for told that routed may have let go.
 * So each counts for TOLD_MS only, less than routed's grace, and routed hears
 * again and again which ones are asked for.  Pure.
 *
 * Units	milliseconds of the monotonic clock
 * Ownership	the owner embeds the struct; one that is zeroed is empty
 */
#ifndef ERSATZ_DNSD_TOLD_H
#define ERSATZ_DNSD_TOLD_H

#include "common/addr.h"

#define TOLD_MS 20000
#define TOLD_SETS 1024
#define TOLD_WAYS 4

struct told_entry {
	struct addr addr;
	int64_t told_ms;
	int64_t until_ms; /* the TTL's end, plus TOLD_MS */
};

struct told {
	struct told_entry entries[TOLD_SETS][TOLD_WAYS];
};

/* Was it, and for as long as an answer with that TTL needs it? */
bool told_has(const struct told *told, const struct addr *addr, int64_t now_ms,
	      uint32_t ttl_s);

/* Until when one that told_has() says was told counts, at the longest. */
int64_t told_until_ms(const struct told *told, const struct addr *addr);

/* The one that was told longest ago makes room. */
void told_add(struct told *told, const struct addr *addr, int64_t now_ms,
	      uint32_t ttl_s);

/* routed is another one now. */
void told_clear(struct told *told);

#endif
