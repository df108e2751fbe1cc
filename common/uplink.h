// SPDX-License-Identifier: BSD-2-Clause
/*
 * uplink.h - by which link the world is reached when we are not in the way.
 *
 * Looks only at the main table without our own routes, so the answer is the
 * same before, during and after the capture.  Our own sockets are bound to
 * what it says (SO_BINDTODEVICE) and thereby never enter the TUN.
 *
 * Tunnels (tun, wireguard, gre, ...) are no uplinks unless pinned: what we
 * carry leaves outside of a VPN that somebody else set up, as routes of that
 * VPN that stand for "everything" (shorter than /8: 0.0.0.0/1, 2000::/3) do
 * not count either.  PPP, veth, bridges, VLANs and taps are ordinary links.
 *
 * Errors	-ENETUNREACH: there is none now
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_COMMON_UPLINK_H
#define ERSATZ_COMMON_UPLINK_H

#include "common/nl.h"

#include <ev.h>

struct uplink {
	int ifindex;
	char name[IFNAMSIZ];
	struct addr gateway; /* ADDR_NONE: on link */
	struct addr prefsrc;
	uint32_t mtu;
	bool is_onlink; /* the gateway needs no route of its own */
};

/* A link of a kind that carries packets inside packets of another link. */
bool uplink_is_tunnel(const struct nl_link *link);

/*
 * The default route with the lowest metric over a link that is up and has a
 * carrier, leaving out ours and tunnels, of `family`; with `pinned` only over
 * that link, whatever its kind; a pinned tunnel that has an address needs no
 * default route in main.  Pure.
 */
NODISCARD int uplink_find(const struct nl_state *state, uint8_t family,
			  const char *pinned, struct uplink *uplink);

/*
 * The way to one address: longest prefix, then lowest metric, a default route
 * as uplink_find() takes it; with `pinned` only over that link.  1 when the
 * address is local to this host (do not bind), 0 with `uplink` set, or an
 * error (-ENETUNREACH for an unreachable or prohibit route too).  Pure.
 */
NODISCARD int uplink_toward(const struct nl_state *state,
			    const struct addr *addr, const char *pinned,
			    struct uplink *uplink);

/*
 * Keeps a dump current; `fn` is called after each change of it, at most ten
 * times a second.  Changes are seen within 100 ms.  A dump that fails is
 * logged, and made again after a second; the last one stands until then.
 * Its routes are those of main that are not ours.
 */
struct uplink_watch;
typedef void (*uplink_change_fn)(void *ctx, const struct nl_state *state);
NODISCARD int uplink_watch_open(struct uplink_watch **watch,
				struct ev_loop *loop, uplink_change_fn fn,
				void *ctx);
const struct nl_state *uplink_watch_state(const struct uplink_watch *watch);
void uplink_watch_close(struct uplink_watch *watch);

/*
 * Binds a new socket for `dst`: to a link, or to none if dst is local.  Needs
 * no capability (Linux 5.7) while the socket is bound to no link yet.
 */
NODISCARD int uplink_bind(int fd, const struct nl_state *state,
			  const struct addr *dst, const char *pinned);

#endif
