// SPDX-License-Identifier: BSD-2-Clause
/*
 * datagram.h - UDP datagrams as frames of a TUN, in and out.
 *
 * A frame is a struct virtio_net_hdr, an IP header, a UDP header and the
 * payload; with a segment size it is a train of datagrams of that size, the
 * last one may be shorter (UDP_SEGMENT, TUN_F_USO).  What goes to the host
 * has no checksum yet: the kernel that takes it trusts it or completes it.
 * Pure.
 *
 * Units	bytes; ports in host order
 * Errors	ERR_MALFORMED
 * Ownership	the payload is borrowed
 * Source	RFC 768, 791, 8200; virtio 1.2, 5.1.6 (VIRTIO_NET_HDR_*)
 */
#ifndef ERSATZ_ROUTED_RELAY_UDP_DATAGRAM_H
#define ERSATZ_ROUTED_RELAY_UDP_DATAGRAM_H

#include "routed/relay/carrier.h"
#include "routed/relay/packet.h"

enum {
	DATAGRAM_TTL = 64,
	DATAGRAM_SEGMENTS_MAX = 64, /* of a train: UDP_MAX_SEGMENTS */
	/* Frame's, IPv6's and UDP's header; and IPv6's fragment header. */
	DATAGRAM_HEAD_MAX = CARRIER_HEADER_SIZE + 40 + 8 + 8,
	DATAGRAM_PAYLOAD_MAX = 65507, /* that both families can carry */
	/* Fits into the smallest MTU of IPv6, 1280, and is a multiple of 8. */
	DATAGRAM_PIECE = 1232,
};

struct datagram {
	struct endpoint src, dst;
	const uint8_t *payload;
	size_t length;
	uint16_t segment; /* 0: it is one datagram */
	uint8_t ttl, tos; /* hop limit, traffic class */
	bool is_whole;    /* must not be fragmented on its way */
};

/*
 * Reads a packet that is no fragment; ERR_MALFORMED if it is not UDP.  `header`
 * is the frame's, NULL: the packet was put together of pieces.
 */
NODISCARD int datagram_read(struct datagram *datagram,
			    const struct packet *packet, const uint8_t *header);

/* Everything before the payload; returns its length.  `id` is IPv4's. */
size_t datagram_put_head(uint8_t out[DATAGRAM_HEAD_MAX],
			 const struct datagram *datagram, uint16_t id);

/*
 * The same of one IPv6 fragment, for hosts behind us whose way is too narrow:
 * what stands before the bytes of UDP header and payload from `at` on,
 * DATAGRAM_PIECE at a time.  The UDP header is that of datagram_put_udp().
 */
size_t datagram_put_piece(uint8_t out[DATAGRAM_HEAD_MAX],
			  const struct datagram *datagram, size_t at,
			  uint32_t id);
/* 8 bytes, with the checksum. */
void datagram_put_udp(uint8_t out[8], const struct datagram *datagram);

#endif
