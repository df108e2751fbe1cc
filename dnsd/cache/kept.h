// SPDX-License-Identifier: BSD-2-Clause
/*
 * kept.h - what of an upstream's answer may be kept, and for how long.
 *
 * Kept are answers with rcode NOERROR or NXDOMAIN, as long as the shortest
 * TTL among their records; negative ones only with the SOA that says for how
 * long.  What belongs to one hop (OPT, and what stands behind it) is left
 * out.  A record without time to live (0) keeps the whole answer out.  Pure.
 *
 * Units	seconds; offsets from the start of the message
 * Source	RFC 1035 4.1, RFC 2181 5.2 and 8 (TTLs), RFC 2308 5 (negative
 *		answers), RFC 8020 (NXDOMAIN is for all that lies below),
 *		RFC 8767 4 (a limit for TTLs)
 */
#ifndef ERSATZ_DNSD_CACHE_KEPT_H
#define ERSATZ_DNSD_CACHE_KEPT_H

#include "common/compiler.h"
#include "dnsd/question.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEPT_TTL_MAX_S 86400
#define KEPT_NEGATIVE_MAX_S 3600
#define KEPT_RECORDS_MAX 256 /* an answer with more is not kept */

/* A header, a question, and a SOA whose names are written out. */
#define KEPT_CUT_MAX (DNS_HEADER_SIZE + 4 + 10 + 20 + 4 * NAME_WIRE_MAX)

struct kept {
	uint32_t ttl_s;     /* 1 or more */
	uint16_t length;    /* of the message, without OPT */
	uint16_t ttl_count; /* of the records that stay */
	uint16_t additionals;
	uint16_t ttl_at[KEPT_RECORDS_MAX];
	size_t soa; /* offset of the SOA's record; 0: not negative */
	/*
	 * NXDOMAIN that the upstream has validated (AD): no name below exists
	 * either, nor any other type.  One that is not signed may be the lie
	 * of a broken server about one type, or about an empty node.
	 */
	bool is_cut;
};

/* `message` was checked by packet_check().  False: not to be kept. */
bool kept_read(struct kept *kept, const struct question *question,
	       const uint8_t *message, size_t length);

/*
 * Writes kept->length bytes: the question in lower case, no OPT counted, the
 * TTLs within bounds.
 */
void kept_write(const struct kept *kept, const struct question *question,
		const uint8_t *message, uint8_t *out);

/*
 * The same for a cut, with its SOA as the only record, which then fits behind
 * any question.  Returns the length; *ttl_at is where its TTL stands.
 */
size_t kept_write_cut(const struct kept *kept, const struct question *question,
		      const uint8_t *message, uint8_t out[KEPT_CUT_MAX],
		      uint16_t *ttl_at);

/* Makes the TTLs of a message older by `age_s`, or all of them `fixed_s`. */
void kept_grow_old(uint8_t *message, const uint16_t *ttl_at, size_t count,
		   uint32_t age_s);
void kept_fix_ttls(uint8_t *message, const uint16_t *ttl_at, size_t count,
		   uint32_t fixed_s);

#endif
