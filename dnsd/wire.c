// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every forwarded answer is walked once or twice (addresses inside our own
 * pool, the OPT record), so this is on the way of a query and allocates
 * nothing.  The two places where a message could lead us astray are names:
 * wire_name() accepts a pointer only to a lower offset than where the part
 * that holds it began and no more of them than a name has labels, so that a
 * chain of pointers cannot cost us time, and skip_name() does not follow
 * pointers at all.
 */
#include "dnsd/wire.h"

#include "common/err.h"

#include <errno.h>
#include <string.h>

#define LABEL_MAX 63U
#define LABEL_POINTER 0xc0U
#define POINTERS_MAX 127 /* one to a label, in the longest name */
#define CNAME_CHAIN_MAX 16

uint16_t wire_read16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t wire_read32(const uint8_t *at)
{
	return (uint32_t)wire_read16(at) << 16 | wire_read16(at + 2);
}

void wire_write16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void wire_write32(uint8_t *at, uint32_t value)
{
	wire_write16(at, (uint16_t)(value >> 16));
	wire_write16(at + 2, (uint16_t)value);
}

int wire_header(struct wire_header *header, const uint8_t *message,
		size_t length)
{
	if (length < DNS_HEADER_SIZE)
		return ERR_MALFORMED;
	uint16_t word = wire_read16(message + 2);
	header->id = wire_read16(message);
	header->flags = word & 0xfff0U;
	header->opcode = word >> 11 & 0xfU;
	header->rcode = word & 0xfU;
	header->questions = wire_read16(message + 4);
	header->answers = wire_read16(message + 6);
	header->authorities = wire_read16(message + 8);
	header->additionals = wire_read16(message + 10);
	return 0;
}

/* The offset behind the name at `at`, or ERR_MALFORMED. */
static int skip_name(const uint8_t *message, size_t length, size_t at)
{
	size_t start = at;
	while (at < length && at - start < NAME_WIRE_MAX) {
		uint8_t label = message[at];
		if (label == 0)
			return (int)(at + 1);
		if ((label & LABEL_POINTER) == LABEL_POINTER)
			return at + 2 <= length ? (int)(at + 2) : ERR_MALFORMED;
		if (label > LABEL_MAX)
			return ERR_MALFORMED;
		at += 1U + label;
	}
	return ERR_MALFORMED;
}

int wire_begin(struct wire_cursor *cursor, const uint8_t *message,
	       size_t length)
{
	struct wire_header header;
	int ret = wire_header(&header, message, length);
	if (ret < 0)
		return ret;
	if (length > DNS_MESSAGE_MAX)
		return ERR_MALFORMED;

	*cursor = (struct wire_cursor){
		.message = message,
		.length = length,
		.at = DNS_HEADER_SIZE,
		.left = {header.answers, header.authorities,
			 header.additionals},
		.section = WIRE_ANSWER,
	};
	for (unsigned i = 0; i < header.questions; i++) {
		ret = skip_name(message, length, cursor->at);
		if (ret < 0)
			return ret;
		cursor->at = (size_t)ret + 4;
		if (cursor->at > length)
			return ERR_MALFORMED;
	}
	return 0;
}

int wire_next(struct wire_cursor *cursor, struct wire_record *record)
{
	while (cursor->section < WIRE_END && !cursor->left[cursor->section])
		cursor->section++;
	if (cursor->section == WIRE_END)
		return 0;

	int ret = skip_name(cursor->message, cursor->length, cursor->at);
	if (ret < 0)
		return ret;
	size_t at = (size_t)ret;
	if (cursor->length - at < 10)
		return ERR_MALFORMED;
	const uint8_t *fixed = cursor->message + at;
	*record = (struct wire_record){
		.section = cursor->section,
		.type = wire_read16(fixed),
		.klass = wire_read16(fixed + 2),
		.ttl = wire_read32(fixed + 4),
		.start = cursor->at,
		.rdata = at + 10,
		.rdlength = wire_read16(fixed + 8),
	};
	if (cursor->length - record->rdata < record->rdlength)
		return ERR_MALFORMED;
	cursor->at = record->rdata + record->rdlength;
	cursor->left[cursor->section]--;
	return 1;
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20U : byte;
}

