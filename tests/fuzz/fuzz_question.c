// SPDX-License-Identifier: BSD-2-Clause
/* What a client asks: header, question, EDNS options; and our answers to it. */
#include "dnsd/answer.h"
#include "dnsd/question.h"
#include "dnsd/upstream/packet.h"
#include "dnsd/wire.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* What we make is read by our own reader, has the same ID and question. */
static void check_answer(const struct question *question, const uint8_t *out,
			 size_t length)
{
	struct wire_header header;
	struct wire_cursor cursor;
	struct wire_record record;

	fuzz_require(length >= DNS_HEADER_SIZE);
	fuzz_require(wire_header(&header, out, length) == 0);
	fuzz_require(header.id == question->id && header.flags & DNS_FLAG_QR);
	fuzz_require(wire_begin(&cursor, out, length) == 0);
	while (wire_next(&cursor, &record) == 1)
		;
	fuzz_require(cursor.at == length);
}

static void check_query(const struct question *question)
{
	uint8_t query[PACKET_QUERY_MAX];
	struct question again;
	size_t length = packet_query(question, 4711, question->has_edns, query);

	if (question->has_edns && question->subnet.addr.family != ADDR_NONE)
		length = packet_add_subnet(question, &question->subnet, query,
					   length);
	if (question->has_edns)
		length = packet_pad(question, query, length);
	fuzz_require(length <= sizeof(query));
	fuzz_require(question_parse(&again, query, length) == 0);
	fuzz_require(again.id == 4711 && again.type == question->type);
	fuzz_require(name_equal(&again.name, &question->name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ede ede = {.code = EDE_FORGED, .text = "DOMAIN,a,b"};
	struct question question;
	struct answer answer = {.question = &question, .ede = &ede};
	const struct addr addr = {.family = ADDR_IPV4, .bytes = {198, 18}};
	uint8_t out[DNS_UDP_SIZE];
	int ret = question_parse(&question, data, size);

	if (ret < 0)
		return 0;
	check_answer(
		&question, out,
		answer_error(&answer, (enum dns_rcode)ret, out, sizeof(out)));
	if (ret > 0)
		return 0;
	check_answer(&question, out,
		     answer_address(&answer, &addr, out, sizeof(out)));
	check_answer(
		&question, out,
		answer_negative(&answer, DNS_RCODE_NXDOMAIN, out, sizeof(out)));
	check_answer(&question, out,
		     answer_truncated(&answer, out, sizeof(out)));
	/* Without a name it asks for a cookie alone (RFC 7873, 5.4). */
	if (question.name.length > 0)
		check_query(&question);
	return 0;
}
