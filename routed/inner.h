// SPDX-License-Identifier: BSD-2-Clause
/*
 * inner.h - the private network namespace in which the flows end.
 *
 *	host: app <-> ersatz0 (TUN) <------ programs -----> ersatz-v0 (veth)
 *			|  relay carries packets unchanged	|
 *	inner:	     inner0 (TUN)			     inner1
 *			rule	iif inner0 lookup 77, the same for inner1
 *			77	local default dev lo
 *			main	default dev inner1, or inner0
 *		     listeners 127.0.0.1 and [::1], transparent
 *
 * The veth is there where the kernel carries TCP (carry.h): then the relay
 * sees SYNs and what is not TCP, and writes what it lets in to inner0.
 *
 * Every address is local in it, so the kernel's own TCP takes each flow that
 * the relay lets in; accept() gives the application by getpeername() and what
 * it dialled by getsockname().  The listeners get every port by steer.h, or
 * by nft where there is no BPF.
 *
 * It has no name and is held by descriptors of this process (namespace,
 * netlink socket, listeners): gone when they are.  It outlives relays: each
 * new one gets a new TUN in it.
 *
 * Privilege	inner_new() needs CAP_SYS_ADMIN and CAP_BPF; what comes after
 *		it CAP_NET_ADMIN only
 * Errors	-errno
 */
#ifndef ERSATZ_ROUTED_INNER_H
#define ERSATZ_ROUTED_INNER_H

#include "common/compiler.h"
#include "common/config.h"
#include "routed/nl_device.h"

#include <stdbool.h>
#include <stdint.h>

#define INNER_TUN "inner0" /* the TUN's name inside */
#define INNER_TABLE 77
#define INNER_BACKLOG 4096

struct inner;

struct inner_conf {
	bool without_bpf; /* steer by nft even if BPF is to be had */
	enum routed_carrier carrier;
};

/*
 * Builds all but the TUN.  The calling thread is back in its namespace.
 * Whether the kernel carries is tried out meanwhile, in a process of its own;
 * inner_add_tun() waits for it.  If the kernel must carry and cannot, one of
 * the two fails and the log says why.
 */
NODISCARD int inner_new(struct inner **inner, const struct inner_conf *conf);
void inner_free(struct inner *inner);
/*
 * The first half of it: what there is at the host goes, and where the kernel
 * carries that is the host's TUN, too.  Nothing but inner_free() may follow.
 */
void inner_leave_host(struct inner *inner);

/*
 * A new TUN in the namespace, up and with the routes through it or, if the
 * kernel carries what goes by `host_tun`, through the veth; the one before
 * must be gone with its relay.  Drops what waits at the listeners, which
 * belonged to that relay.  Returns the descriptor, the caller's.
 */
NODISCARD int inner_add_tun(struct inner *inner, const char *host_tun,
			    uint32_t mtu);

NODISCARD int inner_set_mtu(struct inner *inner, uint32_t mtu);

/* Borrowed; AF_INET or AF_INET6. */
int inner_listener(const struct inner *inner, int family);

/* "bpf" or "nft": what leads flows to the listeners. */
const char *inner_steering(const struct inner *inner);

/* "kernel" or "user": what carries TCP. */
const char *inner_carrier(const struct inner *inner);
/* Packets that the kernel carried in and out so far, of all relays. */
struct nl_device_packets inner_carried(const struct inner *inner);
/* SYNs of floods that it dropped, of all relays. */
uint64_t inner_dropped(const struct inner *inner);
/* Why the kernel does not; "" if it does, or was not asked to. */
const char *inner_carrier_why(const struct inner *inner);

#endif
