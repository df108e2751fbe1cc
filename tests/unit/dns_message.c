// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct question dns_question(const char *name, uint16_t type)
{
	struct question question = {
		.rd = true,
		.type = type,
		.klass = DNS_CLASS_IN,
		.udp_size = DNS_UDP_SIZE,
	};

	assert_int_equal(name_parse(&question.name, name), 0);
	return question;
}

void dns_message_begin(struct dns_message *message,
		       const struct question *question, unsigned flags)
{
	uint8_t *at = message->bytes + DNS_HEADER_SIZE;
	size_t length = question->name.length;

	memset(message, 0, sizeof(*message));
	wire_write16(message->bytes, 0x1234);
	wire_write16(message->bytes + 2,
		     (uint16_t)(DNS_FLAG_QR | DNS_FLAG_RA | flags));
	wire_write16(message->bytes + 4, 1);
	memcpy(at, question->name.wire, length);
	wire_write16(at + length, question->type);
	wire_write16(at + length + 2, question->klass);
	message->question = length;
	message->length = DNS_HEADER_SIZE + length + 4;
}

static void count(struct dns_message *message, unsigned section)
{
	uint8_t *at = message->bytes + 6 + 2 * (size_t)section;

	wire_write16(at, (uint16_t)(wire_read16(at) + 1));
}

static void add_with_owner(struct dns_message *message, unsigned owner,
			   const struct dns_record *record)
{
	uint8_t *at = message->bytes + message->length;

	wire_write16(at, (uint16_t)(0xc000U | owner));
	wire_write16(at + 2, record->type);
	wire_write16(at + 4, DNS_CLASS_IN);
	wire_write32(at + 6, record->ttl_s);
	wire_write16(at + 10, (uint16_t)record->length);
	memcpy(at + 12, record->rdata, record->length);
	message->length += 12 + record->length;
	assert_in_range(message->length, 0, sizeof(message->bytes));
}

void dns_message_add(struct dns_message *message, unsigned section,
		     const struct dns_record *record)
{
	count(message, section);
	add_with_owner(message, DNS_HEADER_SIZE, record);
}

void dns_message_add_a(struct dns_message *message, uint32_t ttl_s,
		       uint32_t address)
{
	uint8_t rdata[4];

	wire_write32(rdata, address);
	dns_message_add(
		message, 0,
		&(struct dns_record){DNS_TYPE_A, ttl_s, rdata, sizeof(rdata)});
}

void dns_message_add_soa(struct dns_message *message, size_t skip,
			 uint32_t ttl_s, uint32_t minimum_s)
{
	uint8_t rdata[2 + 7 + 20] = {0};
	unsigned zone = (unsigned)(DNS_HEADER_SIZE + skip);

	wire_write16(rdata, (uint16_t)(0xc000U | zone));
	memcpy(rdata + 2, "\4root", 5);
	wire_write16(rdata + 7, (uint16_t)(0xc000U | zone));
	wire_write32(rdata + 9, 4711);
	wire_write32(rdata + 25, minimum_s);
	count(message, 1);
	add_with_owner(message, zone,
		       &(struct dns_record){DNS_TYPE_SOA, ttl_s, rdata,
					    sizeof(rdata)});
}

uint32_t dns_message_ttl(const uint8_t *bytes, size_t length, unsigned nth)
{
	struct wire_cursor cursor;
	struct wire_record record;

	assert_int_equal(wire_begin(&cursor, bytes, length), 0);
	for (unsigned i = 0; i <= nth; i++)
		assert_int_equal(wire_next(&cursor, &record), 1);
	return record.ttl;
}
