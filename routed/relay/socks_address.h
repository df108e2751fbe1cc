// SPDX-License-Identifier: BSD-2-Clause
/*
 * socks_address.h - destinations as SOCKS5 writes them, and UDP's header.
 *
 *	type, address or name, port		in requests and replies
 *	0, 0, fragment, and the same		before each UDP datagram
 *
 * Pure.  A name goes out as its labels joined by dots, as they are: SOCKS
 * knows no escapes, so a name with a dot, space or control inside of a label
 * cannot be written.
 *
 * Errors	0 bytes: it cannot be written; ERR_MALFORMED: it cannot be read
 * Ownership	what is read borrows from the bytes
 * Source	RFC 1928, 5 and 7
 */
#ifndef ERSATZ_ROUTED_RELAY_SOCKS_ADDRESS_H
#define ERSATZ_ROUTED_RELAY_SOCKS_ADDRESS_H

#include "common/addr.h"
#include "common/name.h"

/* Somewhere in the world: a name, or else an address; and a port. */
struct socks_target {
	const struct name *name; /* NULL: endpoint.addr */
	struct endpoint endpoint;
};

#define SOCKS_ADDRESS_MAX 258 /* type, length, 254 bytes, port */
#define SOCKS_UDP_HEAD_MAX (3 + SOCKS_ADDRESS_MAX)

bool socks_address_is_sendable(const struct name *name);

/* Returns the length, 0 for a name that cannot be sent. */
size_t socks_address_put(uint8_t out[SOCKS_ADDRESS_MAX],
			 const struct socks_target *target);

/* What precedes a datagram to `target`. */
size_t socks_udp_put(uint8_t out[SOCKS_UDP_HEAD_MAX],
		     const struct socks_target *target);

/* Whom a datagram is from, as the proxy says. */
struct socks_source {
	struct endpoint endpoint; /* of a name: the port only */
	const uint8_t *text;      /* the name, NULL: none */
	uint8_t text_length;
};

/* The length of the header before the datagram. */
NODISCARD int socks_udp_read(struct socks_source *source, const uint8_t *bytes,
			     size_t length);

#endif
