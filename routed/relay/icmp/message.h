// SPDX-License-Identifier: BSD-2-Clause
/*
 * message.h - ICMP messages of the relay: read, written, turned round.
 *
 *	application --echo request--> TUN --icmp_read_echo()
 *	uplink <--icmp_build_request()-- the same id, sequence and payload
 *	uplink --icmp_read_answer(): a reply, or an error of some router
 *	application <--icmp_build_reply(), icmp_build_error()
 *
 * Pure.  Nothing beyond `length` is read.  Both families have the same
 * words here; what differs is in a table.
 *
 * Units	bytes; ids and sequence numbers in host order
 * Errors	ERR_MALFORMED: not such a message; 0 bytes: it does not fit
 * Source	RFC 792, 4443; RFC 1812 4.3.2.3 and RFC 4443 2.4 (c) for how
 *		much is quoted
 */
#ifndef ERSATZ_ROUTED_RELAY_ICMP_MESSAGE_H
#define ERSATZ_ROUTED_RELAY_ICMP_MESSAGE_H

#include "routed/relay/packet.h"

#define ICMP_HEADER_SIZE 8
/* Of an IP packet that answers: one of 9,000 bytes fits (jumbo frames). */
#define ICMP_PACKET_MAX 9216

struct icmp_echo {
	uint16_t id, seq;
	const uint8_t *data; /* borrowed from the packet */
	size_t length;       /* of the data */
	uint8_t ttl;         /* or hop limit, as it arrived */
	uint8_t tos;         /* or traffic class */
	bool is_whole;       /* IPv4: must not be fragmented */
};

/* An echo request out of the TUN, unfragmented. */
NODISCARD int icmp_read_echo(const struct packet *packet,
			     struct icmp_echo *echo);

/*
 * The request for a raw socket: an ICMP message without IP header.  The
 * checksum is there for IPv4; for IPv6 the kernel makes it (RFC 3542 3.1).
 */
size_t icmp_build_request(uint8_t *out, size_t size, enum addr_family family,
			  const struct icmp_echo *echo);

/* What a raw socket of that family received. */
struct icmp_answer {
	bool is_error; /* else a reply */
	uint8_t type, code;
	uint32_t rest;   /* of an error: MTU, pointer */
	struct addr dst; /* of an error: where the request went */
	uint16_t id, seq;
	const uint8_t *data; /* of a reply; borrowed */
	size_t length;
	uint8_t ttl, tos; /* IPv4 only; for IPv6 the receiver sets them */
};

/* IPv4: with IP header; IPv6: without, as raw sockets have them. */
NODISCARD int icmp_read_answer(struct icmp_answer *answer,
			       enum addr_family family, const uint8_t *bytes,
			       size_t length);

/* What is needed to quote a request that is long gone. */
struct icmp_quote {
	struct addr src, dst; /* as the application sees them */
	uint16_t id, seq;     /* likewise */
	uint16_t checksum;    /* of the request's ICMP message */
	uint16_t length;      /* of its IP payload */
	uint8_t tos;
};

void icmp_quote_set(struct icmp_quote *quote, const struct packet *packet,
		    const struct icmp_echo *echo);

/* An IP packet: the reply from `quote->dst` to `quote->src`. */
size_t icmp_build_reply(uint8_t *out, size_t size,
			const struct icmp_quote *quote,
			const struct icmp_answer *answer);

/* An IP packet: the error of `from`, a router or the host itself. */
size_t icmp_build_error(uint8_t *out, size_t size,
			const struct icmp_quote *quote, const struct addr *from,
			const struct icmp_answer *answer);

#endif
