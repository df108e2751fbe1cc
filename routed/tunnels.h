// SPDX-License-Identifier: BSD-2-Clause
/*
 * tunnels.h - the UDP ports by which the VPNs of this host reach their peers.
 *
 * Captured, a tunnel's own packets would be carried by the rules like any
 * others, most often to a proxy that knows no UDP; so they stay on the uplink,
 * in a closed profile too.  While there is a tunnel other than our TUN, a UDP
 * socket that is connected to nobody is one of a tunnel if the kernel itself
 * has it (WireGuard), or a process that also holds a TUN device (wireguard-go,
 * OpenVPN, strongSwan with libipsec, ...).
 *
 * Who holds what is read from /proc, which is much to read: only when there
 * are other sockets or other tunnels than the last time.
 *
 * Privilege	CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (see owner.h); without
 *		them only the kernel's own are found
 * Errors	-errno
 */
#ifndef ERSATZ_ROUTED_TUNNELS_H
#define ERSATZ_ROUTED_TUNNELS_H

#include "common/compiler.h"
#include "common/nl.h"
#include "routed/sockdiag.h"

#define TUNNEL_PORTS_MAX 32 /* further ones are left out */

struct tunnels {
	uint16_t ports[TUNNEL_PORTS_MAX]; /* sorted, no two equal */
	size_t count;
	uint64_t key; /* of the sockets and tunnels that were looked at */
};

/* Is there anybody to look for?  Ours is `tun`. */
bool tunnels_are_there(const struct nl_state *state, const char *tun);

/*
 * Looks again: 1 when there are others now, 0 when they are the same.
 * `own_uid` is the user whose sockets do not count.
 */
NODISCARD int tunnels_find(struct tunnels *tunnels, struct sockdiag *diag,
			   const struct nl_state *state, const char *tun,
			   uid_t own_uid);

bool tunnels_have(const struct tunnels *tunnels, uint16_t port);

#endif
