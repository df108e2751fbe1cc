// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/packet.h"

#include "common/err.h"

#include <string.h>

enum {
	IPV4_MIN = 20,
	IPV6_MIN = 40,
	TCP_MIN = 20,
	UDP_MIN = 8,
	ICMP_MIN = 8,
	EXTENSIONS_MAX = 8, /* RFC 8200 has six kinds, one of them twice */
};

/* IPv6 next headers that only stand before something else. */
enum {
	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_AUTHENTICATION = 51,
	NEXT_OPTIONS = 60,
};

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

static void set_addr(struct addr *addr, enum addr_family family,
		     const uint8_t *bytes)
{
	memset(addr, 0, sizeof(*addr));
	addr->family = (uint8_t)family;
	memcpy(addr->bytes, bytes, family == ADDR_IPV4 ? 4 : 16);
}

static int parse_ipv4(struct packet *packet, const uint8_t *bytes,
		      size_t length)
{
	size_t header, total;
	uint16_t fragment;

	if (length < IPV4_MIN)
		return ERR_MALFORMED;
	header = (size_t)(bytes[0] & 0x0f) * 4;
	total = get16(bytes + 2);
	if (header < IPV4_MIN || total < header || length < total)
		return ERR_MALFORMED;

	fragment = get16(bytes + 6);
	packet->is_fragment = (fragment & 0x3fff) != 0;
	packet->is_later_piece = (fragment & 0x1fff) != 0;
	packet->piece.id = get16(bytes + 4);
	packet->piece.offset = (uint16_t)((fragment & 0x1fff) * 8U);
	packet->piece.has_more = (fragment & 0x2000) != 0;
	packet->length = total;
	packet->header_length = header;
	packet->ttl = bytes[8];
	packet->protocol = bytes[9];
	set_addr(&packet->src.addr, ADDR_IPV4, bytes + 12);
	set_addr(&packet->dst.addr, ADDR_IPV4, bytes + 16);
	return 0;
}

/* The size of the extension header at `at`, 0: it is none, or an error. */
static int extension_size(const uint8_t *at, size_t left, uint8_t kind)
{
	size_t size;

	switch (kind) {
	case NEXT_HOP_BY_HOP:
	case NEXT_ROUTING:
	case NEXT_OPTIONS:
	case NEXT_FRAGMENT:
	case NEXT_AUTHENTICATION:
		break;
	default: /* a byte, no enum: everything else is a payload */
		return 0;
	}
	if (left < 8)
		return ERR_MALFORMED;
	if (kind == NEXT_FRAGMENT)
		size = 8;
	else if (kind == NEXT_AUTHENTICATION)
		size = ((size_t)at[1] + 2) * 4;
	else
		size = ((size_t)at[1] + 1) * 8;
	return size <= left ? (int)size : ERR_MALFORMED;
}

static int parse_extensions(struct packet *packet)
{
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		const uint8_t *at = packet->bytes + packet->header_length;
		int size = extension_size(
			at, packet->length - packet->header_length,
			packet->protocol);

		if (size <= 0)
			return size;
		if (packet->protocol == NEXT_FRAGMENT) {
			uint16_t fragment = get16(at + 2);

			packet->is_fragment |= (fragment & 0xfff9) != 0;
			packet->is_later_piece = (fragment & 0xfff8) != 0;
			packet->piece.id = get32(at + 4);
			packet->piece.offset = fragment & 0xfff8;
			packet->piece.has_more = (fragment & 1) != 0;
		}
		packet->protocol = at[0];
		packet->header_length += (size_t)size;
		/* What follows a later piece's header is payload. */
		if (packet->is_later_piece)
			return 0;
	}
	return ERR_MALFORMED;
}

static int parse_ipv6(struct packet *packet, const uint8_t *bytes,
		      size_t length)
{
	size_t total;

	if (length < IPV6_MIN)
		return ERR_MALFORMED;
	total = IPV6_MIN + (size_t)get16(bytes + 4);
	if (length < total)
		return ERR_MALFORMED;

	packet->length = total;
	packet->header_length = IPV6_MIN;
	packet->ttl = bytes[7];
	packet->protocol = bytes[6];
	set_addr(&packet->src.addr, ADDR_IPV6, bytes + 8);
	set_addr(&packet->dst.addr, ADDR_IPV6, bytes + 24);
	return parse_extensions(packet);
}

