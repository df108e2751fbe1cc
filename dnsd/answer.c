// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/answer.h"

#include "dnsd/cursor.h"

#include <string.h>

#define NAME_OF_QUESTION (0xc000U | DNS_HEADER_SIZE) /* RFC 1035 4.1.4 */
#define OPT_SIZE 11
#define OPTION_EDE 15
#define DO_BIT 0x8000U

/*
 * The SOA of our negative answers.  Its owner is the name asked for: no cut
 * of a zone above it is ours to claim.  The mail address is nobody's.
 */
static const uint8_t soa_mname[] = "\6ersatz\7invalid";
static const uint8_t soa_rname[] = "\6nobody\7invalid";
#define SOA_SERIAL 1
#define SOA_REFRESH_S 3600
#define SOA_RETRY_S 600
#define SOA_EXPIRE_S 86400

struct sections {
	uint16_t answers, authorities;
};

static void write_header(struct writer *writer, const struct answer *answer,
			 unsigned flags, const struct sections *sections)
{
	const struct question *question = answer->question;

	flags |= DNS_FLAG_QR | DNS_FLAG_RA | (unsigned)question->opcode << 11;
	if (question->rd)
		flags |= DNS_FLAG_RD;
	if (question->cd)
		flags |= DNS_FLAG_CD;
	writer_u16(writer, question->id);
	writer_u16(writer, flags);
	writer_u16(writer, question->raw_length > 0);
	writer_u16(writer, sections->answers);
	writer_u16(writer, sections->authorities);
	writer_u16(writer, question->has_edns);
	writer_bytes(writer, question->raw, question->raw_length);
}

/* How much of the text fits, without cutting a character of UTF-8 in two. */
static size_t text_that_fits(const char *text, size_t room)
{
	size_t length = strlen(text);

	if (length <= room)
		return length;
	while (room > 0 && ((uint8_t)text[room] & 0xc0) == 0x80)
		room--;
	return room;
}

static void write_ede(struct writer *writer, const struct ede *ede)
{
	size_t text = 0;

	if (writer_left(writer) < 6)
		return;
	if (ede->text)
		text = text_that_fits(ede->text, writer_left(writer) - 6);
	writer_u16(writer, OPTION_EDE);
	writer_u16(writer, (unsigned)(2 + text));
	writer_u16(writer, ede->code);
	writer_bytes(writer, ede->text, text);
}

/* The last record; leaves out of the EDE what has no room. */
static void write_opt(struct writer *writer, const struct answer *answer,
		      unsigned rcode)
{
	const struct question *question = answer->question;
	uint8_t *rdata;
	size_t length;

	if (!question->has_edns)
		return;
	writer_u8(writer, 0);
	writer_u16(writer, DNS_TYPE_OPT);
	writer_u16(writer, DNS_EDNS_SIZE);
	writer_u8(writer, rcode >> 4);
	writer_u8(writer, 0);
	writer_u16(writer, question->do_bit ? DO_BIT : 0);
	writer_u16(writer, 0);
	if (writer->has_failed || !answer->ede)
		return;
	rdata = writer->at;
	write_ede(writer, answer->ede);
	length = (size_t)(writer->at - rdata);
	rdata[-2] = (uint8_t)(length >> 8);
	rdata[-1] = (uint8_t)length;
}

/* A message without records: errors, and what is too long. */
static size_t write_bare(const struct answer *answer, unsigned flags,
			 uint8_t *out, size_t size)
{
	struct writer writer = writer_of(out, size);
	const struct sections none = {0};

	if (size < DNS_UDP_SIZE)
		return 0;
	write_header(&writer, answer, flags & ~0xf0U, &none);
	write_opt(&writer, answer, flags & 0xff);
	return writer_length(&writer);
}

/* Ends a message with records; truncated if they did not fit. */
static size_t finish(struct writer *writer, const struct answer *answer)
{
	size_t size = (size_t)(writer->end - writer->start);

	write_opt(writer, answer, 0);
	if (writer->has_failed)
		return answer_truncated(answer, writer->start, size);
	return writer_length(writer);
}

