// SPDX-License-Identifier: BSD-2-Clause
/*
 * servers.h - who answers from the TUN's own address, and should not.
 *
 * UDP from the TUN's own address and a port that no client would use comes
 * from a server on the wildcard address, whose replies go astray: the parent
 * is told of it, once for each port.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_SERVERS_H
#define ERSATZ_ROUTED_RELAY_UDP_SERVERS_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/fake.h"

struct udp_servers_told;

/* `link_fd` is borrowed. */
NODISCARD int udp_servers_told_new(struct udp_servers_told **told, int link_fd);
void udp_servers_told_free(struct udp_servers_told *told);

/* Something came from there. */
void udp_servers_told_look(struct udp_servers_told *told,
			   const struct fake_pool *pool,
			   const struct endpoint *src);

#endif
