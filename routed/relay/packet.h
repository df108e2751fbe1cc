// SPDX-License-Identifier: BSD-2-Clause
/*
 * packet.h - reading IP packets without trusting them.
 *
 * The one place that looks into packet bytes.  Pure: no I/O, no allocation,
 * nothing beyond `length` is ever read.  A packet that comes from a TUN may
 * be a super-packet and may have a checksum that is not there yet, so
 * checksums are not looked at: the kernel that takes the packet does.
 *
 * Units	lengths in bytes, ports and sequence numbers in host order
 * Errors	ERR_MALFORMED: it is not what it claims to be
 * Source	RFC 791, 8200 (IP), 9293 (TCP), 768 (UDP), 792, 4443 (ICMP)
 */
#ifndef ERSATZ_ROUTED_RELAY_PACKET_H
#define ERSATZ_ROUTED_RELAY_PACKET_H

#include "common/addr.h"
#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PACKET_TCP_FIN = 0x01,
	PACKET_TCP_SYN = 0x02,
	PACKET_TCP_RST = 0x04,
	PACKET_TCP_ACK = 0x10,
};

/* What IANA calls protocol numbers; only those that we tell apart. */
enum {
	PACKET_ICMP = 1,
	PACKET_TCP = 6,
	PACKET_UDP = 17,
	PACKET_ICMPV6 = 58,
};

struct packet {
	const uint8_t *bytes; /* borrowed: from the IP header on */
	size_t length;        /* as the IP header says; it is all there */
	size_t header_length; /* of IP with its options or extensions */
	uint8_t ttl;          /* or hop limit */
	uint8_t protocol;     /* behind all extension headers */
	bool is_fragment;     /* a piece of a datagram, the first too */
	bool is_later_piece;  /* not the first: what follows is unknown */
	struct {
		uint32_t id;
		uint16_t offset; /* bytes */
		bool has_more;
	} piece;             /* of a fragment */
	struct endpoint src; /* ports are 0 where there are none */
	struct endpoint dst;
	struct {
		uint8_t flags;
		uint32_t seq, ack;
		size_t payload;
	} tcp;
	struct {
		uint8_t type, code;
	} icmp;
};

NODISCARD int packet_parse(struct packet *packet, const uint8_t *bytes,
			   size_t length);

/*
 * Is this a TCP packet that goes on as it is, that is anything but a SYN
 * without ACK?  For the packet path: a few bytes are looked at, and whatever
 * is unusual (fragments, IPv6 extension headers) is `false`.
 */
bool packet_is_plain_tcp(const uint8_t *bytes, size_t length);

/* TCP that opens a flow: SYN, and neither ACK, RST nor FIN. */
bool packet_is_opening(const struct packet *packet);

/* Is that address a group's or everybody's, and no single host's? */
bool packet_is_for_many(const struct addr *addr);

/* The internet checksum of RFC 1071 over `bytes`, going on from `sum`. */
uint32_t packet_sum(uint32_t sum, const uint8_t *bytes, size_t length);
/* The sum of the pseudo header (RFC 9293 3.1, RFC 8200 8.1). */
uint32_t packet_pseudo_sum(const struct addr *src, const struct addr *dst,
			   uint8_t protocol, size_t length);
/* What goes into the header, in host order. */
uint16_t packet_sum_fold(uint32_t sum);

#endif
