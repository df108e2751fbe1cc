// SPDX-License-Identifier: BSD-2-Clause
/*
 * tun.h - the TUN devices.
 *
 * Not persistent: a TUN and its routes live as long as somebody has the
 * descriptor, and after LINK_SETUP that is the relay alone.  IFF_NO_PI and
 * IFF_VNET_HDR with checksum, TSO and (Linux 6.2) USO off-load: each packet
 * has a struct virtio_net_hdr of 10 bytes before it and may be a super-packet
 * of 64 KiB.
 *
 * A TUN is made down and without addresses: those of the host's are part of
 * its plan, the one inside is brought up by inner.h.
 *
 * Privilege	CAP_NET_ADMIN
 * Errors	-errno; -EBUSY when a device of that name is there already
 * Ownership	descriptors (non-blocking, close-on-exec) go to the caller
 */
#ifndef ERSATZ_ROUTED_TUN_H
#define ERSATZ_ROUTED_TUN_H

#include "common/compiler.h"

#include <net/if.h>
#include <stdint.h>

/* The host's. */
NODISCARD int tun_open(const char *name, uint32_t mtu);

NODISCARD int tun_set_mtu(const char *name, uint32_t mtu);

/*
 * One that will be moved to another namespace; `pattern` has a %d for the
 * kernel to fill in, `name` gets the result.
 */
NODISCARD int tun_open_nameless(const char *pattern, char name[IFNAMSIZ]);

#endif
