// SPDX-License-Identifier: BSD-2-Clause
/*
 * wire.h - reading an answer without allocating, and without trusting it.
 *
 * A cursor walks over the records of a message that somebody else made.  It
 * never reads outside of the message, follows only compression pointers that
 * lead backwards, and stops at the first byte that is not what it claims.
 *
 * Units	offsets from the start of the message; numbers in host order
 * Errors	ERR_MALFORMED
 * Ownership	records point into the message
 * Source	RFC 1035 4.1, RFC 6891 6.1
 */
#ifndef ERSATZ_DNSD_WIRE_H
#define ERSATZ_DNSD_WIRE_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/name.h"
#include "dnsd/question.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_ANY = 255,
};

enum dns_rcode {
	DNS_RCODE_NOERROR = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_BADVERS = 16, /* its upper bits are in OPT */
};

#define DNS_CLASS_IN 1

/* Bits of the third and fourth byte of the header, as one number. */
#define DNS_FLAG_QR 0x8000U
#define DNS_FLAG_AA 0x0400U
#define DNS_FLAG_TC 0x0200U
#define DNS_FLAG_RD 0x0100U
#define DNS_FLAG_RA 0x0080U
#define DNS_FLAG_AD 0x0020U
#define DNS_FLAG_CD 0x0010U

uint16_t wire_read16(const uint8_t *at);
uint32_t wire_read32(const uint8_t *at);
void wire_write16(uint8_t *at, uint16_t value);
void wire_write32(uint8_t *at, uint32_t value);

struct wire_header {
	uint16_t id;
	uint16_t flags; /* DNS_FLAG_ and the opcode, without the rcode */
	uint8_t opcode;
	uint8_t rcode; /* the four bits of the header */
	uint16_t questions, answers, authorities, additionals;
};

enum wire_section { WIRE_ANSWER, WIRE_AUTHORITY, WIRE_ADDITIONAL, WIRE_END };

struct wire_record {
	enum wire_section section;
	uint16_t type, klass;
	uint32_t ttl;
	size_t start; /* of the owner's name */
	size_t rdata;
	uint16_t rdlength;
};

struct wire_cursor {
	const uint8_t *message; /* borrowed */
	size_t length;
	size_t at;
	uint16_t left[3]; /* records of each section */
	enum wire_section section;
};

NODISCARD int wire_header(struct wire_header *header, const uint8_t *message,
			  size_t length);

/* Puts the cursor behind the question section, however many it has. */
NODISCARD int wire_begin(struct wire_cursor *cursor, const uint8_t *message,
			 size_t length);

/* 1 with a record, 0 behind the last one. */
NODISCARD int wire_next(struct wire_cursor *cursor, struct wire_record *record);

/* The name at that offset, its compression undone, in lower case. */
NODISCARD int wire_name(struct name *name, const uint8_t *message,
			size_t length, size_t at);

/* The address of an A or AAAA record of class IN; -EINVAL for others. */
NODISCARD int wire_address(struct addr *addr, const uint8_t *message,
			   const struct wire_record *record);

/*
 * Follows CNAMEs of the answer section from `name`, in any order and at most
 * 16 of them; `name` becomes the end of the chain.
 */
NODISCARD int wire_chain_end(struct name *name, const uint8_t *message,
			     size_t length);

/*
 * The addresses that the answer section gives for the name and type (A or
 * AAAA) of `question`, CNAMEs followed in any order, at most 16 of them.
 * Returns their number, at most `max`.
 */
NODISCARD int wire_addresses(const uint8_t *message, size_t length,
			     const struct question *question,
			     struct addr *addrs, size_t max);

#endif