static int parse_tcp(struct packet *packet, const uint8_t *at, size_t left)
{
	size_t header;

	if (left < TCP_MIN)
		return ERR_MALFORMED;
	header = (size_t)(at[12] >> 4) * 4;
	if (header < TCP_MIN || left < header)
		return ERR_MALFORMED;
	packet->src.port = get16(at);
	packet->dst.port = get16(at + 2);
	packet->tcp.seq = get32(at + 4);
	packet->tcp.ack = get32(at + 8);
	packet->tcp.flags = at[13];
	packet->tcp.payload = left - header;
	return 0;
}

static int parse_transport(struct packet *packet)
{
	const uint8_t *at = packet->bytes + packet->header_length;
	size_t left = packet->length - packet->header_length;

	switch (packet->protocol) {
	case PACKET_TCP:
		return parse_tcp(packet, at, left);
	case PACKET_UDP:
		if (left < UDP_MIN)
			return ERR_MALFORMED;
		packet->src.port = get16(at);
		packet->dst.port = get16(at + 2);
		return 0;
	case PACKET_ICMP:
	case PACKET_ICMPV6:
		if (left < ICMP_MIN)
			return ERR_MALFORMED;
		packet->icmp.type = at[0];
		packet->icmp.code = at[1];
		return 0;
	default: /* a byte, no enum */
		return 0;
	}
}

int packet_parse(struct packet *packet, const uint8_t *bytes, size_t length)
{
	int ret = ERR_MALFORMED;

	*packet = (struct packet){.bytes = bytes};
	if (length == 0)
		return ERR_MALFORMED;
	if (bytes[0] >> 4 == 4)
		ret = parse_ipv4(packet, bytes, length);
	else if (bytes[0] >> 4 == 6)
		ret = parse_ipv6(packet, bytes, length);
	if (ret < 0 || packet->is_later_piece)
		return ret;
	return parse_transport(packet);
}

bool packet_is_plain_tcp(const uint8_t *bytes, size_t length)
{
	size_t header;

	if (length >= IPV6_MIN + TCP_MIN && bytes[0] >> 4 == 6) {
		if (bytes[6] != PACKET_TCP)
			return false;
		header = IPV6_MIN;
	} else if (length >= IPV4_MIN + TCP_MIN && bytes[0] >> 4 == 4) {
		if (bytes[9] != PACKET_TCP || (get16(bytes + 6) & 0x3fff) != 0)
			return false;
		header = (size_t)(bytes[0] & 0x0f) * 4;
		if (header < IPV4_MIN)
			return false;
	} else {
		return false;
	}
	if (length < header + TCP_MIN)
		return false;
	return (bytes[header + 13] & (PACKET_TCP_SYN | PACKET_TCP_ACK)) !=
	       PACKET_TCP_SYN;
}

bool packet_is_opening(const struct packet *packet)
{
	const uint8_t mask = PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_RST |
			     PACKET_TCP_FIN;

	return packet->protocol == PACKET_TCP && !packet->is_fragment &&
	       (packet->tcp.flags & mask) == PACKET_TCP_SYN;
}

bool packet_is_for_many(const struct addr *addr)
{
	if (addr->family == ADDR_IPV6)
		return addr->bytes[0] == 0xff || addr_is_unspecified(addr);
	/* 0.0.0.0/8, 224.0.0.0/4, 255.255.255.255 and what is reserved */
	return addr->bytes[0] == 0 || addr->bytes[0] >= 224;
}

uint32_t packet_sum(uint32_t sum, const uint8_t *bytes, size_t length)
{
	uint64_t total = sum;
	size_t i;

	for (i = 0; i + 1 < length; i += 2)
		total += get16(bytes + i);
	if (i < length)
		total += (uint32_t)bytes[i] << 8;
	while (total >> 16 != 0)
		total = (total & 0xffff) + (total >> 16);
	return (uint32_t)total;
}

uint32_t packet_pseudo_sum(const struct addr *src, const struct addr *dst,
			   uint8_t protocol, size_t length)
{
	uint32_t sum = packet_sum(0, src->bytes, addr_size(src));

	sum = packet_sum(sum, dst->bytes, addr_size(dst));
	sum += (uint32_t)(length >> 16) + (uint32_t)(length & 0xffff);
	return sum + protocol;
}

uint16_t packet_sum_fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}