static void write_record(struct writer *writer, unsigned type, uint32_t ttl_s,
			 size_t rdlength)
{
	writer_u16(writer, NAME_OF_QUESTION);
	writer_u16(writer, type);
	writer_u16(writer, DNS_CLASS_IN);
	writer_u32(writer, ttl_s);
	writer_u16(writer, (unsigned)rdlength);
}

size_t answer_address(const struct answer *answer, const struct addr *addr,
		      uint8_t *out, size_t size)
{
	struct writer writer = writer_of(out, size);
	const struct sections one = {.answers = 1};
	bool is_ipv6 = addr->family == ADDR_IPV6;
	size_t length = is_ipv6 ? 16 : 4;

	if (size < DNS_UDP_SIZE)
		return 0;
	write_header(&writer, answer, DNS_RCODE_NOERROR, &one);
	write_record(&writer, is_ipv6 ? DNS_TYPE_AAAA : DNS_TYPE_A,
		     answer->ttl_s, length);
	writer_bytes(&writer, addr->bytes, length);
	return finish(&writer, answer);
}

size_t answer_pointer(const struct answer *answer, const struct name *target,
		      uint8_t *out, size_t size)
{
	struct writer writer = writer_of(out, size);
	const struct sections one = {.answers = 1};

	if (size < DNS_UDP_SIZE)
		return 0;
	write_header(&writer, answer, DNS_RCODE_NOERROR, &one);
	write_record(&writer, DNS_TYPE_PTR, answer->ttl_s, target->length);
	writer_bytes(&writer, target->wire, target->length);
	return finish(&writer, answer);
}

size_t answer_negative(const struct answer *answer, enum dns_rcode rcode,
		       uint8_t *out, size_t size)
{
	struct writer writer = writer_of(out, size);
	const struct sections soa = {.authorities = 1};
	const size_t rdlength = sizeof(soa_mname) + sizeof(soa_rname) + 5 * 4;

	if (size < DNS_UDP_SIZE)
		return 0;
	write_header(&writer, answer, rcode, &soa);
	write_record(&writer, DNS_TYPE_SOA, answer->ttl_s, rdlength);
	writer_bytes(&writer, soa_mname, sizeof(soa_mname));
	writer_bytes(&writer, soa_rname, sizeof(soa_rname));
	writer_u32(&writer, SOA_SERIAL);
	writer_u32(&writer, SOA_REFRESH_S);
	writer_u32(&writer, SOA_RETRY_S);
	writer_u32(&writer, SOA_EXPIRE_S);
	writer_u32(&writer, answer->ttl_s);
	return finish(&writer, answer);
}

size_t answer_error(const struct answer *answer, enum dns_rcode rcode,
		    uint8_t *out, size_t size)
{
	return write_bare(answer, rcode, out, size);
}

size_t answer_truncated(const struct answer *answer, uint8_t *out, size_t size)
{
	return write_bare(answer, DNS_FLAG_TC, out, size);
}

size_t answer_turn_to_failure(uint8_t *message, size_t length, size_t size,
			      const struct ede *ede)
{
	struct reader reader = reader_of(message, length);
	uint8_t raw[NAME_WIRE_MAX + 4];
	struct question question = {.raw = raw};
	const struct answer answer = {.question = &question, .ede = ede};
	uint16_t flags;
	int taken;

	question.id = reader_u16(&reader);
	flags = reader_u16(&reader);
	question.opcode = flags >> 11 & 0xf;
	question.rd = flags & DNS_FLAG_RD;
	question.cd = flags & DNS_FLAG_CD;
	reader_bytes(&reader, 6);
	question.has_edns = reader_u16(&reader);
	taken = name_from_wire(&question.name, reader.at, reader_left(&reader));
	if (reader.has_failed || taken < 0 ||
	    reader_left(&reader) < (size_t)taken + 4)
		return 0;
	question.raw_length = (uint16_t)(taken + 4);
	memcpy(raw, reader.at, question.raw_length);
	/* Ours: a promise has no EDE, so OPT is at the very end. */
	if (question.has_edns && length >= DNS_HEADER_SIZE + OPT_SIZE)
		question.do_bit = message[length - 4] & (DO_BIT >> 8);
	return write_bare(&answer, DNS_RCODE_SERVFAIL, message,
			  size < DNS_UDP_SIZE ? size : DNS_UDP_SIZE);
}
