// SPDX-License-Identifier: BSD-2-Clause
/*
 * opt.h - EDNS: what a query's OPT record says, and the OPT of its reply.
 *
 * Of a client's options only three mean something to us: its cookie, its wish
 * to keep a TCP connection, and its subnet, which goes to an upstream that is
 * configured to hear it.  Every other one is passed over, and none but the
 * first two is ever echoed.  Pure.
 *
 * Source	RFC 6891, RFC 7828 (edns-tcp-keepalive), RFC 7873 (cookies),
 *		RFC 8914 (Extended DNS Errors)
 */
#ifndef ERSATZ_DNSD_OPT_H
#define ERSATZ_DNSD_OPT_H

#include "common/compiler.h"
#include "common/cursor.h"
#include "dnsd/question.h"

#include <stddef.h>
#include <stdint.h>

/* RFC 8914, 4: the ones that we say. */
enum ede_code {
	EDE_OTHER = 0,
	EDE_STALE_ANSWER = 3,
	EDE_FORGED = 4,
	EDE_BLOCKED = 15,
	EDE_PROHIBITED = 18,
	EDE_STALE_NXDOMAIN = 19,
	EDE_NOT_SUPPORTED = 21,
	EDE_NO_REACHABLE_AUTHORITY = 22,
	EDE_NETWORK_ERROR = 23,
	EDE_SYNTHESIZED = 29,
};

struct ede {
	uint16_t code;    /* enum ede_code */
	const char *text; /* NULL: none */
};

/* The fixed part of an OPT record, as it was read. */
struct opt_fixed {
	uint16_t size;  /* its class */
	uint32_t flags; /* its TTL: rcode, version, DO */
};

/*
 * Notes in `question` what its OPT says.  DNS_RCODE_FORMERR when the options
 * cannot be told apart, or a cookie has a length that none can have.
 */
NODISCARD int opt_read(struct question *question, const struct opt_fixed *opt,
		       const uint8_t *options, size_t length);

/* The size of the reply's OPT without an EDE; 0: the client has no EDNS. */
size_t opt_size(const struct question *question);

/*
 * The last record of a reply, if the client has EDNS: cookie, time-out, and of
 * the EDE (NULL: none) as much as there is room for.
 */
void opt_write(struct writer *writer, const struct question *question,
	       unsigned rcode, const struct ede *ede);

#endif
