// SPDX-License-Identifier: BSD-2-Clause
/*
 * relay_packets.h - packets for the tests of the relay, made byte by byte.
 *
 * From 198.18.0.1 port 40000 to 198.18.18.103 port 443, or from 2001:2::1 to
 * 2001:2::1267.  Each function returns the length; `out` has 2048 bytes.
 */
#ifndef ERSATZ_TESTS_RELAY_PACKETS_H
#define ERSATZ_TESTS_RELAY_PACKETS_H

#include "routed/relay/packet.h"

#define PACKETS_SIZE 2048
#define PACKETS_SEQ 0x11223344U

size_t packets_tcp4(uint8_t *out, uint8_t flags, size_t payload);
size_t packets_tcp6(uint8_t *out, uint8_t flags, size_t payload);
size_t packets_udp4(uint8_t *out, size_t payload);
size_t packets_udp6(uint8_t *out, size_t payload);
size_t packets_icmp4(uint8_t *out, uint8_t type);
size_t packets_icmp6(uint8_t *out, uint8_t type);

/*
 * Puts an extension header of `units` times 8 bytes right behind the IPv6
 * header; the fragment header has `fragment` as offset and flags.
 */
size_t packets_extend(uint8_t *packet, size_t length, uint8_t kind,
		      size_t units);
size_t packets_piece6(uint8_t *packet, size_t length, uint16_t fragment);

/* The checksum done in the plainest way: 0 over correct bytes. */
uint16_t packets_checksum(const uint8_t *bytes, size_t length);
/* Over TCP, UDP or ICMPv6 in the packet, pseudo header included. */
uint16_t packets_transport_checksum(const struct packet *packet);

#endif
