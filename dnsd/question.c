// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/question.h"

#include "common/cursor.h"
#include "common/err.h"
#include "dnsd/opt.h"
#include "dnsd/wire.h"

#include <string.h>

#define TYPE_TKEY 249
#define TYPE_AXFR 252

struct counts {
	uint16_t questions, answers, authorities, additionals;
};

/* Passes an owner's name, which may end in a compression pointer. */
static void skip_name(struct reader *reader)
{
	for (;;) {
		uint8_t length = reader_u8(reader);

		if (reader->has_failed || length == 0)
			return;
		if (length >= 0xc0) {
			reader_u8(reader);
			return;
		}
		if (length >= 0x40)
			reader->has_failed = true;
		reader_bytes(reader, length);
	}
}

/* Walks over all records behind the question; only OPT says something. */
static int read_records(struct question *question, struct reader *reader,
			const struct counts *counts)
{
	uint32_t before = (uint32_t)counts->answers + counts->authorities;
	uint32_t all = before + counts->additionals;

	for (uint32_t i = 0; i < all; i++) {
		const uint8_t *owner = reader->at, *rdata;
		struct opt_fixed opt;
		uint16_t type, length;
		int ret;

		skip_name(reader);
		type = reader_u16(reader);
		opt.size = reader_u16(reader);
		opt.flags = reader_u32(reader);
		length = reader_u16(reader);
		rdata = reader_bytes(reader, length);
		if (!rdata)
			return DNS_RCODE_FORMERR;
		if (type != DNS_TYPE_OPT || i < before)
			continue;
		if (*owner != 0 || question->has_edns)
			return DNS_RCODE_FORMERR;
		ret = opt_read(question, &opt, rdata, length);
		if (ret)
			return ret;
	}
	return 0;
}

/* The question section: exactly one question, not compressed. */
static int read_question(struct question *question, struct reader *reader)
{
	const uint8_t *raw = reader->at;
	int taken = name_from_wire(&question->name, reader->at,
				   reader_left(reader));

	if (taken < 0)
		return DNS_RCODE_FORMERR;
	question->hash = name_hash(question->name.wire, question->name.length);
	reader_bytes(reader, (size_t)taken);
	question->type = reader_u16(reader);
	question->klass = reader_u16(reader);
	if (reader->has_failed)
		return DNS_RCODE_FORMERR;
	question->raw = raw;
	question->raw_length = (uint16_t)(reader->at - raw);
	return 0;
}

/* More than one question is none (RFC 9619). */
static int read_sections(struct question *question, struct reader *reader,
			 const struct counts *counts)
{
	int ret = 0;

	if (counts->questions > 1)
		return DNS_RCODE_FORMERR;
	if (counts->questions == 1)
		ret = read_question(question, reader);
	return ret ? ret : read_records(question, reader, counts);
}

bool question_is_refused(uint16_t type)
{
	return type == DNS_TYPE_OPT || (type >= TYPE_TKEY && type <= TYPE_AXFR);
}

int question_parse(struct question *question, const uint8_t *query,
		   size_t length)
{
	struct reader reader = reader_of(query, length);
	struct counts counts;
	uint16_t flags;
	int ret;

	/* Without name.wire: only its first length bytes are ever read. */
	memset(question, 0, offsetof(struct question, name));
	memset(&question->raw, 0,
	       sizeof(*question) - offsetof(struct question, raw));
	question->name.length = 0;
	question->udp_size = DNS_UDP_SIZE;

	question->id = reader_u16(&reader);
	flags = reader_u16(&reader);
	counts.questions = reader_u16(&reader);
	counts.answers = reader_u16(&reader);
	counts.authorities = reader_u16(&reader);
	counts.additionals = reader_u16(&reader);
	if (reader.has_failed || flags & DNS_FLAG_QR)
		return ERR_MALFORMED;

	question->opcode = flags >> 11 & 0xf;
	question->rd = flags & DNS_FLAG_RD;
	question->cd = flags & DNS_FLAG_CD;
	question->ad = flags & DNS_FLAG_AD;
	ret = read_sections(question, &reader, &counts);
	/* A message of another kind is made otherwise; its OPT may be found. */
	if (question->opcode != 0)
		return DNS_RCODE_NOTIMP;
	if (ret)
		return ret;
	if (question->edns_version > 0)
		return DNS_RCODE_BADVERS;
	if (question->raw_length == 0)
		return question->has_cookie ? 0 : DNS_RCODE_FORMERR;
	if (question->klass != DNS_CLASS_IN ||
	    question_is_refused(question->type))
		return DNS_RCODE_REFUSED;
	return 0;
}
