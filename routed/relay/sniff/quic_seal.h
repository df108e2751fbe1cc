// SPDX-License-Identifier: BSD-2-Clause
/*
 * quic_seal.h - what is under the protection of a client's Initial packet.
 *
 * Behind this is nettle; without it nothing can be opened.
 *
 * Thread	any
 * Source	RFC 9001 5.2 to 5.4 and appendix A, RFC 9369 3.3
 */
#ifndef ERSATZ_ROUTED_RELAY_SNIFF_QUIC_SEAL_H
#define ERSATZ_ROUTED_RELAY_SNIFF_QUIC_SEAL_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIC_VERSION_1 0x00000001U
#define QUIC_VERSION_2 0x6b3343cfU

struct quic_sealed {
	uint32_t version;      /* one of the above */
	const uint8_t *target; /* the Destination Connection ID */
	size_t target_length;
	uint8_t *bytes;   /* of the packet, which is opened in its place */
	size_t length;    /* to the end of the payload */
	size_t number_at; /* where the packet number stands */
};

/* Was this program built with what opens packets? */
bool quic_seal_is_built(void);

/* The frames: `*length` bytes; NULL: it is not what it seems. */
const uint8_t *quic_seal_open(const struct quic_sealed *sealed, size_t *length);

#endif
