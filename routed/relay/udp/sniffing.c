// SPDX-License-Identifier: BSD-2-Clause
/*
 * The name of a QUIC connection, out of its first datagrams.  They wait
 * meanwhile, as for anything else that is not known yet: unlike with TCP the
 * application sees nothing of it.
 */
#include "routed/relay/udp/parts.h"

#include <stdlib.h>
#include <string.h>

/* A ClientHello fits into two or three; what is longer is none. */
#define DATAGRAMS_MAX 4

/* Does it begin as a long header does?  Cheap, for each first datagram. */
static bool may_be_quic(const struct datagram *datagram)
{
	return datagram->length >= 1200 && datagram->payload[0] >= 0xc0;
}

bool udp_is_sniffable(const struct policy *policy,
		      const struct datagram *datagram)
{
	return (policy->sniffs & SNIFF_QUIC) && may_be_quic(datagram);
}

/* A train of segments is as many datagrams. */
static bool add(struct quic_hello *hello, const struct datagram *datagram)
{
	size_t step = datagram->segment ? datagram->segment : datagram->length;
	bool is_quic = false;

	for (size_t at = 0; at < datagram->length; at += step) {
		size_t left = datagram->length - at;

		is_quic |= quic_hello_add(hello, datagram->payload + at,
					  left < step ? left : step);
	}
	return is_quic;
}

/* Looks at all that wait. */
static enum sniff_result look(struct quic_hello *hello,
			      const struct held_queue *queue, struct name *name)
{
	bool is_quic = false;

	quic_hello_init(hello);
	for (const struct held *held = queue->first; held; held = held->next)
		is_quic |= add(hello, &held->datagram);
	return is_quic ? quic_hello_name(hello, name) : SNIFF_NAMELESS;
}

void udp_sniff(struct udp *udp, struct udp_peer *peer)
{
	char text[NAME_TEXT_SIZE];
	struct name name;
	enum sniff_result result = look(&udp->hello, &peer->held, &name);

	peer->state = UDP_PEER_SNIFFING;
	if (result == SNIFF_SHORT && peer->held.count > 0 &&
	    peer->held.count < DATAGRAMS_MAX)
		return;
	/* The text is for people who look, too. */
	if (result == SNIFF_NAMED)
		peer->sniffed = strdup(name_format(&name, text, sizeof(text)));
	udp_sniff_end(udp, peer);
}
