// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/forwarded.h"

#include "common/err.h"
#include "dnsd/opt.h"
#include "dnsd/wire.h"

#include <assert.h>
#include <string.h>

#define OPTION_EDE 15
#define OPTION_EDE_SIZE 6 /* without text */

static uint16_t flags_for(const struct question *question,
			  const struct wire_header *header)
{
	uint16_t flags = DNS_FLAG_QR | DNS_FLAG_RA | header->rcode;
	if (question->rd)
		flags |= DNS_FLAG_RD;
	if (question->cd)
		flags |= DNS_FLAG_CD;
	if (question->ad || question->do_bit)
		flags |= header->flags & DNS_FLAG_AD;
	return flags;
}

/*
 * The records up to the upstream's OPT: `*end` is behind the last one that
 * stays, `*additionals` the number of those in the last section.  What stands
 * behind the OPT goes too, since its names may point to each other; only a
 * TSIG or SIG(0) ever does, and we have no use for those.
 */
static int find_end(const uint8_t *message, size_t length, size_t *end,
		    uint16_t *additionals)
{
	struct wire_cursor cursor;
	struct wire_record record;
	int ret = wire_begin(&cursor, message, length);

	*additionals = 0;
	if (ret < 0)
		return ret;
	*end = cursor.at;
	while ((ret = wire_next(&cursor, &record)) > 0) {
		if (record.section == WIRE_ADDITIONAL) {
			if (record.type == DNS_TYPE_OPT)
				return 0;
			(*additionals)++;
		}
		*end = cursor.at;
	}
	return ret;
}

/* How many records of the answer end before `room`, and where. */
static uint16_t fit_answers(const uint8_t *message, size_t length, size_t room,
			    size_t *end)
{
	struct wire_cursor cursor;
	struct wire_record record;
	uint16_t count = 0;

	if (wire_begin(&cursor, message, length) < 0)
		return 0;
	while (wire_next(&cursor, &record) > 0 &&
	       record.section == WIRE_ANSWER && cursor.at <= room) {
		*end = cursor.at;
		count++;
	}
	return count;
}

int forwarded_make(const struct question *question, const uint8_t *message,
		   size_t length, uint8_t *out, size_t limit)
{
	struct wire_header header;
	size_t end;
	uint16_t additionals;
	size_t opt = opt_size(question);
	size_t body = DNS_HEADER_SIZE + question->raw_length;

	assert(limit >= DNS_UDP_SIZE);
	/* Pointers into the question stay right only if it keeps its size. */
	if (wire_header(&header, message, length) < 0 ||
	    header.questions != 1 ||
	    question->raw_length != question->name.length + 4U)
		return ERR_MALFORMED;
	int ret = find_end(message, length, &end, &additionals);
	if (ret < 0)
		return ret;
	if (end < body)
		return ERR_MALFORMED;

	uint16_t flags = flags_for(question, &header);
	if (end + opt > limit) {
		flags |= DNS_FLAG_TC;
		header.answers = 0;
		header.authorities = 0;
		additionals = 0;
		end = body;
		if (!question->do_bit)
			header.answers =
				fit_answers(message, length, limit - opt, &end);
	}
	wire_write16(out, question->id);
	wire_write16(out + 2, flags);
	wire_write16(out + 4, 1);
	wire_write16(out + 6, header.answers);
	wire_write16(out + 8, header.authorities);
	wire_write16(out + 10, (uint16_t)(additionals + (opt ? 1 : 0)));
	memcpy(out + DNS_HEADER_SIZE, question->raw, question->raw_length);
	memcpy(out + body, message + body, end - body);
	struct writer writer = writer_of(out + end, limit - end);
	opt_write(&writer, question, 0, NULL);
	return (int)(end + writer_length(&writer));
}

/* The offset of the OPT record that is the last one; 0: there is none. */
static size_t find_opt(const uint8_t *message, size_t length)
{
	struct wire_cursor cursor;
	struct wire_record record = {0};
	int ret = wire_begin(&cursor, message, length);

	while (ret >= 0 && (ret = wire_next(&cursor, &record)) > 0)
		;
	if (ret < 0 || record.type != DNS_TYPE_OPT ||
	    record.rdata + record.rdlength != length)
		return 0;
	return record.rdata;
}

size_t forwarded_add_ede(uint8_t *message, size_t length, size_t limit,
			 const struct ede *ede)
{
	size_t options = find_opt(message, length);
	size_t text = ede->text ? strlen(ede->text) : 0;
	uint8_t *option = message + length;

	if (options == 0 || length + OPTION_EDE_SIZE > limit)
		return length;
	if (length + OPTION_EDE_SIZE + text > limit)
		text = 0;
	wire_write16(message + options - 2,
		     (uint16_t)(length + OPTION_EDE_SIZE + text - options));
	wire_write16(option, OPTION_EDE);
	wire_write16(option + 2, (uint16_t)(OPTION_EDE_SIZE - 4 + text));
	wire_write16(option + 4, ede->code);
	if (text > 0)
		memcpy(option + OPTION_EDE_SIZE, ede->text, text);
	return length + OPTION_EDE_SIZE + text;
}
