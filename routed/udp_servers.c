// SPDX-License-Identifier: BSD-2-Clause
#include "routed/udp_servers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"

struct search {
	struct udp_servers found;
	struct port_range clients;
	uid_t own_uid;
};

bool udp_servers_counts(const struct sockdiag_socket *socket,
			const struct port_range *clients, uid_t own_uid)
{
	uint16_t port = socket->local.port;

	if (port == 0 || socket->remote.port != 0)
		return false;
	if (port >= clients->first && port <= clients->last)
		return false;
	return addr_is_unspecified(&socket->local.addr) &&
	       socket->uid != own_uid;
}

static int compare(const void *a, const void *b)
{
	const struct endpoint *x = a, *y = b;

	if (x->addr.family != y->addr.family)
		return x->addr.family < y->addr.family ? -1 : 1;
	return (x->port > y->port) - (x->port < y->port);
}

bool udp_servers_has(const struct udp_servers *servers,
		     const struct endpoint *server)
{
	for (size_t i = 0; i < servers->count; i++) {
		if (compare(&servers->list[i], server) == 0)
			return true;
	}
	return false;
}

static void add(struct udp_servers *servers, uint8_t family, uint16_t port)
{
	const struct endpoint server = {.addr.family = family, .port = port};

	if (servers->count < UDP_SERVERS_MAX &&
	    !udp_servers_has(servers, &server))
		servers->list[servers->count++] = server;
}

static void on_socket(void *ctx, const struct sockdiag_socket *socket)
{
	struct search *search = ctx;

	if (!udp_servers_counts(socket, &search->clients, search->own_uid))
		return;
	add(&search->found, socket->local.addr.family, socket->local.port);
	/* Unless it asked not to, an IPv6 socket takes IPv4 as well. */
	if (socket->local.addr.family == ADDR_IPV6)
		add(&search->found, ADDR_IPV4, socket->local.port);
}

static int read_clients(struct port_range *clients)
{
	FILE *file = fopen(PORT_RANGE_FILE, "re");
	if (!file)
		return -errno;
	int n = fscanf(file, "%hu %hu", &clients->first, &clients->last);
	fclose(file);
	return n == 2 ? 0 : -EBADMSG;
}

int udp_servers_find(struct udp_servers *servers, struct sockdiag *diag,
		     uid_t own_uid)
{
	struct search search = {.own_uid = own_uid};
	const struct sockdiag_query query = {.network = NETWORK_UDP,
					     .states = SOCKDIAG_UNCONNECTED};
	int ret = read_clients(&search.clients);

	if (ret == 0)
		ret = sockdiag_each(diag, &query, on_socket, &search);
	if (ret < 0)
		return ret;
	struct udp_servers *found = &search.found;
	qsort(found->list, found->count, sizeof(found->list[0]), compare);
	if (found->count == servers->count &&
	    memcmp(found->list, servers->list,
		   found->count * sizeof(found->list[0])) == 0)
		return 0;
	*servers = *found;
	return 1;
}
