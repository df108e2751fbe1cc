// SPDX-License-Identifier: BSD-2-Clause
/*
 * nl_neigh.h - the neighbour table: who on the link has an address.
 *
 * Needs no privilege.
 *
 * Errors	-errno
 * Ownership	nl_neigh_open() gives to the caller
 * Thread	whoever has it
 * Source	rtnetlink(7), RTM_GETNEIGH
 */
#ifndef ERSATZ_COMMON_NL_NEIGH_H
#define ERSATZ_COMMON_NL_NEIGH_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/mac.h"

struct nl_neigh;

NODISCARD int nl_neigh_open(struct nl_neigh **neigh);
/* NULL is fine. */
void nl_neigh_close(struct nl_neigh *neigh);

/* Calls `fn` with each neighbour that has a MAC. */
typedef void (*nl_neigh_fn)(void *ctx, const struct addr *addr,
			    const struct mac *mac);
NODISCARD int nl_neigh_dump(struct nl_neigh *neigh, nl_neigh_fn fn, void *ctx);

#endif
