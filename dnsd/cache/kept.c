// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/cache/kept.h"

#include "dnsd/wire.h"

#include <assert.h>
#include <string.h>

#define TYPE_ANY 255
#define SOA_FIXED 20 /* the five numbers behind its names */

/* RFC 2181, 8: with the highest bit set it is taken for 0. */
static uint32_t ttl_of(const struct wire_record *record)
{
	if (record->ttl > INT32_MAX)
		return 0;
	return record->ttl < KEPT_TTL_MAX_S ? record->ttl : KEPT_TTL_MAX_S;
}

/* RFC 2308, 5: the lesser of the SOA's TTL and its MINIMUM. */
static uint32_t negative_ttl(const uint8_t *message,
			     const struct wire_record *record)
{
	uint32_t ttl = ttl_of(record);
	uint32_t minimum = 0;

	if (record->rdlength > SOA_FIXED)
		minimum = wire_read32(message + record->rdata +
				      record->rdlength - 4);
	if (minimum < ttl)
		ttl = minimum;
	return ttl < KEPT_NEGATIVE_MAX_S ? ttl : KEPT_NEGATIVE_MAX_S;
}

static bool is_wanted(const struct question *question,
		      const struct wire_record *record)
{
	return record->section == WIRE_ANSWER &&
	       (record->type == question->type || question->type == TYPE_ANY);
}

/* Takes one record that stays; false when there are too many. */
static bool add(struct kept *kept, const uint8_t *message,
		const struct wire_record *record)
{
	uint32_t ttl_s = ttl_of(record);

	if (kept->ttl_count == KEPT_RECORDS_MAX)
		return false;
	kept->ttl_at[kept->ttl_count++] = (uint16_t)(record->rdata - 6);
	if (record->section == WIRE_AUTHORITY && record->type == DNS_TYPE_SOA) {
		kept->soa = record->start;
		ttl_s = negative_ttl(message, record);
	}
	if (ttl_s < kept->ttl_s)
		kept->ttl_s = ttl_s;
	if (record->section == WIRE_ADDITIONAL)
		kept->additionals++;
	return true;
}

bool kept_read(struct kept *kept, const struct question *question,
	       const uint8_t *message, size_t length)
{
	struct wire_header header;
	struct wire_cursor cursor;
	struct wire_record record;
	bool is_positive = false;
	int ret;

	kept->ttl_s = KEPT_TTL_MAX_S;
	kept->ttl_count = 0;
	kept->additionals = 0;
	kept->soa = 0;
	if (wire_header(&header, message, length) < 0 ||
	    wire_begin(&cursor, message, length) < 0 || header.questions != 1 ||
	    header.flags & DNS_FLAG_TC)
		return false;
	if (header.rcode != DNS_RCODE_NOERROR &&
	    header.rcode != DNS_RCODE_NXDOMAIN)
		return false;

	kept->length = (uint16_t)cursor.at;
	while ((ret = wire_next(&cursor, &record)) > 0) {
		if (record.type == DNS_TYPE_OPT)
			break;
		if (!add(kept, message, &record))
			return false;
		is_positive |= is_wanted(question, &record);
		kept->length = (uint16_t)cursor.at;
	}
	if (ret < 0 || kept->ttl_s == 0)
		return false;
	if (header.rcode == DNS_RCODE_NXDOMAIN)
		is_positive = false;
	if (is_positive)
		kept->soa = 0;
	kept->is_cut = header.rcode == DNS_RCODE_NXDOMAIN &&
		       header.answers == 0 && header.flags & DNS_FLAG_AD;
	return is_positive || kept->soa;
}

static void write_question(const struct question *question, uint8_t *out)
{
	size_t length = question->name.length;

	memcpy(out, question->name.wire, length);
	wire_write16(out + length, question->type);
	wire_write16(out + length + 2, question->klass);
}

void kept_write(const struct kept *kept, const struct question *question,
		const uint8_t *message, uint8_t *out)
{
	/* What is negative lives as long as its SOA says, and so does that. */
	uint32_t max_s = kept->soa ? kept->ttl_s : KEPT_TTL_MAX_S;

	memcpy(out, message, kept->length);
	wire_write16(out + 10, kept->additionals);
	write_question(question, out + DNS_HEADER_SIZE);
	for (size_t i = 0; i < kept->ttl_count; i++) {
		if (wire_read32(out + kept->ttl_at[i]) > max_s)
			wire_write32(out + kept->ttl_at[i], max_s);
	}
}

/* A name written out at `out`; its length, 0 if it cannot be read. */
static size_t write_name(const uint8_t *message, size_t length, size_t at,
			 uint8_t *out)
{
	struct name name;

	if (wire_name(&name, message, length, at) < 0)
		return 0;
	memcpy(out, name.wire, name.length);
	return name.length;
}

/* The offset behind the name at `at`, which wire_name() has read. */
static size_t behind_name(const uint8_t *message, size_t at)
{
	while (message[at] && message[at] < 0xc0)
		at += 1U + message[at];
	return at + (message[at] ? 2 : 1);
}

size_t kept_write_cut(const struct kept *kept, const struct question *question,
		      const uint8_t *message, uint8_t out[KEPT_CUT_MAX],
		      uint16_t *ttl_at)
{
	size_t length = kept->length;
	uint8_t *at = out + DNS_HEADER_SIZE;
	size_t owner = write_name(message, length, kept->soa,
				  at + question->name.length + 4);
	size_t from = behind_name(message, kept->soa);
	const uint8_t *fixed = message + from;
	size_t end = from + 10 + wire_read16(fixed + 8);
	size_t mname, rname;

	memcpy(out, message, 4);
	memcpy(out + 4, "\0\1\0\0\0\1\0", 8);
	write_question(question, at);
	at += question->name.length + 4 + owner;
	memcpy(at, fixed, 4);
	wire_write32(at + 4, kept->ttl_s);
	*ttl_at = (uint16_t)(at + 4 - out);

	mname = write_name(message, length, from + 10, at + 10);
	if (owner == 0 || mname == 0)
		return 0;
	from = behind_name(message, from + 10);
	rname = write_name(message, length, from, at + 10 + mname);
	if (rname == 0 || behind_name(message, from) + SOA_FIXED != end)
		return 0;
	wire_write16(at + 8, (uint16_t)(mname + rname + SOA_FIXED));
	at += 10 + mname + rname;
	memcpy(at, message + end - SOA_FIXED, SOA_FIXED);
	return (size_t)(at + SOA_FIXED - out);
}

void kept_grow_old(uint8_t *message, const uint16_t *ttl_at, size_t count,
		   uint32_t age_s)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t ttl = wire_read32(message + ttl_at[i]);

		wire_write32(message + ttl_at[i],
			     ttl > age_s ? ttl - age_s : 0);
	}
}

void kept_fix_ttls(uint8_t *message, const uint16_t *ttl_at, size_t count,
		   uint32_t fixed_s)
{
	for (size_t i = 0; i < count; i++)
		wire_write32(message + ttl_at[i], fixed_s);
}
