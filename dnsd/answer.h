// SPDX-License-Identifier: BSD-2-Clause
/*
 * answer.h - the messages that dnsd makes itself.
 *
 * Every function writes one whole message into `out`, at most `size` bytes,
 * and returns its length (0: `size` is below DNS_UDP_SIZE).  The question is
 * echoed with the case that it was asked in, the ID, RD and CD are the
 * client's, RA is set, AA and AD are not.  A client that spoke EDNS gets an
 * OPT record and, where there is one, an Extended DNS Error; its text is cut
 * to what fits.  What does not fit even so leaves with TC set.  Pure.
 *
 * Source	RFC 1035 4.1, RFC 2308 (negative answers), opt.h for EDNS
 */
#ifndef ERSATZ_DNSD_ANSWER_H
#define ERSATZ_DNSD_ANSWER_H

#include "common/addr.h"
#include "common/name.h"
#include "dnsd/opt.h"
#include "dnsd/question.h"
#include "dnsd/wire.h"

/* What all functions need; filled in place by the caller. */
struct answer {
	const struct question *question; /* borrowed */
	const struct ede *ede;           /* borrowed; NULL: none */
	uint32_t ttl_s;                  /* of the record, or of the SOA */
};

/*
 * Header and question alone, NOERROR and without records, for who goes on
 * writing behind them and sets the counts; OPT is already counted.
 */
size_t answer_begin(const struct answer *answer, uint8_t *out, size_t size);

/* One A or AAAA record, by the family of `addr`. */
size_t answer_address(const struct answer *answer, const struct addr *addr,
		      uint8_t *out, size_t size);

/* Several of one family; `addrs->count` is at least 1. */
struct answer_addrs {
	const struct addr *addrs;
	size_t count;
};
size_t answer_addresses(const struct answer *answer,
			const struct answer_addrs *addrs, uint8_t *out,
			size_t size);

/*
 * What ANY gets for a name whose records are not to be had that way: HINFO
 * "RFC8482", as that RFC says in 4.2.
 */
size_t answer_any(const struct answer *answer, uint8_t *out, size_t size);

/* One PTR record. */
size_t answer_pointer(const struct answer *answer, const struct name *target,
		      uint8_t *out, size_t size);

/*
 * NOERROR (NODATA) or NXDOMAIN with a SOA, so that clients may remember it
 * for ttl_s.
 */
size_t answer_negative(const struct answer *answer, enum dns_rcode rcode,
		       uint8_t *out, size_t size);

/*
 * An error without records.  A question of which nothing could be read
 * (raw_length 0) is answered by a header alone, and OPT if it had EDNS.
 */
size_t answer_error(const struct answer *answer, enum dns_rcode rcode,
		    uint8_t *out, size_t size);

/* Nothing but TC: ask again by TCP. */
size_t answer_truncated(const struct answer *answer, uint8_t *out, size_t size);

/*
 * Turns a message that one of the functions above made into SERVFAIL with
 * that EDE, in place; returns the new length.
 */
size_t answer_turn_to_failure(uint8_t *message, size_t length, size_t size,
			      const struct ede *ede);

#endif
