// SPDX-License-Identifier: BSD-2-Clause
/*
 * udp_servers.h - UDP servers on the wildcard address.
 *
 * Such a server answers from whatever address the way back has, which would
 * be the TUN's; so the plan sends what comes from their ports by the main
 * table (rule 4991).  A server is a UDP socket that is bound to no address,
 * is connected to nobody, has a port outside of the range that the kernel
 * gives to clients, and is not of our own relay or dnsd.
 *
 * Errors	-errno
 */
#ifndef ERSATZ_ROUTED_UDP_SERVERS_H
#define ERSATZ_ROUTED_UDP_SERVERS_H

#include "common/addr.h"
#include "common/compiler.h"
#include "routed/sockdiag.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UDP_SERVERS_MAX 64 /* each is a rule; further ones are left out */

struct udp_servers {
	struct endpoint list[UDP_SERVERS_MAX]; /* sorted, no two equal */
	size_t count;
};

/*
 * Looks again: 1 when the list is another one now, 0 when it is the same.
 * `own_uid` is the user whose sockets do not count.
 */
NODISCARD int udp_servers_find(struct udp_servers *servers,
			       struct sockdiag *diag, uid_t own_uid);

bool udp_servers_has(const struct udp_servers *servers,
		     const struct endpoint *server);

/* The ports for clients: /proc/sys/net/ipv4/ip_local_port_range. */
struct port_range {
	uint16_t first, last;
};

/* Pure: does the socket make a server, by the rules above? */
bool udp_servers_counts(const struct sockdiag_socket *socket,
			const struct port_range *clients, uid_t own_uid);

#endif
