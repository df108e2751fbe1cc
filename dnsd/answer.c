// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/answer.h"

#include "common/cursor.h"

#include <string.h>

#define NAME_OF_QUESTION (0xc000U | DNS_HEADER_SIZE) /* RFC 1035 4.1.4 */
#define TYPE_HINFO 13

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

/* A message without records: errors, and what is too long. */
static size_t write_bare(const struct answer *answer, unsigned flags,
			 uint8_t *out, size_t size)
{
	struct writer writer = writer_of(out, size);
	const struct sections none = {0};

	if (size < DNS_UDP_SIZE)
		return 0;
	write_header(&writer, answer, flags & ~0xf0U, &none);
	opt_write(&writer, answer->question, flags & 0xff, answer->ede);
	return writer_length(&writer);
}

/* Ends a message with records; truncated if they did not fit. */
static size_t finish(struct writer *writer, const struct answer *answer)
{
	size_t size = (size_t)(writer->end - writer->start);

	opt_write(writer, answer->question, 0, answer->ede);
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

size_t answer_begin(const struct answer *answer, uint8_t *out, size_t size)
{
	struct writer writer = writer_of(out, size);
	const struct sections none = {0};

	write_header(&writer, answer, DNS_RCODE_NOERROR, &none);
	return writer_length(&writer);
}

size_t answer_address(const struct answer *answer, const struct addr *addr,
		      uint8_t *out, size_t size)
{
	const struct answer_addrs one = {addr, 1};

	return answer_addresses(answer, &one, out, size);
}

size_t answer_addresses(const struct answer *answer,
			const struct answer_addrs *addrs, uint8_t *out,
			size_t size)
{
	struct writer writer = writer_of(out, size);
	const struct sections all = {.answers = (uint16_t)addrs->count};
	bool is_ipv6 = addrs->addrs[0].family == ADDR_IPV6;
	size_t length = is_ipv6 ? 16 : 4;

	if (size < DNS_UDP_SIZE)
		return 0;
	write_header(&writer, answer, DNS_RCODE_NOERROR, &all);
	for (size_t i = 0; i < addrs->count; i++) {
		write_record(&writer, is_ipv6 ? DNS_TYPE_AAAA : DNS_TYPE_A,
			     answer->ttl_s, length);
		writer_bytes(&writer, addrs->addrs[i].bytes, length);
	}
	return finish(&writer, answer);
}

size_t answer_any(const struct answer *answer, uint8_t *out, size_t size)
{
	static const uint8_t hinfo[] = "\7RFC8482"; /* its end: an empty OS */
	struct writer writer = writer_of(out, size);
	const struct sections one = {.answers = 1};

	if (size < DNS_UDP_SIZE)
		return 0;
	write_header(&writer, answer, DNS_RCODE_NOERROR, &one);
	write_record(&writer, TYPE_HINFO, answer->ttl_s, sizeof(hinfo));
	writer_bytes(&writer, hinfo, sizeof(hinfo));
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

/* What a message of ours says of its question; false: it is none of ours. */
static bool read_back(struct question *question, const uint8_t *message,
		      size_t length)
{
	struct wire_cursor cursor;
	struct wire_record record = {.type = 0};
	uint16_t flags;

	if (wire_begin(&cursor, message, length) < 0)
		return false;
	*question = (struct question){.id = wire_read16(message)};
	flags = wire_read16(message + 2);
	question->opcode = flags >> 11 & 0xf;
	question->rd = flags & DNS_FLAG_RD;
	question->cd = flags & DNS_FLAG_CD;
	question->raw = message + DNS_HEADER_SIZE;
	question->raw_length = (uint16_t)(cursor.at - DNS_HEADER_SIZE);
	while (wire_next(&cursor, &record) > 0) {
		const struct opt_fixed opt = {record.klass, record.ttl};

		if (record.type == DNS_TYPE_OPT &&
		    opt_read(question, &opt, message + record.rdata,
			     record.rdlength))
			return false;
	}
	return true;
}

size_t answer_turn_to_failure(uint8_t *message, size_t length, size_t size,
			      const struct ede *ede)
{
	uint8_t raw[NAME_WIRE_MAX + 4];
	struct question question;
	const struct answer answer = {.question = &question, .ede = ede};

	if (!read_back(&question, message, length) ||
	    question.raw_length > sizeof(raw))
		return 0;
	memcpy(raw, question.raw, question.raw_length);
	question.raw = raw;
	return write_bare(&answer, DNS_RCODE_SERVFAIL, message,
			  size < DNS_UDP_SIZE ? size : DNS_UDP_SIZE);
}
