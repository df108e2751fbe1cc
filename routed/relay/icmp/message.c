// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/icmp/message.h"

#include "common/err.h"

#include <string.h>

enum {
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
	TTL = 64,
	FLAG_DONT_FRAGMENT = 0x40,
	QUOTED_TTL = 1, /* what was left of it where the error arose */
};

enum {
	ECHO_REPLY = 0,
	ECHO_REQUEST = 8,
	ICMPV6_ERROR_LAST = 127,
	ECHO_REQUEST_IPV6 = 128,
	ECHO_REPLY_IPV6 = 129,
};

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

static void put16(uint8_t *out, uint32_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

static void put32(uint8_t *out, uint32_t value)
{
	put16(out, value >> 16);
	put16(out + 2, value);
}

static size_t ip_size(enum addr_family family)
{
	return family == ADDR_IPV6 ? IPV6_SIZE : IPV4_SIZE;
}

static bool is_request(uint8_t protocol, uint8_t type)
{
	return (protocol == PACKET_ICMP && type == ECHO_REQUEST) ||
	       (protocol == PACKET_ICMPV6 && type == ECHO_REQUEST_IPV6);
}

int icmp_read_echo(const struct packet *packet, struct icmp_echo *echo)
{
	const uint8_t *ip = packet->bytes;
	const uint8_t *icmp = ip + packet->header_length;

	if (packet->is_fragment ||
	    !is_request(packet->protocol, packet->icmp.type))
		return ERR_MALFORMED;
	*echo = (struct icmp_echo){
		.id = get16(icmp + 4),
		.seq = get16(icmp + 6),
		.data = icmp + ICMP_HEADER_SIZE,
		.length = packet->length - packet->header_length -
			  ICMP_HEADER_SIZE,
	};
	if (packet->src.addr.family == ADDR_IPV6) {
		echo->ttl = ip[7];
		echo->tos = (uint8_t)(get16(ip) >> 4);
		echo->is_whole = true;
	} else {
		echo->ttl = ip[8];
		echo->tos = ip[1];
		echo->is_whole = (ip[6] & FLAG_DONT_FRAGMENT) != 0;
	}
	return 0;
}

static void put_icmp(uint8_t *out, uint8_t type, uint8_t code, uint32_t rest)
{
	out[0] = type;
	out[1] = code;
	put16(out + 2, 0);
	put32(out + 4, rest);
}

static uint32_t rest_of_echo(uint16_t id, uint16_t seq)
{
	return (uint32_t)id << 16 | seq;
}

size_t icmp_build_request(uint8_t *out, size_t size, enum addr_family family,
			  const struct icmp_echo *echo)
{
	size_t length = ICMP_HEADER_SIZE + echo->length;

	if (length > size)
		return 0;
	put_icmp(out, family == ADDR_IPV6 ? ECHO_REQUEST_IPV6 : ECHO_REQUEST, 0,
		 rest_of_echo(echo->id, echo->seq));
	memcpy(out + ICMP_HEADER_SIZE, echo->data, echo->length);
	if (family == ADDR_IPV4)
		put16(out + 2, packet_sum_fold(packet_sum(0, out, length)));
	return length;
}

/* The request that an error quotes: IP header and eight bytes. */
static int read_quoted(struct icmp_answer *answer, enum addr_family family,
		       const uint8_t *bytes, size_t length)
{
	size_t header = IPV6_SIZE;
	uint8_t protocol;

	if (length < ip_size(family))
		return ERR_MALFORMED;
	answer->dst.family = (uint8_t)family;
	if (family == ADDR_IPV4) {
		header = (size_t)(bytes[0] & 0x0f) * 4;
		protocol = bytes[9];
		memcpy(answer->dst.bytes, bytes + 16, 4);
	} else {
		protocol = bytes[6];
		memcpy(answer->dst.bytes, bytes + 24, 16);
	}
	if (header < ip_size(family) || length < header + ICMP_HEADER_SIZE ||
	    !is_request(protocol, bytes[header]))
		return ERR_MALFORMED;
	answer->id = get16(bytes + header + 4);
	answer->seq = get16(bytes + header + 6);
	return 0;
}

static bool is_error(enum addr_family family, uint8_t type)
{
	if (family == ADDR_IPV6)
		return type <= ICMPV6_ERROR_LAST;
	/* Unreachable, time exceeded, parameter problem. */
	return type == 3 || type == 11 || type == 12;
}

int icmp_read_answer(struct icmp_answer *answer, enum addr_family family,
		     const uint8_t *bytes, size_t length)
{
	size_t at = 0;

	*answer = (struct icmp_answer){.is_error = false};
	if (family == ADDR_IPV4) {
		if (length < IPV4_SIZE)
			return ERR_MALFORMED;
		at = (size_t)(bytes[0] & 0x0f) * 4;
		answer->ttl = bytes[8];
		answer->tos = bytes[1];
		if (at < IPV4_SIZE)
			return ERR_MALFORMED;
	}
	if (length < at + ICMP_HEADER_SIZE)
		return ERR_MALFORMED;
	/* A raw socket of IPv4 sees what the kernel has not looked at yet. */
	if (family == ADDR_IPV4 &&
	    packet_sum_fold(packet_sum(0, bytes + at, length - at)) != 0)
		return ERR_MALFORMED;
	answer->type = bytes[at];
	answer->code = bytes[at + 1];
	answer->rest = get32(bytes + at + 4);
	answer->data = bytes + at + ICMP_HEADER_SIZE;
	answer->length = length - at - ICMP_HEADER_SIZE;
	if (answer->type ==
	    (family == ADDR_IPV6 ? ECHO_REPLY_IPV6 : ECHO_REPLY)) {
		answer->id = (uint16_t)(answer->rest >> 16);
		answer->seq = (uint16_t)answer->rest;
		return 0;
	}
	answer->is_error = true;
	if (!is_error(family, answer->type))
		return ERR_MALFORMED;
	return read_quoted(answer, family, answer->data, answer->length);
}

void icmp_quote_set(struct icmp_quote *quote, const struct packet *packet,
		    const struct icmp_echo *echo)
{
	*quote = (struct icmp_quote){
		.src = packet->src.addr,
		.dst = packet->dst.addr,
		.id = echo->id,
		.seq = echo->seq,
		.checksum = get16(packet->bytes + packet->header_length + 2),
		.length = (uint16_t)(ICMP_HEADER_SIZE + echo->length),
		.tos = echo->tos,
	};
}

struct ip_header {
	const struct addr *src, *dst;
	uint8_t ttl, tos;
	uint16_t id; /* IPv4: may be cut, and is one of these then; 0: not */
	size_t payload;
};

static void put_ip(uint8_t *out, const struct ip_header *header)
{
	enum addr_family family = (enum addr_family)header->src->family;

	memset(out, 0, ip_size(family));
	if (family == ADDR_IPV6) {
		put16(out, 0x6000U | (unsigned)header->tos << 4);
		put16(out + 4, (uint32_t)header->payload);
		out[6] = PACKET_ICMPV6;
		out[7] = header->ttl;
		memcpy(out + 8, header->src->bytes, 16);
		memcpy(out + 24, header->dst->bytes, 16);
		return;
	}
	out[0] = 0x45;
	out[1] = header->tos;
	put16(out + 2, (uint32_t)(IPV4_SIZE + header->payload));
	put16(out + 4, header->id);
	out[6] = header->id == 0 ? FLAG_DONT_FRAGMENT : 0;
	out[8] = header->ttl;
	out[9] = PACKET_ICMP;
	memcpy(out + 12, header->src->bytes, 4);
	memcpy(out + 16, header->dst->bytes, 4);
	put16(out + 10, packet_sum_fold(packet_sum(0, out, IPV4_SIZE)));
}

/* The checksum of the ICMP message that `out` ends with. */
static void seal(uint8_t *out, const struct ip_header *header)
{
	enum addr_family family = (enum addr_family)header->src->family;
	uint8_t *icmp = out + ip_size(family);
	uint32_t sum = 0;

	if (family == ADDR_IPV6)
		sum = packet_pseudo_sum(header->src, header->dst, PACKET_ICMPV6,
					header->payload);
	put16(icmp + 2,
	      packet_sum_fold(packet_sum(sum, icmp, header->payload)));
}

size_t icmp_build_reply(uint8_t *out, size_t size,
			const struct icmp_quote *quote,
			const struct icmp_answer *answer)
{
	enum addr_family family = (enum addr_family)quote->dst.family;
	const struct ip_header header = {
		.src = &quote->dst,
		.dst = &quote->src,
		.ttl = answer->ttl,
		.tos = answer->tos,
		/* A large reply to a host behind us goes out in pieces. */
		.id = (uint16_t)(quote->seq | 1),
		.payload = ICMP_HEADER_SIZE + answer->length,
	};
	uint8_t *icmp = out + ip_size(family);

	if (ip_size(family) + header.payload > size)
		return 0;
	put_ip(out, &header);
	put_icmp(icmp, family == ADDR_IPV6 ? ECHO_REPLY_IPV6 : ECHO_REPLY, 0,
		 rest_of_echo(quote->id, quote->seq));
	memcpy(icmp + ICMP_HEADER_SIZE, answer->data, answer->length);
	seal(out, &header);
	return ip_size(family) + header.payload;
}

size_t icmp_build_error(uint8_t *out, size_t size,
			const struct icmp_quote *quote, const struct addr *from,
			const struct icmp_answer *answer)
{
	enum addr_family family = (enum addr_family)quote->dst.family;
	const struct ip_header quoted = {
		.src = &quote->src,
		.dst = &quote->dst,
		.ttl = QUOTED_TTL,
		.tos = quote->tos,
		.payload = quote->length,
	};
	const struct ip_header header = {
		.src = from,
		.dst = &quote->src,
		.ttl = TTL,
		.payload = 2 * ICMP_HEADER_SIZE + ip_size(family),
	};
	uint8_t *icmp = out + ip_size(family);
	uint8_t *request = icmp + ICMP_HEADER_SIZE + ip_size(family);

	if (ip_size(family) + header.payload > size)
		return 0;
	put_ip(out, &header);
	put_icmp(icmp, answer->type, answer->code, answer->rest);
	put_ip(icmp + ICMP_HEADER_SIZE, &quoted);
	put_icmp(request,
		 family == ADDR_IPV6 ? ECHO_REQUEST_IPV6 : ECHO_REQUEST, 0,
		 rest_of_echo(quote->id, quote->seq));
	put16(request + 2, quote->checksum);
	seal(out, &header);
	return ip_size(family) + header.payload;
}
