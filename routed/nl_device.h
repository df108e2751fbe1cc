// SPDX-License-Identifier: BSD-2-Clause
/*
 * nl_device.h - waking, moving and addressing the TUN devices, the veth of
 * the inner namespace with the programs at its ends, and the few routes
 * inside; one of the boundary files of libnl.
 *
 * A socket stays in the network namespace that its thread was in when it was
 * opened, wherever the thread goes: that is how a namespace is changed
 * without CAP_SYS_ADMIN.  What the host's routing needs is in nl_edit.h.
 *
 * Errors	-errno as the kernel answered
 * Privilege	CAP_NET_ADMIN
 * Source	rtnetlink(7)
 */
#ifndef ERSATZ_ROUTED_NL_DEVICE_H
#define ERSATZ_ROUTED_NL_DEVICE_H

#include "common/addr.h"
#include "common/compiler.h"

#include <net/if.h>
#include <stdint.h>

struct nl_device;

/* In the network namespace of the calling thread. */
NODISCARD int nl_device_open(struct nl_device **device);
void nl_device_close(struct nl_device *device);

/*
 * No link-local address of its own making when it comes up: it would send
 * router solicitations.
 */
NODISCARD int nl_device_set_quiet(struct nl_device *device, const char *name);
/* Sets a link up, quiet.  `mtu` 0 leaves it as it is. */
NODISCARD int nl_device_up(struct nl_device *device, const char *name,
			   uint32_t mtu);
NODISCARD int nl_device_set_mtu(struct nl_device *device, const char *name,
				uint32_t mtu);
NODISCARD int nl_device_down(struct nl_device *device, const char *name);
NODISCARD int nl_device_del(struct nl_device *device, int index);
/*
 * All of them with one wait for RCU, where each would be one: by a group that
 * nobody else has.  Those that are gone do not count, unless all are.
 */
NODISCARD int nl_device_del_all(struct nl_device *device, const int *indices,
				size_t count);

/* Not if_nametoindex() and its like: the socket may be elsewhere. */
NODISCARD int nl_device_index(struct nl_device *device, const char *name);
NODISCARD int nl_device_name(struct nl_device *device, int index,
			     char name[IFNAMSIZ]);

/* Packets since the link is there: what it took in, and what it sent. */
struct nl_device_packets {
	uint64_t in, out;
};

NODISCARD int nl_device_count(struct nl_device *device, const char *name,
			      struct nl_device_packets *packets);

/* Both ends are down, without neighbours (IFF_NOARP), in group NL_PROTOCOL. */
struct nl_device_veth {
	const char *name;      /* of the end in the socket's namespace */
	const char *peer_name; /* with %d: the kernel fills a number in */
	int peer_netns;        /* a descriptor */
	uint32_t peer_mtu;
};

/* Returns the index of the peer, in its namespace. */
NODISCARD int nl_device_add_veth(struct nl_device *device,
				 const struct nl_device_veth *veth);

/* Room for programs at a link: the qdisc clsact. */
NODISCARD int nl_device_add_clsact(struct nl_device *device, const char *name);

enum nl_device_direction { NL_DEVICE_INGRESS, NL_DEVICE_EGRESS };

/* A BPF program of type sched_cls, direct-action, for every protocol. */
NODISCARD int nl_device_add_program(struct nl_device *device, const char *name,
				    enum nl_device_direction direction,
				    int program_fd);

/* A host address without routes but the local one. */
NODISCARD int nl_device_add_addr(struct nl_device *device, const char *name,
				 const struct addr *addr);

/* Into another namespace; it is down there and may have another name. */
NODISCARD int nl_device_move(struct nl_device *device, const char *name,
			     int netns_fd, const char *new_name);

/*
 * A default route out by that link, of family AF_INET or AF_INET6; `type` is
 * RTN_UNICAST or RTN_LOCAL, `table` below 256.
 */
NODISCARD int nl_device_add_default(struct nl_device *device, uint8_t family,
				    uint8_t type, uint32_t table,
				    const char *name);

/* A default route of main by a gateway that is taken to be on that link. */
NODISCARD int nl_device_add_gateway(struct nl_device *device,
				    const struct addr *gateway,
				    const char *name);

/* "iif NAME lookup TABLE" at priority TABLE; the link need not exist. */
NODISCARD int nl_device_add_rule(struct nl_device *device, uint8_t family,
				 const char *iif, uint32_t table);

#endif
