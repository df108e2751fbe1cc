// SPDX-License-Identifier: BSD-2-Clause
/*
 * exits.h - the interfaces by which our own sockets leave, and their tables.
 *
 * See plan.h.  Pure.
 *
 * Errors	ERR_FULL: more than PLAN_EXITS_MAX, or no table is free
 */
#ifndef ERSATZ_ROUTED_EXITS_H
#define ERSATZ_ROUTED_EXITS_H

#include "common/uplink.h"
#include "routed/plan.h"

struct exit_link {
	char name[IFNAMSIZ];
	uint32_t table;
	bool has_ipv4, has_ipv6; /* is there a way in that family? */
	struct uplink ipv4, ipv6;
};

struct exits {
	struct exit_link links[PLAN_EXITS_MAX];
	size_t count;
};

NODISCARD int exits_find(struct exits *exits, const struct config *config,
			 const struct nl_state *found);

/* The way out in that family, or NULL. */
const struct uplink *exit_way(const struct exit_link *exit, uint8_t family);

#endif
