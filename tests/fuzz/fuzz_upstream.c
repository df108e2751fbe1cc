// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an upstream answers.  The first byte says whether ID and question are
 * put in front, as a fuzzer alone would hardly get past them.
 */
#include "dnsd/message.h"
#include "dnsd/svcb.h"
#include "dnsd/upstream/packet.h"
#include "dnsd/wire.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define ID 0x1234
#define MESSAGE_MAX 4096

static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_HTTPS,
				 DNS_TYPE_PTR};

static void make_question(struct question *question, uint16_t type,
			  uint8_t query[PACKET_QUERY_MAX])
{
	struct question asked = {.id = ID, .type = type, .klass = DNS_CLASS_IN};
	size_t length;

	fuzz_require(name_parse(&asked.name, "a.example.com") == 0);
	asked.raw = asked.name.wire;
	asked.rd = true;
	uint8_t raw[NAME_WIRE_MAX + 4];
	memcpy(raw, asked.name.wire, asked.name.length);
	wire_write16(raw + asked.name.length, type);
	wire_write16(raw + asked.name.length + 2, DNS_CLASS_IN);
	asked.raw = raw;
	asked.raw_length = (uint16_t)(asked.name.length + 4);
	length = packet_query(&asked, ID, false, query);
	fuzz_require(question_parse(question, query, length) == 0);
}

/* Header of an answer to the question, its counts and flags from the bytes. */
static size_t frame(uint8_t *message, const struct question *question,
		    const uint8_t *data, size_t size)
{
	size_t head = DNS_HEADER_SIZE + question->raw_length;

	if (size < 7 || size - 7 > MESSAGE_MAX - head)
		return 0;
	wire_write16(message, ID);
	message[2] = (uint8_t)(data[0] | 0x80);
	message[3] = data[1];
	wire_write16(message + 4, 1);
	for (int i = 0; i < 3; i++)
		wire_write16(message + 6 + 2 * i, data[2 + i] % 16);
	memcpy(message + DNS_HEADER_SIZE, question->raw, question->raw_length);
	memcpy(message + head, data + 7, size - 7);
	return head + size - 7;
}

static void read_all(const struct question *question, const uint8_t *message,
		     size_t length)
{
	const struct answer answer = {.question = question};
	struct addr addrs[8];
	struct name name = question->name;
	char text[256];
	uint8_t out[MESSAGE_MAX];
	int count = wire_addresses(message, length, question, addrs, 8);

	fuzz_require(count <= 8);
	for (int i = 0; i < count; i++)
		fuzz_require(
			addrs[i].family ==
			(question->type == DNS_TYPE_A ? ADDR_IPV4 : ADDR_IPV6));
	if (wire_chain_end(&name, message, length) == 0)
		fuzz_require(name.length > 0);
	fuzz_require(strlen(message_answer_text(message, length, text,
						sizeof(text))) < sizeof(text));
	if (question->type == DNS_TYPE_HTTPS)
		fuzz_require(svcb_make(&answer, message, length, out,
				       sizeof(out)) <= (int)sizeof(out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t message[MESSAGE_MAX];
	uint8_t query[PACKET_QUERY_MAX];
	struct question question;
	struct fake_pool pool = {0};
	struct addr poison;
	const uint8_t kind = fuzz_byte(&data, &size);
	size_t length = size;
	uint8_t *bytes;

	make_question(&question, types[kind >> 1 & 3], query);
	if (kind & 1) {
		length = frame(message, &question, data, size);
		data = message;
	}
	/* A copy of that size, so that its end is seen. */
	bytes = malloc(length ? length : 1);
	fuzz_require(bytes);
	if (length)
		memcpy(bytes, data, length);
	struct packet_wanted wanted = {&question, ID, &pool};
	enum packet_kind is = packet_check(&wanted, bytes, length, &poison);
	if (is == PACKET_ANSWER)
		read_all(&question, bytes, length);
	free(bytes);
	return 0;
}
