// SPDX-License-Identifier: BSD-2-Clause
/*
 * tun.h - the TUN devices.
 *
 * Not persistent: a TUN and its routes live as long as somebody has the
 * descriptor, and after LINK_SETUP that is the relay alone.  IFF_NO_PI and
 * IFF_VNET_HDR with checksum and TSO off-load: each packet has a struct
 * virtio_net_hdr of 10 bytes before it and may be a super-packet of 64 KiB.
 *
 * Errors	-errno; -EBUSY when a device of that name is there already
 * Ownership	descriptors (non-blocking, close-on-exec) go to the caller
 */
#ifndef ERSATZ_ROUTED_TUN_H
#define ERSATZ_ROUTED_TUN_H

#include "common/addr.h"
#include "common/compiler.h"

#include <net/if.h>
#include <stdint.h>

struct tun_conf {
	const char *name; /* "ersatz0" */
	uint32_t mtu;
	struct addr ipv4; /* its own; ADDR_NONE: none */
	struct addr ipv6;
};

/* Makes the host's TUN: it is up and has its addresses, but no routes. */
NODISCARD int tun_open(const struct tun_conf *conf);

/*
 * Makes a bare one, down and without addresses, for another namespace.
 * `pattern` has a %d for the kernel to fill in; `name` gets the result.
 */
NODISCARD int tun_open_bare(const char *pattern, char name[IFNAMSIZ]);

/* What the uplink allows, within what IPv6 asks for and packets can be. */
uint32_t tun_mtu_for(uint32_t uplink_mtu);

#endif
