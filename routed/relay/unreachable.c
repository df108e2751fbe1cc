// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/unreachable.h"

#include <string.h>

enum {
	IPV4_SIZE = 20,
	IPV6_SIZE = 40,
	TCP_SIZE = 20,
	ICMP_SIZE = 8,
	IPV4_ANSWER_MAX = 576, /* RFC 1812 4.3.2.3 */
	TTL = 64,
	TOS_INTERNETWORK_CONTROL = 0xc0, /* RFC 1812 4.3.2.5 */
	FLAG_DONT_FRAGMENT = 0x40,
};

enum {
	ICMP_UNREACHABLE = 3,
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_ERROR_LAST = 127, /* types below are errors (RFC 4443 2.1) */
	ICMPV6_REDIRECT = 137,
};

/* Codes of RFC 792 and 1812 5.2.7.1, and of RFC 4443 3.1. */
static const struct {
	uint8_t ipv4, ipv6;
	const char *text;
} codes[] = {
	[REFUSAL_SILENT] = {0, 0, "dropped"},
	[REFUSAL_RESET] = {3, 4, "connection refused"},
	[REFUSAL_PORT] = {3, 4, "port unreachable"},
	[REFUSAL_HOST] = {1, 3, "host unreachable"},
	[REFUSAL_NET] = {0, 0, "network unreachable"},
	[REFUSAL_PROHIBITED] = {13, 1, "administratively prohibited"},
	[REFUSAL_PROTOCOL] = {2, 1, "protocol unreachable"},
};

