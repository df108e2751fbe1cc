// SPDX-License-Identifier: BSD-2-Clause
/*
 * gateway.h - by which interfaces the devices come that are served too.
 *
 * `auto` stands for the bridges of containers and guests.  Such a bridge has
 * an address of this host (so it is routed here, and not only bridged), is no
 * uplink, and all that hangs on it is virtual: with a network card, a bond or a
 * VLAN on it, it is a LAN, which is served when it is named.  Nothing hangs on
 * one whose containers are yet to come.
 *
 * Names that are given need not exist yet.
 *
 * Errors	-ENOMEM
 * Ownership	gateways_fini() frees the list; the names are those of the
 *		configuration and of the dump, and live as long as those
 */
#ifndef ERSATZ_ROUTED_GATEWAY_H
#define ERSATZ_ROUTED_GATEWAY_H

#include "common/config.h"
#include "common/nl.h"

/*
 * In packets and in conntrack, next to the bits of others: a flow that is
 * outside of the TUN, one that is in it, neither yet.
 */
#define GATEWAY_MARK_OUT 0x10000000U
#define GATEWAY_MARK_IN 0x20000000U
#define GATEWAY_MARK_MASK 0x30000000U

struct gateways {
	const char **names; /* owned; those that are given first */
	size_t count;
};

NODISCARD int gateways_find(struct gateways *gateways,
			    const struct config *config,
			    const struct nl_state *found);
void gateways_fini(struct gateways *gateways);
bool gateways_have(const struct gateways *gateways, const char *name);

#endif
