// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/relay_packets.h"

#include <string.h>

static void put16(uint8_t *out, size_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

static size_t put_ipv4(uint8_t *out, uint8_t protocol, size_t payload)
{
	static const uint8_t src[] = {198, 18, 0, 1},
			     dst[] = {198, 18, 18, 103};

	memset(out, 0, PACKETS_SIZE);
	out[0] = 0x45;
	put16(out + 2, 20 + payload);
	put16(out + 4, 0x1234);
	out[6] = 0x40;
	out[8] = 64;
	out[9] = protocol;
	memcpy(out + 12, src, 4);
	memcpy(out + 16, dst, 4);
	put16(out + 10, packets_checksum(out, 20));
	return 20;
}

static size_t put_ipv6(uint8_t *out, uint8_t protocol, size_t payload)
{
	static const uint8_t src[] = {0x20, 1, 0, 2, [15] = 1};
	static const uint8_t dst[] = {0x20, 1, 0, 2, [14] = 0x12, [15] = 0x67};

	memset(out, 0, PACKETS_SIZE);
	out[0] = 0x60;
	put16(out + 4, payload);
	out[6] = protocol;
	out[7] = 64;
	memcpy(out + 8, src, 16);
	memcpy(out + 24, dst, 16);
	return 40;
}

static size_t put_ports(uint8_t *out)
{
	put16(out, 40000);
	put16(out + 2, 443);
	return 4;
}

static size_t put_tcp(uint8_t *out, uint8_t flags)
{
	put_ports(out);
	put16(out + 4, PACKETS_SEQ >> 16);
	put16(out + 6, PACKETS_SEQ & 0xffff);
	put16(out + 8, 0xa0b0);
	put16(out + 10, 0xc0d0);
	out[12] = 6 << 4;
	out[13] = flags;
	put16(out + 14, 64240);
	out[20] = 2; /* MSS */
	out[21] = 4;
	put16(out + 22, 1460);
	return 24;
}

size_t packets_tcp4(uint8_t *out, uint8_t flags, size_t payload)
{
	size_t at = put_ipv4(out, PACKET_TCP, 24 + payload);

	return at + put_tcp(out + at, flags) + payload;
}

size_t packets_tcp6(uint8_t *out, uint8_t flags, size_t payload)
{
	size_t at = put_ipv6(out, PACKET_TCP, 24 + payload);

	return at + put_tcp(out + at, flags) + payload;
}

size_t packets_udp4(uint8_t *out, size_t payload)
{
	size_t at = put_ipv4(out, PACKET_UDP, 8 + payload);

	put_ports(out + at);
	put16(out + at + 4, 8 + payload);
	return at + 8 + payload;
}

size_t packets_udp6(uint8_t *out, size_t payload)
{
	size_t at = put_ipv6(out, PACKET_UDP, 8 + payload);

	put_ports(out + at);
	put16(out + at + 4, 8 + payload);
	return at + 8 + payload;
}

size_t packets_icmp4(uint8_t *out, uint8_t type)
{
	size_t at = put_ipv4(out, PACKET_ICMP, 16);

	out[at] = type;
	return at + 16;
}

size_t packets_icmp6(uint8_t *out, uint8_t type)
{
	size_t at = put_ipv6(out, PACKET_ICMPV6, 16);

	out[at] = type;
	return at + 16;
}

size_t packets_extend(uint8_t *packet, size_t length, uint8_t kind,
		      size_t units)
{
	size_t size = units * 8;

	memmove(packet + 40 + size, packet + 40, length - 40);
	memset(packet + 40, 0, size);
	packet[40] = packet[6];
	packet[41] = (uint8_t)(kind == 51 ? size / 4 - 2 : units - 1);
	packet[6] = kind;
	put16(packet + 4, length - 40 + size);
	return length + size;
}

size_t packets_piece6(uint8_t *packet, size_t length, uint16_t fragment)
{
	length = packets_extend(packet, length, 44, 1);
	put16(packet + 42, fragment);
	return length;
}

uint16_t packets_checksum(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)~sum;
}

uint16_t packets_transport_checksum(const struct packet *packet)
{
	uint8_t flat[PACKETS_SIZE + 40] = {0};
	size_t size = addr_size(&packet->src.addr);
	size_t length = packet->length - packet->header_length;

	memcpy(flat, packet->src.addr.bytes, size);
	memcpy(flat + size, packet->dst.addr.bytes, size);
	put16(flat + 2 * size, length);
	put16(flat + 2 * size + 2, packet->protocol);
	memcpy(flat + 2 * size + 4, packet->bytes + packet->header_length,
	       length);
	return packets_checksum(flat, 2 * size + 4 + length);
}
