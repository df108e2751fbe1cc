// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/stray.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PORT_RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"

struct stray {
	int link_fd;                /* borrowed */
	unsigned first, last;       /* ports of clients */
	uint8_t told[2][65536 / 8]; /* servers, by family and port */
};

int stray_new(struct stray **stray, int link_fd)
{
	struct stray *new = calloc(1, sizeof(*new));
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
	*stray = new;
	return 0;
}

void stray_free(struct stray *stray)
{
	free(stray);
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

static void tell_of_server(struct stray *stray, const struct endpoint *src)
{
	struct link_message message = {.type = LINK_UDP_SERVER};
	uint8_t *told =
		&stray->told[src->addr.family == ADDR_IPV6][src->port / 8];
	uint8_t bit = (uint8_t)(1 << src->port % 8);

	if (*told & bit ||
	    (src->port >= stray->first && src->port <= stray->last))
		return;
	message.server = *src;
	/* When the link is full the next packet of that server tells. */
	if (link_send(stray->link_fd, &message, NULL) == 0)
		*told |= bit;
}

void stray_on_packet(struct stray *stray, struct parts *parts,
		     const struct packet *packet)
{
	const struct policy *policy = parts->policy;
	struct decision decision;

	if (packet->is_later_piece || packet_is_for_many(&packet->dst.addr)) {
		carrier_drop(parts->carrier);
		return;
	}
	if (packet->protocol != PACKET_UDP) {
		carrier_refuse(parts->carrier, packet, REFUSAL_PROTOCOL);
		return;
	}
	if (is_of_tun(&policy->config->dnsd.fake, &packet->src.addr))
		tell_of_server(stray, &packet->src);

	decide(parts->decider, policy, packet, &decision);
	if (decision.is_refused && decision.refusal == REFUSAL_SILENT)
		carrier_drop(parts->carrier);
	else
		carrier_refuse(parts->carrier, packet, REFUSAL_PORT);
}
