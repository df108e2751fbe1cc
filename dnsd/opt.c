// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/opt.h"

#include "dnsd/wire.h"

#include <string.h>

#define OPT_FIXED_SIZE 11
#define OPTION_HEAD_SIZE 4
#define OPTION_SUBNET 8
#define OPTION_COOKIE 10
#define OPTION_KEEPALIVE 11
#define OPTION_EDE 15
#define DO_BIT 0x8000U
#define SERVER_COOKIE_MIN 8
#define SERVER_COOKIE_MAX 32

/* RFC 7873 5.2.2: the client's half alone, or both. */
static int read_cookie(struct question *question, const uint8_t *bytes,
		       size_t length)
{
	if (length != DNS_COOKIE_CLIENT_SIZE &&
	    (length < DNS_COOKIE_CLIENT_SIZE + SERVER_COOKIE_MIN ||
	     length > DNS_COOKIE_CLIENT_SIZE + SERVER_COOKIE_MAX))
		return DNS_RCODE_FORMERR;
	if (question->has_cookie)
		return 0; /* the first one counts */
	question->has_cookie = true;
	memcpy(question->cookie, bytes,
	       length < DNS_COOKIE_SIZE ? length : DNS_COOKIE_SIZE);
	return 0;
}

/* RFC 7871 6; what is no subnet is passed over. */
static void read_subnet(struct question *question, const uint8_t *bytes,
			size_t length)
{
	struct prefix subnet = {0};
	uint16_t family = length >= 4 ? wire_read16(bytes) : 0;

	if (family != 1 && family != 2)
		return;
	subnet.addr.family = family == 1 ? ADDR_IPV4 : ADDR_IPV6;
	subnet.length = bytes[2];
	if (subnet.length > addr_bits(&subnet.addr) ||
	    length != 4U + (subnet.length + 7U) / 8U)
		return;
	memcpy(subnet.addr.bytes, bytes + 4, length - 4);
	prefix_mask(&subnet);
	question->subnet = subnet;
}

int opt_read(struct question *question, const struct opt_fixed *opt,
	     const uint8_t *options, size_t length)
{
	struct reader reader = reader_of(options, length);
	uint16_t size = opt->size;

	question->has_edns = true;
	question->edns_version = (uint8_t)(opt->flags >> 16);
	question->do_bit = opt->flags & DO_BIT;
	if (size > DNS_EDNS_SIZE)
		size = DNS_EDNS_SIZE;
	if (size > question->udp_size)
		question->udp_size = size;
	/* Nobody knows what options of a later version look like. */
	if (question->edns_version > 0)
		return 0;
	while (reader_left(&reader) > 0) {
		uint16_t code = reader_u16(&reader);
		uint16_t bytes = reader_u16(&reader);
		const uint8_t *data = reader_bytes(&reader, bytes);

		if (!data)
			return DNS_RCODE_FORMERR;
		if (code == OPTION_SUBNET)
			read_subnet(question, data, bytes);
		if (code == OPTION_KEEPALIVE) {
			question->wants_keepalive = true;
			if (bytes == 2) /* a reply of our own, read back */
				question->keepalive_ds = wire_read16(data);
		}
		if (code == OPTION_COOKIE && read_cookie(question, data, bytes))
			return DNS_RCODE_FORMERR;
	}
	return 0;
}

size_t opt_size(const struct question *question)
{
	if (!question->has_edns)
		return 0;
	return OPT_FIXED_SIZE +
	       (question->has_cookie ? OPTION_HEAD_SIZE + DNS_COOKIE_SIZE : 0) +
	       (question->wants_keepalive ? OPTION_HEAD_SIZE + 2 : 0);
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

	if (writer_left(writer) < OPTION_HEAD_SIZE + 2)
		return;
	if (ede->text)
		text = text_that_fits(ede->text, writer_left(writer) -
							 OPTION_HEAD_SIZE - 2);
	writer_u16(writer, OPTION_EDE);
	writer_u16(writer, (unsigned)(2 + text));
	writer_u16(writer, ede->code);
	writer_bytes(writer, ede->text, text);
}

void opt_write(struct writer *writer, const struct question *question,
	       unsigned rcode, const struct ede *ede)
{
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
	rdata = writer->at;
	if (question->has_cookie) {
		writer_u16(writer, OPTION_COOKIE);
		writer_u16(writer, DNS_COOKIE_SIZE);
		writer_bytes(writer, question->cookie, DNS_COOKIE_SIZE);
	}
	if (question->wants_keepalive) {
		writer_u16(writer, OPTION_KEEPALIVE);
		writer_u16(writer, 2);
		writer_u16(writer, question->keepalive_ds);
	}
	if (writer->has_failed)
		return;
	if (ede)
		write_ede(writer, ede);
	length = (size_t)(writer->at - rdata);
	rdata[-2] = (uint8_t)(length >> 8);
	rdata[-1] = (uint8_t)length;
}
