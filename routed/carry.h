// SPDX-License-Identifier: BSD-2-Clause
/*
 * carry.h - TCP carried by the kernel between a TUN of the host and the inner
 * namespace.
 *
 * A veth with one end in the namespace and the other one at the host, and
 * programs (carry.bpf.c) at that end and at the TUN: what of TCP leaves by
 * the TUN, but for opening SYNs, arrives inside, and what leaves the inside
 * arrives from the TUN.  Super-packets stay whole.
 *
 * The host's end has a name of its own for each process and group 198, and
 * is gone with the namespace if nobody calls carry_free().
 *
 * Privilege	CAP_BPF and CAP_NET_ADMIN for carry_new(), then CAP_NET_ADMIN;
 *		no bpf(2) after carry_new()
 * Errors	-errno; -EOPNOTSUPP when built without BPF
 * Source	bpf-helpers(7), tc-bpf(8); bpf_redirect_peer needs Linux 5.10
 */
#ifndef ERSATZ_ROUTED_CARRY_H
#define ERSATZ_ROUTED_CARRY_H

#include "common/compiler.h"
#include "routed/nl_device.h"

#include <stdint.h>

#define CARRY_HOST_PREFIX "ersatz-v" /* and a number */
#define CARRY_INNER_END "inner1"

struct carry;

/* Both are borrowed, as is the descriptor of the namespace of `outside`. */
struct carry_conf {
	struct nl_device *inside;
	struct nl_device *outside;
	int outside_netns;
};

NODISCARD int carry_new(struct carry **carry, const struct carry_conf *conf);
/* The veth goes, and the TUN that was carried for, if it is there still. */
void carry_free(struct carry *carry);

/*
 * From now on for that TUN, which is new; routes the inside by the veth,
 * IPv6 too if `has_ipv6`.  The one before is gone, or was stopped.
 */
NODISCARD int carry_start(struct carry *carry, const char *tun, uint32_t mtu,
			  bool has_ipv6);
/* Nothing is carried any more, and the inside has no route by the veth. */
void carry_stop(struct carry *carry);

NODISCARD int carry_set_mtu(struct carry *carry, uint32_t mtu);

/* SYNs that were dropped, being far too many, since carry_new(). */
uint64_t carry_dropped(const struct carry *carry);

#endif
