// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/carried.h"

#include "common/err.h"
#include "dnsd/forwarded.h"
#include "dnsd/opt.h"
#include "dnsd/svcb.h"
#include "dnsd/wire.h"

bool carried_may_be_empty(uint16_t type)
{
	return type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS;
}

/* Writes our OPT where the additional section began. */
static int leave_out_additional(const struct answer *answer, bool is_mended,
				uint8_t *out, size_t length, size_t limit)
{
	const struct question *question = answer->question;
	struct wire_cursor cursor;
	struct wire_record record;
	struct writer writer = writer_of(out, limit);
	size_t end;
	int ret = wire_begin(&cursor, out, length);

	if (ret < 0)
		return ret;
	do {
		end = cursor.at;
		ret = wire_next(&cursor, &record);
	} while (ret > 0 && record.section != WIRE_ADDITIONAL);
	if (ret < 0)
		return ret;
	writer.at += end;
	is_mended |= ret > 0 && record.type != DNS_TYPE_OPT;
	opt_write(&writer, question, 0, is_mended ? answer->ede : NULL);
	wire_write16(out + 10, question->has_edns);
	return (int)writer_length(&writer);
}

int carried_make(const struct answer *answer, const uint8_t *message,
		 size_t length, uint8_t *out, size_t limit)
{
	const struct question *question = answer->question;
	struct wire_header header;
	bool is_nxdomain;
	int ret = wire_header(&header, message, length);

	if (ret < 0)
		return ret;
	if (carried_may_be_empty(question->type))
		return svcb_make(answer, message, length, out, limit);
	ret = forwarded_make(question, message, length, out, limit);
	if (ret < 0)
		return ret;
	is_nxdomain = header.rcode == DNS_RCODE_NXDOMAIN;
	if (is_nxdomain) {
		/* The proof of what is not so any more goes with it. */
		if (header.answers == 0)
			return (int)answer_negative(answer, DNS_RCODE_NOERROR,
						    out, limit);
		out[3] &= (uint8_t) ~(0xfU | DNS_FLAG_AD);
	}
	return leave_out_additional(answer, is_nxdomain, out, (size_t)ret,
				    limit);
}
