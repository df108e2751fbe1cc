// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/stray.h"

void stray_on_packet(struct parts *parts, const struct packet *packet)
{
	if (packet->is_later_piece || packet_is_for_many(&packet->dst.addr))
		carrier_drop(parts->carrier);
	else
		carrier_refuse(parts->carrier, packet, REFUSAL_PROTOCOL);
}
