// SPDX-License-Identifier: BSD-2-Clause
/*
 * nl_device.h - waking, moving and addressing the TUN devices, and the few
 * routes inside the inner namespace; one of the boundary files of libnl.
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

/* "iif NAME lookup TABLE" at priority TABLE; the link need not exist. */
NODISCARD int nl_device_add_rule(struct nl_device *device, uint8_t family,
				 const char *iif, uint32_t table);

#endif
