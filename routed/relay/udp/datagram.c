// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/datagram.h"

#include "common/err.h"

#include <string.h>

enum {
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
	UDP_SIZE = 8,
	UDP_CHECKSUM_AT = 6,
	PIECE_HEAD_SIZE = 8,
	NEXT_FRAGMENT = 44,
};

/* struct virtio_net_hdr; the kernel's headers of Debian 12 lack the last. */
enum {
	FRAME_NEEDS_CSUM = 1,
	FRAME_DATA_VALID = 2,
	FRAME_UDP_SEGMENTS = 5, /* VIRTIO_NET_HDR_GSO_UDP_L4, Linux 6.2 */
	FRAME_FLAGS_AT = 0,
	FRAME_TYPE_AT = 1,
};

/* It is in the byte order of this machine. */
struct frame_header {
	uint8_t flags, type;
	uint16_t head_size, segment, checksum_start, checksum_at;
};

_Static_assert(sizeof(struct frame_header) == CARRIER_HEADER_SIZE,
	       "the header before each packet");

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *out, size_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

/* A packet of another host was forwarded unlooked at: we are its end. */
static bool is_intact(const struct packet *packet, const uint8_t *udp,
		      size_t length)
{
	uint32_t sum;

	if (get16(udp + UDP_CHECKSUM_AT) == 0)
		return packet->src.addr.family == ADDR_IPV4;
	sum = packet_pseudo_sum(&packet->src.addr, &packet->dst.addr,
				PACKET_UDP, length);
	return packet_sum_fold(packet_sum(sum, udp, length)) == 0;
}

int datagram_read(struct datagram *datagram, const struct packet *packet,
		  const uint8_t *header)
{
	const uint8_t *udp = packet->bytes + packet->header_length;
	size_t there = packet->length - packet->header_length;
	bool is_ipv4 = packet->src.addr.family == ADDR_IPV4;
	struct frame_header frame = {.flags = 0};
	size_t length;

	/* Put together of pieces, it need not be what its first one was. */
	if (packet->protocol != PACKET_UDP || there < UDP_SIZE)
		return ERR_MALFORMED;
	length = get16(udp + 4);
	if (length < UDP_SIZE || length > there)
		return ERR_MALFORMED;
	if (header)
		memcpy(&frame, header, sizeof(frame));
	if ((frame.flags & (FRAME_NEEDS_CSUM | FRAME_DATA_VALID)) == 0 &&
	    !is_intact(packet, udp, length))
		return ERR_MALFORMED;
	*datagram = (struct datagram){
		.src = packet->src,
		.dst = packet->dst,
		.payload = udp + UDP_SIZE,
		.length = length - UDP_SIZE,
		.ttl = packet->bytes[is_ipv4 ? 8 : 7],
		.tos = is_ipv4 ? packet->bytes[1]
			       : (uint8_t)(get16(packet->bytes) >> 4),
		.is_whole = is_ipv4 ? (packet->bytes[6] & 0x40) != 0
				    : header != NULL,
	};
	if (frame.type == FRAME_UDP_SEGMENTS && frame.segment > 0 &&
	    frame.segment < datagram->length)
		datagram->segment = frame.segment;
	return 0;
}

static size_t put_ip(uint8_t *out, const struct datagram *datagram,
		     size_t payload, uint16_t id)
{
	const struct addr *src = &datagram->src.addr;
	const struct addr *dst = &datagram->dst.addr;

	if (src->family == ADDR_IPV6) {
		memset(out, 0, IPV6_SIZE);
		put16(out, 0x6000U | (size_t)datagram->tos << 4);
		put16(out + 4, payload);
		out[6] = PACKET_UDP;
		out[7] = datagram->ttl;
		memcpy(out + 8, src->bytes, 16);
		memcpy(out + 24, dst->bytes, 16);
		return IPV6_SIZE;
	}
	memset(out, 0, IPV4_SIZE);
	out[0] = 0x45;
	out[1] = datagram->tos;
	put16(out + 2, IPV4_SIZE + payload);
	put16(out + 4, id);
	out[8] = datagram->ttl;
	out[9] = PACKET_UDP;
	memcpy(out + 12, src->bytes, 4);
	memcpy(out + 16, dst->bytes, 4);
	put16(out + 10, packet_sum_fold(packet_sum(0, out, IPV4_SIZE)));
	return IPV4_SIZE;
}

static uint32_t pseudo_sum(const struct datagram *datagram)
{
	return packet_pseudo_sum(&datagram->src.addr, &datagram->dst.addr,
				 PACKET_UDP, UDP_SIZE + datagram->length);
}

static void put_ports(uint8_t *udp, const struct datagram *datagram)
{
	put16(udp, datagram->src.port);
	put16(udp + 2, datagram->dst.port);
	put16(udp + 4, UDP_SIZE + datagram->length);
	put16(udp + UDP_CHECKSUM_AT, 0);
}

size_t datagram_put_head(uint8_t out[DATAGRAM_HEAD_MAX],
			 const struct datagram *datagram, uint16_t id)
{
	struct frame_header frame = {.flags = FRAME_NEEDS_CSUM};
	uint8_t *ip = out + CARRIER_HEADER_SIZE;
	size_t size = put_ip(ip, datagram, UDP_SIZE + datagram->length, id);
	uint8_t *udp = ip + size;

	put_ports(udp, datagram);
	/* What is still to be added to it is the bytes themselves. */
	put16(udp + UDP_CHECKSUM_AT,
	      (uint16_t)~packet_sum_fold(pseudo_sum(datagram)));
	frame.checksum_start = (uint16_t)size;
	frame.checksum_at = UDP_CHECKSUM_AT;
	frame.head_size = (uint16_t)(size + UDP_SIZE);
	if (datagram->segment > 0) {
		frame.type = FRAME_UDP_SEGMENTS;
		frame.segment = datagram->segment;
	}
	memcpy(out, &frame, sizeof(frame));
	return CARRIER_HEADER_SIZE + size + UDP_SIZE;
}

void datagram_put_udp(uint8_t out[8], const struct datagram *datagram)
{
	uint32_t sum = pseudo_sum(datagram);
	uint16_t checksum;

	put_ports(out, datagram);
	sum = packet_sum(sum, out, UDP_SIZE);
	sum = packet_sum(sum, datagram->payload, datagram->length);
	checksum = packet_sum_fold(sum);
	put16(out + UDP_CHECKSUM_AT, checksum ? checksum : 0xffff);
}

size_t datagram_put_piece(uint8_t out[DATAGRAM_HEAD_MAX],
			  const struct datagram *datagram, size_t at,
			  uint32_t id)
{
	size_t left = UDP_SIZE + datagram->length - at;
	size_t length = left < DATAGRAM_PIECE ? left : DATAGRAM_PIECE;
	uint8_t *ip = out + CARRIER_HEADER_SIZE;
	uint8_t *piece = ip + IPV6_SIZE;

	memset(out, 0, CARRIER_HEADER_SIZE);
	put_ip(ip, datagram, PIECE_HEAD_SIZE + length, 0);
	ip[6] = NEXT_FRAGMENT;
	piece[0] = PACKET_UDP;
	piece[1] = 0;
	put16(piece + 2, at | (left > length));
	put16(piece + 4, id >> 16);
	put16(piece + 6, id);
	return CARRIER_HEADER_SIZE + IPV6_SIZE + PIECE_HEAD_SIZE;
}
