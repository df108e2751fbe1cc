// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/parts.h"

void udp_count(const struct udp *udp, struct link_counters *counters)
{
	const struct udp_counters *own = &udp->counters;

	counters->udp_flows_now = udp_leg_count(udp->table);
	counters->udp_flows_ever = own->flows_ever;
	counters->udp_refused = own->refused;
	counters->udp_packets_up = own->packets_up;
	counters->udp_packets_down = own->packets_down;
	counters->udp_bytes_up = own->bytes_up;
	counters->udp_bytes_down = own->bytes_down;
	counters->udp_dropped = own->dropped;
	counters->dns_queries = own->queries;
}

uint32_t udp_end(const struct udp *udp)
{
	return udp_peer_end(udp->table);
}

static const char *state_of(const struct udp_peer *peer)
{
	if (peer->state == UDP_PEER_SNIFFING)
		return "sniffing";
	/* One that found no room is told of before it has a leg. */
	if (peer->state != UDP_PEER_READY || !peer->leg)
		return "held";
	switch (peer->leg->state) {
	case UDP_LEG_DIALLING:
		return "held";
	case UDP_LEG_OPEN:
		return "open";
	case UDP_LEG_SHUT:
	case UDP_LEG_NONE:
		break;
	}
	return "shut";
}

bool udp_line_at(struct udp *udp, uint32_t number, struct udp_line *line)
{
	const struct udp_peer *peer = udp_peer_at(udp->table, number);

	if (!peer)
		return false;
	*line = (struct udp_line){
		.tuple = udp_peer_tuple(udp->table, peer),
		.policy = peer->policy,
		.rule = peer->rule,
		.slot = peer->slot,
		.sniffed = peer->sniffed,
		.outbound = peer->outbound,
		.state = state_of(peer),
		.is_own = peer->is_own,
		.real = peer->slot > 0 ? peer->real
				       : (struct endpoint){.port = 0},
		.up = peer->up,
		.down = peer->down,
		.since_ms = peer->since_ms,
	};
	return true;
}