int wire_name(struct name *name, const uint8_t *message, size_t length,
	      size_t at)
{
	size_t out = 0;
	size_t part = at; /* pointers lead to before this */
	unsigned pointers = 0;

	while (at < length) {
		uint8_t label = message[at];
		if ((label & LABEL_POINTER) == LABEL_POINTER) {
			if (length - at < 2)
				return ERR_MALFORMED;
			at = wire_read16(message + at) & 0x3fffU;
			if (at >= part || ++pointers > POINTERS_MAX)
				return ERR_MALFORMED;
			part = at;
			continue;
		}
		if (label > LABEL_MAX || length - at < 1U + label ||
		    out + 1 + label > NAME_WIRE_MAX)
			return ERR_MALFORMED;
		name->wire[out++] = label;
		for (unsigned i = 1; i <= label; i++)
			name->wire[out++] = lower(message[at + i]);
		if (label == 0) {
			name->length = (uint8_t)out;
			return 0;
		}
		at += 1U + label;
	}
	return ERR_MALFORMED;
}

int wire_address(struct addr *addr, const uint8_t *message,
		 const struct wire_record *record)
{
	bool is_ipv4 = record->type == DNS_TYPE_A && record->rdlength == 4;
	bool is_ipv6 = record->type == DNS_TYPE_AAAA && record->rdlength == 16;

	if (record->klass != DNS_CLASS_IN || (!is_ipv4 && !is_ipv6))
		return -EINVAL;
	*addr = (struct addr){.family = is_ipv4 ? ADDR_IPV4 : ADDR_IPV6};
	memcpy(addr->bytes, message + record->rdata, record->rdlength);
	return 0;
}

/* 1 and the next name of the chain, 0 when `name` is its end. */
static int follow_cname(const uint8_t *message, size_t length,
			struct name *name)
{
	struct wire_cursor cursor;
	struct wire_record record;
	struct name owner;

	int ret = wire_begin(&cursor, message, length);
	if (ret < 0)
		return ret;
	while ((ret = wire_next(&cursor, &record)) > 0 &&
	       record.section == WIRE_ANSWER) {
		if (record.type != DNS_TYPE_CNAME ||
		    record.klass != DNS_CLASS_IN)
			continue;
		ret = wire_name(&owner, message, length, record.start);
		if (ret < 0)
			return ret;
		if (!name_equal(&owner, name))
			continue;
		ret = wire_name(name, message, length, record.rdata);
		return ret < 0 ? ret : 1;
	}
	return ret < 0 ? ret : 0;
}

int wire_chain_end(struct name *name, const uint8_t *message, size_t length)
{
	for (int hops = 0; hops < CNAME_CHAIN_MAX; hops++) {
		int ret = follow_cname(message, length, name);

		if (ret <= 0)
			return ret;
	}
	return 0;
}

int wire_addresses(const uint8_t *message, size_t length,
		   const struct question *question, struct addr *addrs,
		   size_t max)
{
	struct name target = question->name;
	struct name owner;
	struct wire_cursor cursor;
	struct wire_record record;
	int ret;

	ret = wire_chain_end(&target, message, length);
	if (ret < 0)
		return ret;
	size_t count = 0;
	ret = wire_begin(&cursor, message, length);
	if (ret < 0)
		return ret;
	while ((ret = wire_next(&cursor, &record)) > 0 &&
	       record.section == WIRE_ANSWER) {
		if (count == max || record.type != question->type ||
		    wire_address(&addrs[count], message, &record) < 0)
			continue;
		ret = wire_name(&owner, message, length, record.start);
		if (ret < 0)
			return ret;
		if (name_equal(&owner, &target))
			count++;
	}
	return ret < 0 ? ret : (int)count;
}
