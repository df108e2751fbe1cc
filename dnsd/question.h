// SPDX-License-Identifier: BSD-2-Clause
/*
 * question.h - reading a query without allocating, and without trusting it.
 *
 * Source	RFC 1035 4.1, RFC 6891 (EDNS), RFC 8906 (what must be answered)
 */
#ifndef ERSATZ_DNSD_QUESTION_H
#define ERSATZ_DNSD_QUESTION_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER_SIZE 12
#define DNS_UDP_SIZE 512   /* without EDNS */
#define DNS_EDNS_SIZE 1232 /* the most that we send or offer by UDP */
#define DNS_MESSAGE_MAX 65535
#define DNS_COOKIE_CLIENT_SIZE 8
#define DNS_COOKIE_SIZE 24 /* with the server's half, as we make it */

struct question {
	uint16_t id; /* host order */
	uint8_t opcode;
	bool rd, cd, ad;
	uint16_t type, klass; /* host order */
	struct name name;     /* lower case */
	/* The question section as asked, case kept: points into the query. */
	const uint8_t *raw;
	uint16_t raw_length;
	bool has_edns, do_bit;
	uint8_t edns_version;
	uint16_t udp_size; /* 512 to DNS_EDNS_SIZE: what may be sent by UDP */
	struct prefix subnet; /* RFC 7871; no family: none */
	/* Options; what the reply says to them is the listener's to fill in. */
	bool has_cookie, wants_keepalive;
	uint16_t keepalive_ds; /* in tenths of a second, RFC 7828 */
	uint8_t cookie[DNS_COOKIE_SIZE];
	uint64_t hash; /* of the name, once it was parsed; 0: ask below */
};

static inline uint64_t question_hash(const struct question *question)
{
	return question->hash
		       ? question->hash
		       : name_hash(question->name.wire, question->name.length);
}

/*
 * 0: a question to be answered, or none at all (raw_length 0), only a cookie
 * to be completed (RFC 7873 5.4).  A positive result is an rcode to answer
 * with at once (FORMERR, NOTIMP, REFUSED, BADVERS = 16); `question` then holds
 * what could be read (raw_length 0: no question section).  ERR_MALFORMED:
 * drop (shorter than a header, or itself an answer).
 */
NODISCARD int question_parse(struct question *question, const uint8_t *query,
			     size_t length);

/*
 * Is every question for this type REFUSED?  Those are the types that ask for
 * a transfer, or belong to one hop (RFC 6895, 3.1).
 */
bool question_is_refused(uint16_t type);

#endif