const char *refusal_text(enum refusal refusal)
{
	return codes[refusal].text;
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

/* ICMP errors and redirects never get an answer, or two hosts play tennis. */
static bool is_icmp_error(const struct packet *packet)
{
	if (packet->src.addr.family == ADDR_IPV6)
		return packet->protocol == PACKET_ICMPV6 &&
		       (packet->icmp.type <= ICMPV6_ERROR_LAST ||
			packet->icmp.type == ICMPV6_REDIRECT);
	if (packet->protocol != PACKET_ICMP)
		return false;
	switch (packet->icmp.type) {
	case 3:  /* destination unreachable */
	case 4:  /* source quench */
	case 5:  /* redirect */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		return true;
	default: /* a byte, no enum */
		return false;
	}
}

static bool may_answer(const struct packet *packet)
{
	return !packet->is_later_piece && !is_icmp_error(packet) &&
	       !packet_is_for_many(&packet->dst.addr) &&
	       !packet_is_for_many(&packet->src.addr) &&
	       !addr_is_loopback(&packet->src.addr);
}

/* The IP header of the answer from `src`, which goes the other way. */
static size_t put_ip_from(uint8_t *out, const struct addr *src,
			  const struct packet *packet, uint8_t protocol,
			  size_t payload)
{
	const struct addr *dst = &packet->src.addr;

	if (src->family == ADDR_IPV6) {
		memset(out, 0, IPV6_SIZE);
		out[0] = 0x60;
		put16(out + 4, (uint32_t)payload);
		out[6] = protocol;
		out[7] = TTL;
		memcpy(out + 8, src->bytes, 16);
		memcpy(out + 24, dst->bytes, 16);
		return IPV6_SIZE;
	}
	memset(out, 0, IPV4_SIZE);
	out[0] = 0x45;
	out[1] = protocol == PACKET_ICMP ? TOS_INTERNETWORK_CONTROL : 0;
	put16(out + 2, (uint32_t)(IPV4_SIZE + payload));
	out[6] = FLAG_DONT_FRAGMENT;
	out[8] = TTL;
	out[9] = protocol;
	memcpy(out + 12, src->bytes, 4);
	memcpy(out + 16, dst->bytes, 4);
	put16(out + 10, packet_sum_fold(packet_sum(0, out, IPV4_SIZE)));
	return IPV4_SIZE;
}

static size_t put_ip(uint8_t *out, const struct packet *packet,
		     uint8_t protocol, size_t payload)
{
	return put_ip_from(out, &packet->dst.addr, packet, protocol, payload);
}

static size_t build_reset(uint8_t *out, const struct packet *packet)
{
	bool has_ack = (packet->tcp.flags & PACKET_TCP_ACK) != 0;
	size_t at = put_ip(out, packet, PACKET_TCP, TCP_SIZE);
	uint8_t *tcp = out + at;
	uint32_t sum;

	memset(tcp, 0, TCP_SIZE);
	put16(tcp, packet->dst.port);
	put16(tcp + 2, packet->src.port);
	if (has_ack) {
		put32(tcp + 4, packet->tcp.ack);
	} else {
		uint8_t flags = packet->tcp.flags;
		uint32_t taken = (uint32_t)packet->tcp.payload;

		taken += (flags & PACKET_TCP_SYN) != 0;
		taken += (flags & PACKET_TCP_FIN) != 0;
		put32(tcp + 8, packet->tcp.seq + taken);
	}
	tcp[12] = TCP_SIZE / 4 << 4;
	tcp[13] = PACKET_TCP_RST | (has_ack ? 0 : PACKET_TCP_ACK);
	sum = packet_pseudo_sum(&packet->dst.addr, &packet->src.addr,
				PACKET_TCP, TCP_SIZE);
	put16(tcp + 16, packet_sum_fold(packet_sum(sum, tcp, TCP_SIZE)));
	return at + TCP_SIZE;
}

static size_t build_icmp(uint8_t *out, const struct packet *packet,
			 const struct unreachable_error *error)
{
	bool is_ipv6 = packet->src.addr.family == ADDR_IPV6;
	uint8_t protocol = is_ipv6 ? PACKET_ICMPV6 : PACKET_ICMP;
	size_t most = is_ipv6 ? UNREACHABLE_SIZE_MAX - IPV6_SIZE - ICMP_SIZE
			      : IPV4_ANSWER_MAX - IPV4_SIZE - ICMP_SIZE;
	size_t quoted = packet->length < most ? packet->length : most;
	size_t at = put_ip_from(out, &error->from, packet, protocol,
				ICMP_SIZE + quoted);
	uint8_t *icmp = out + at;
	uint32_t sum = 0;

	memset(icmp, 0, ICMP_SIZE);
	icmp[0] = error->type;
	icmp[1] = error->code;
	put32(icmp + 4, error->rest);
	memcpy(icmp + ICMP_SIZE, packet->bytes, quoted);
	if (is_ipv6)
		sum = packet_pseudo_sum(&error->from, &packet->src.addr,
					protocol, ICMP_SIZE + quoted);
	sum = packet_sum(sum, icmp, ICMP_SIZE + quoted);
	put16(icmp + 2, packet_sum_fold(sum));
	return at + ICMP_SIZE + quoted;
}

size_t unreachable_build_error(uint8_t out[UNREACHABLE_SIZE_MAX],
			       const struct packet *packet,
			       const struct unreachable_error *error)
{
	struct unreachable_error told = *error;

	if (!may_answer(packet))
		return 0;
	/* Nobody of the other family can be the one who speaks. */
	if (told.from.family != packet->dst.addr.family)
		told.from = packet->dst.addr;
	return build_icmp(out, packet, &told);
}

size_t unreachable_build(uint8_t out[UNREACHABLE_SIZE_MAX],
			 const struct packet *packet, enum refusal refusal)
{
	struct unreachable_error error = {.from = packet->dst.addr};
	bool is_ipv6 = packet->dst.addr.family == ADDR_IPV6;

	if (refusal == REFUSAL_SILENT || !may_answer(packet))
		return 0;
	if (packet->protocol == PACKET_TCP) {
		/* RFC 9293 3.10.7.1: a reset gets none back. */
		if ((packet->tcp.flags & PACKET_TCP_RST) != 0)
			return 0;
		if (refusal == REFUSAL_RESET || refusal == REFUSAL_PORT)
			return build_reset(out, packet);
	}
	error.type = is_ipv6 ? ICMPV6_UNREACHABLE : ICMP_UNREACHABLE;
	error.code = is_ipv6 ? codes[refusal].ipv6 : codes[refusal].ipv4;
	return build_icmp(out, packet, &error);
}
