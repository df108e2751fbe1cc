// SPDX-License-Identifier: BSD-2-Clause
/*
 * resolved_bus.h - systemd-resolved, made to ask dnsd for every name, over the
 * system bus; the boundary of libsystemd, which is loaded when it is needed.
 *
 * Our TUN gets a server, the routing domain "~." and the default route for
 * names, so resolved asks there and nowhere else.  The server is the address
 * that the pool keeps for dnsd: what enters the TUN for port 53 goes to dnsd.
 * Nothing of it is written to a file, and all of it is gone with the link, so
 * a crash leaves nothing behind.
 *
 * Errors	-errno; -EOPNOTSUPP: built without libsystemd; -ELIBACC: it
 *		cannot be loaded; -EHOSTUNREACH: nobody of that name is on the
 *		bus.  Each call waits two seconds at most
 * Privilege	CAP_NET_ADMIN or root, as resolved asks for
 * Source	org.freedesktop.resolve1(5)
 */
#ifndef ERSATZ_ROUTED_RESOLVED_BUS_H
#define ERSATZ_ROUTED_RESOLVED_BUS_H

#include "common/addr.h"
#include "common/compiler.h"

#define RESOLVED_BUS_WHY_SIZE 192

/* Names are asked at `server` (IPv4) by that link; caches are flushed. */
NODISCARD int resolved_bus_take(int ifindex, const struct addr *server,
				char why[RESOLVED_BUS_WHY_SIZE]);

/* As it was; a link that is gone has gone with all of it. */
NODISCARD int resolved_bus_give_back(int ifindex,
				     char why[RESOLVED_BUS_WHY_SIZE]);

#endif
