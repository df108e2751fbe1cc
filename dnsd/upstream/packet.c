// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/packet.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define OPT_DO 0x8000U
#define OPT_SIZE 11
#define OPTION_SUBNET 8
#define OPTION_SUBNET_MAX (4 + 4 + 16)
#define OPTION_PADDING 12

size_t packet_query(const struct question *question, uint16_t id, bool has_edns,
		    uint8_t out[PACKET_QUERY_MAX])
{
	assert(question->name.length > 0);

	/* AD: we know what it means, and the cache keeps it for all. */
	uint16_t flags = DNS_FLAG_AD;
	if (question->rd)
		flags |= DNS_FLAG_RD;
	if (question->cd)
		flags |= DNS_FLAG_CD;

	memset(out, 0, DNS_HEADER_SIZE);
	wire_write16(out, id);
	wire_write16(out + 2, flags);
	wire_write16(out + 4, 1);
	wire_write16(out + 10, has_edns ? 1 : 0);

	uint8_t *at = out + DNS_HEADER_SIZE;
	memcpy(at, question->name.wire, question->name.length);
	at += question->name.length;
	wire_write16(at, question->type);
	wire_write16(at + 2, question->klass);
	at += 4;

	if (has_edns) {
		*at++ = 0;
		wire_write16(at, DNS_TYPE_OPT);
		wire_write16(at + 2, DNS_EDNS_SIZE);
		wire_write32(at + 4, question->do_bit ? OPT_DO : 0);
		wire_write16(at + 8, 0);
		at += 10;
	}
	return (size_t)(at - out);
}

_Static_assert((DNS_HEADER_SIZE + NAME_WIRE_MAX + 4 + OPT_SIZE +
		OPTION_SUBNET_MAX + 4 + PACKET_BLOCK - 1) /
			       PACKET_BLOCK * PACKET_BLOCK <=
		       PACKET_QUERY_MAX,
	       "the longest query has room for its options");

/* OPT is the last record: an option is added at the end. */
static size_t add_option(const struct question *question, uint8_t *query,
			 size_t length, uint16_t code, size_t size)
{
	size_t opt = DNS_HEADER_SIZE + question->name.length + 4U;

	wire_write16(query + length, code);
	wire_write16(query + length + 2, (uint16_t)size);
	length += 4 + size;
	wire_write16(query + opt + OPT_SIZE - 2,
		     (uint16_t)(length - opt - OPT_SIZE));
	return length;
}

size_t packet_add_subnet(const struct question *question,
			 const struct prefix *subnet,
			 uint8_t query[PACKET_QUERY_MAX], size_t length)
{
	size_t bytes = (subnet->length + 7U) / 8U;
	uint8_t *option = query + length + 4;

	wire_write16(option, subnet->addr.family == ADDR_IPV4 ? 1 : 2);
	option[2] = subnet->length;
	option[3] = 0;
	memcpy(option + 4, subnet->addr.bytes, bytes);
	return add_option(question, query, length, OPTION_SUBNET, 4 + bytes);
}

size_t packet_pad(const struct question *question,
		  uint8_t query[PACKET_QUERY_MAX], size_t length)
{
	size_t padded =
		(length + 4 + PACKET_BLOCK - 1) / PACKET_BLOCK * PACKET_BLOCK;
	size_t size = padded - length - 4;

	memset(query + length + 4, 0, size);
	return add_option(question, query, length, OPTION_PADDING, size);
}

/*
 * The name must stand there uncompressed, as it does in what we sent; case
 * does not matter.
 */
static bool has_question(const struct question *question,
			 const uint8_t *message, size_t length)
{
	size_t size = question->name.length;
	if (length < DNS_HEADER_SIZE + size + 4)
		return false;
	struct name name;
	int taken = name_from_wire(&name, message + DNS_HEADER_SIZE, size);
	const uint8_t *fixed = message + DNS_HEADER_SIZE + size;
	return taken == (int)size && name_equal(&name, &question->name) &&
	       wire_read16(fixed) == question->type &&
	       wire_read16(fixed + 2) == question->klass;
}

/* Can every record be read, and does none lead into our own pool? */
static enum packet_kind check_records(const struct fake_pool *pool,
				      const uint8_t *message, size_t length,
				      struct addr *poison)
{
	struct wire_cursor cursor;
	struct wire_record record;
	struct addr addr;

	int ret = wire_begin(&cursor, message, length);
	if (ret < 0)
		return PACKET_MALFORMED;
	while ((ret = wire_next(&cursor, &record)) > 0) {
		if (wire_address(&addr, message, &record) < 0)
			continue;
		if (!fake_pool_has(pool, &addr))
			continue;
		if (poison)
			*poison = addr;
		return PACKET_POISONED;
	}
	return ret < 0 ? PACKET_MALFORMED : PACKET_ANSWER;
}

static enum packet_kind kind_of_rcode(uint8_t rcode)
{
	switch (rcode) {
	case DNS_RCODE_FORMERR:
	case DNS_RCODE_NOTIMP:
		return PACKET_NO_EDNS;
	case DNS_RCODE_SERVFAIL:
	case DNS_RCODE_REFUSED:
		return PACKET_FAILURE;
	}
	return PACKET_ANSWER;
}

enum packet_kind packet_check(const struct packet_wanted *wanted,
			      const uint8_t *message, size_t length,
			      struct addr *poison)
{
	struct wire_header header;

	if (wire_header(&header, message, length) < 0)
		return PACKET_FOREIGN;
	if (header.id != wanted->id || !(header.flags & DNS_FLAG_QR) ||
	    header.opcode)
		return PACKET_FOREIGN;

	enum packet_kind kind = kind_of_rcode(header.rcode);
	/* Servers that choke on a query answer with a header alone. */
	if (header.questions == 0 && kind != PACKET_ANSWER)
		return kind;
	if (header.questions != 1 ||
	    !has_question(wanted->question, message, length))
		return PACKET_FOREIGN;
	if (kind != PACKET_ANSWER)
		return kind;
	if (header.flags & DNS_FLAG_TC)
		return PACKET_TRUNCATED;
	return check_records(wanted->pool, message, length, poison);
}

const char *packet_rcode(const uint8_t *message, char *out, size_t size)
{
	static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL",
					    "NXDOMAIN", "NOTIMP",  "REFUSED"};
	unsigned rcode = message[3] & 0xfU;
	if (rcode < ARRAY_LEN(names))
		return names[rcode];
	snprintf(out, size, "RCODE %u", rcode);
	return out;
}
