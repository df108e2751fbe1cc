// SPDX-License-Identifier: BSD-2-Clause
/*
 * packet.h - the messages between us and an upstream: made, and checked.
 *
 * Pure.  The source of an answer is not checked here but by the kernel: each
 * query has a connected socket of its own.
 *
 * Source	RFC 5452 9 (what an answer must match), RFC 6891, RFC 7830
 */
#ifndef ERSATZ_DNSD_UPSTREAM_PACKET_H
#define ERSATZ_DNSD_UPSTREAM_PACKET_H

#include "common/compiler.h"
#include "common/fake.h"
#include "dnsd/question.h"
#include "dnsd/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A header, the longest question, an OPT record, and its padding. */
#define PACKET_QUERY_MAX 384
#define PACKET_BLOCK 128 /* RFC 8467, 4.1 */

/*
 * Writes the query: RD and CD as asked, AD, EDNS with DO as asked and no
 * option yet.  Returns its length.
 */
size_t packet_query(const struct question *question, uint16_t id, bool has_edns,
		    uint8_t out[PACKET_QUERY_MAX]);

/* Adds the client's subnet (RFC 7871 6) to a query with EDNS; the length. */
size_t packet_add_subnet(const struct question *question,
			 const struct prefix *subnet,
			 uint8_t query[PACKET_QUERY_MAX], size_t length);

/*
 * Pads a query that has EDNS to a multiple of PACKET_BLOCK, so that its length
 * tells little of the name.  The new length.
 */
size_t packet_pad(const struct question *question,
		  uint8_t query[PACKET_QUERY_MAX], size_t length);

enum packet_kind {
	PACKET_ANSWER,    /* NOERROR, NXDOMAIN, and other rcodes that say it */
	PACKET_FOREIGN,   /* not the answer to this: ignore it, wait on */
	PACKET_TRUNCATED, /* ask again by TCP */
	PACKET_NO_EDNS,   /* FORMERR or NOTIMP: ask again without EDNS */
	PACKET_FAILURE,   /* SERVFAIL, REFUSED: this server does not help */
	PACKET_MALFORMED, /* ours by ID and question, but cannot be read */
	PACKET_POISONED,  /* has an address of our own pool: *poison */
};

struct packet_wanted {
	const struct question *question; /* as it was asked */
	uint16_t id;
	const struct fake_pool *pool; /* no address in it is taken */
};

/* `poison` is set with PACKET_POISONED, and may be NULL. */
enum packet_kind packet_check(const struct packet_wanted *wanted,
			      const uint8_t *message, size_t length,
			      struct addr *poison);

/* "SERVFAIL"; "RCODE 23" for those without a name of their own. */
const char *packet_rcode(const uint8_t *message, char *out, size_t size);

#endif
