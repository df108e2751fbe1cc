// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/servers.h"

#include "routed/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT_RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"

struct udp_servers_told {
	int link_fd;                /* borrowed */
	unsigned first, last;       /* ports of clients */
	uint8_t told[2][65536 / 8]; /* servers, by family and port */
};

int udp_servers_told_new(struct udp_servers_told **told, int link_fd)
{
	struct udp_servers_told *new = calloc(1, sizeof(*new));
	FILE *file;

	if (!new)
		return -ENOMEM;
	new->link_fd = link_fd;
	new->first = 32768;
	new->last = 60999;
	file = fopen(PORT_RANGE_FILE, "re");
	if (file) {
		unsigned first, last;

		if (fscanf(file, "%u %u", &first, &last) == 2) {
			new->first = first;
			new->last = last;
		}
		fclose(file);
	}
	*told = new;
	return 0;
}

void udp_servers_told_free(struct udp_servers_told *told)
{
	free(told);
}

static bool is_of_tun(const struct fake_pool *pool, const struct addr *addr)
{
	struct addr own;

	if (addr->family == ADDR_IPV4)
		own = fake_ipv4(pool, FAKE_SLOT_TUN);
	else if (pool->ipv6.addr.family != ADDR_NONE)
		own = fake_ipv6(pool, FAKE_SLOT_TUN);
	else
		return false;
	return addr_equal(addr, &own);
}

void udp_servers_told_look(struct udp_servers_told *told,
			   const struct fake_pool *pool,
			   const struct endpoint *src)
{
	struct link_message message = {.type = LINK_UDP_SERVER};
	uint8_t *at = &told->told[src->addr.family == ADDR_IPV6][src->port / 8];
	uint8_t bit = (uint8_t)(1 << src->port % 8);

	if (!is_of_tun(pool, &src->addr) || *at & bit ||
	    (src->port >= told->first && src->port <= told->last))
		return;
	message.server = *src;
	/* When the link is full the next packet of that server tells. */
	if (link_send(told->link_fd, &message, NULL) == 0)
		*at |= bit;
}
