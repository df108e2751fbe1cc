// SPDX-License-Identifier: BSD-2-Clause
/*
 * uot.h - UDP over TCP: datagrams in a stream through a SOCKS5 proxy.
 *
 * The stream is one to UOT_HOST, port 0, which no resolver knows: a server
 * that has this protocol takes it for itself.  Then follow
 *
 *	0, destination as SOCKS5 writes it		the request, once
 *	type, address or name, port, length, bytes	each datagram, both ways
 *
 * Types of the second line are not those of SOCKS: 0 IPv4, 1 IPv6, 2 a name.
 * The destination of the request is only where the server's rules look; each
 * datagram says its own, which is what makes it full cone.
 *
 * Pure.
 *
 * Errors	0 bytes: it cannot be written; ERR_MALFORMED: it cannot be read
 * Ownership	what is read borrows from the bytes
 * Source	sing-box's documentation, "UDP over TCP", protocol version 2
 */
#ifndef ERSATZ_ROUTED_RELAY_UOT_H
#define ERSATZ_ROUTED_RELAY_UOT_H

#include "routed/relay/socks_address.h"

#define UOT_HOST "sp.v2.udp-over-tcp.arpa"

enum {
	UOT_REQUEST_MAX = 1 + SOCKS_ADDRESS_MAX,
	UOT_HEAD_MAX = SOCKS_ADDRESS_MAX + 2,
	UOT_PAYLOAD_MAX = 65535,
};

/* Returns the length. */
size_t uot_put_request(uint8_t out[UOT_REQUEST_MAX],
		       const struct socks_target *target);

/* What precedes a datagram of that length to `target`. */
size_t uot_put_head(uint8_t out[UOT_HEAD_MAX],
		    const struct socks_target *target, size_t length);

/*
 * What precedes the next datagram, and the datagram's own length; 0: more
 * bytes are needed to tell.
 */
NODISCARD int uot_read_head(struct socks_source *source, size_t *payload,
			    const uint8_t *bytes, size_t length);

#endif
