// SPDX-License-Identifier: BSD-2-Clause
/*
 * quic.h - the ClientHello in the first datagrams of a QUIC connection.
 *
 * A client's Initial packets are encrypted with keys that follow from what
 * stands in clear in them, so that whoever is on the way may read, though not
 * guess.  Their CRYPTO frames come in any order and, where keys of the future
 * (ML-KEM) are offered, in two datagrams or more.
 *
 * Errors	false for what is no Initial of a version that is known here
 * Thread	any; the state is the caller's
 * Source	RFC 9000 12 and 17.2, RFC 9001 5, RFC 9369
 */
#ifndef ERSATZ_ROUTED_RELAY_SNIFF_QUIC_H
#define ERSATZ_ROUTED_RELAY_SNIFF_QUIC_H

#include "routed/relay/sniff/sniff.h"

#include <stdbool.h>

/* Datagrams of a client have 1200 bytes or little more before it knows more. */
#define QUIC_DATAGRAM_MAX 2048

/* The stream that CRYPTO frames make; 18 KiB. */
struct quic_hello {
	uint8_t stream[SNIFF_SIZE_MAX];
	uint8_t has[SNIFF_SIZE_MAX / 8]; /* a bit for each byte of it */
	uint8_t packet[QUIC_DATAGRAM_MAX];
};

void quic_hello_init(struct quic_hello *hello);

/* What a client sent; false: not the beginning of QUIC. */
NODISCARD bool quic_hello_add(struct quic_hello *hello, const uint8_t *datagram,
			      size_t length);

enum sniff_result quic_hello_name(const struct quic_hello *hello,
				  struct name *name);

#endif
