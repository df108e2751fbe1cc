// SPDX-License-Identifier: BSD-2-Clause
/*
 * unreachable.h - the answer to a packet that is not carried.
 *
 * A refused packet is answered, so that the application knows at once: TCP
 * by a reset or by an ICMP error that names the trouble, everything else by
 * an ICMP error.  The answer comes from the address that was asked.  Pure.
 *
 * Errors	0 bytes: nothing may be sent (RFC 1122 3.2.2, RFC 4443 2.4)
 * Source	RFC 792, 1122, 1812 (how much is quoted), 4443, 9293 3.10.7.1
 */
#ifndef ERSATZ_ROUTED_RELAY_UNREACHABLE_H
#define ERSATZ_ROUTED_RELAY_UNREACHABLE_H

#include "routed/relay/packet.h"

/* What an application then sees of connect(): ... */
enum refusal {
	REFUSAL_SILENT,     /* nothing, until it gives up */
	REFUSAL_RESET,      /* ECONNREFUSED; other than TCP: as ..._PORT */
	REFUSAL_PORT,       /* ECONNREFUSED */
	REFUSAL_HOST,       /* EHOSTUNREACH */
	REFUSAL_NET,        /* ENETUNREACH */
	REFUSAL_PROHIBITED, /* EHOSTUNREACH, IPv6: EACCES */
	REFUSAL_PROTOCOL,   /* ENOPROTOOPT, IPv6: as ..._PROHIBITED */
};

/* "connection refused", "host unreachable", ...: for the log. */
const char *refusal_text(enum refusal refusal);

/* RFC 4443 2.4 (c): never more than the smallest MTU of IPv6. */
#define UNREACHABLE_SIZE_MAX 1280

/* Writes the answer to `packet`; returns its length, 0: answer nothing. */
size_t unreachable_build(uint8_t out[UNREACHABLE_SIZE_MAX],
			 const struct packet *packet, enum refusal refusal);

/* An error that somebody on the way sent, to be passed on as it is. */
struct unreachable_error {
	struct addr from; /* no family: from the address that was asked */
	uint8_t type, code;
	uint32_t rest; /* of the header: an MTU in it */
};

size_t unreachable_build_error(uint8_t out[UNREACHABLE_SIZE_MAX],
			       const struct packet *packet,
			       const struct unreachable_error *error);

#endif
