// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/svcb.h"

#include "common/cursor.h"
#include "common/err.h"
#include "dnsd/wire.h"

#define NAME_OF_QUESTION (0xc000U | DNS_HEADER_SIZE) /* RFC 1035 4.1.4 */
#define RECORD_HEAD_SIZE 12U

enum svcb_key {
	KEY_MANDATORY = 0,
	KEY_IPV4HINT = 4,
	KEY_IPV6HINT = 6,
};

static bool is_hint(uint16_t key)
{
	return key == KEY_IPV4HINT || key == KEY_IPV6HINT;
}

/* "_8443._https.example.com" is about "example.com" (RFC 9460, 9.1). */
static void base_name(struct name *base, const struct name *name)
{
	size_t at = 0;

	while (name->wire[at] > 0 && name->wire[at + 1] == '_')
		at += 1U + name->wire[at];
	base->length = (uint8_t)(name->length - at);
	memcpy(base->wire, name->wire + at, base->length);
}

struct mending {
	const struct question *question;
	struct name owner; /* the end of the chain of CNAMEs */
	struct writer writer;
	uint16_t count;
	bool is_mended; /* something was left out */
};

/* Does the target lead to the name that was asked for? */
static bool is_own_target(const struct mending *mending,
			  const struct name *target)
{
	struct name base;

	if (target->length == 1 || name_equal(target, &mending->owner) ||
	    name_equal(target, &mending->question->name))
		return true;
	base_name(&base, &mending->question->name);
	return name_equal(target, &base);
}

/* The list of keys without those that go; left out if none stays. */
static void mend_mandatory(struct writer *writer, struct reader value)
{
	uint8_t *length;
	uint16_t left = 0;

	writer_u16(writer, KEY_MANDATORY);
	length = writer->at;
	writer_u16(writer, 0);
	while (reader_left(&value) >= 2) {
		uint16_t key = reader_u16(&value);

		if (is_hint(key))
			continue;
		writer_u16(writer, key);
		left += 2;
	}
	if (writer->has_failed)
		return;
	if (left == 0)
		writer->at = length - 2;
	else
		wire_write16(length, left);
}

static void mend_parameters(struct mending *mending, struct reader *rdata)
{
	struct writer *writer = &mending->writer;

	while (reader_left(rdata) > 0 && !rdata->has_failed) {
		uint16_t key = reader_u16(rdata);
		uint16_t length = reader_u16(rdata);
		const uint8_t *value = reader_bytes(rdata, length);

		if (!value)
			continue;
		if (is_hint(key)) {
			mending->is_mended = true;
			continue;
		}
		if (key == KEY_MANDATORY) {
			mend_mandatory(writer, reader_of(value, length));
			continue;
		}
		writer_u16(writer, key);
		writer_u16(writer, length);
		writer_bytes(writer, value, length);
	}
}

/* Writes the record, or nothing if it is none that can pass. */
static void mend_record(struct mending *mending, const uint8_t *message,
			const struct wire_record *record)
{
	struct writer *writer = &mending->writer, before = *writer;
	struct reader rdata =
		reader_of(message + record->rdata, record->rdlength);
	uint16_t priority = reader_u16(&rdata);
	uint8_t *start = writer->at;
	struct name target;
	int taken;

	taken = name_from_wire(&target, rdata.at, reader_left(&rdata));
	if (rdata.has_failed || priority == 0 || taken < 0 ||
	    !is_own_target(mending, &target)) {
		mending->is_mended = true;
		return;
	}
	if (name_equal(&target, &mending->owner) ||
	    name_equal(&target, &mending->question->name)) {
		target.length = 1; /* of the owner that it has now */
		target.wire[0] = 0;
	}
	reader_bytes(&rdata, (size_t)taken);
	writer_u16(writer, NAME_OF_QUESTION);
	writer_u16(writer, record->type);
	writer_u16(writer, DNS_CLASS_IN);
	writer_u32(writer, record->ttl);
	writer_u16(writer, 0);
	writer_u16(writer, priority);
	writer_bytes(writer, target.wire, target.length);
	mend_parameters(mending, &rdata);
	if (rdata.has_failed) {
		mending->is_mended = true;
		*writer = before;
		return;
	}
	mending->count++;
	if (!writer->has_failed)
		wire_write16(start + RECORD_HEAD_SIZE - 2,
			     (uint16_t)(writer->at - start - RECORD_HEAD_SIZE));
}

static int mend_records(struct mending *mending, const uint8_t *message,
			size_t length)
{
	struct wire_cursor cursor;
	struct wire_record record;
	struct name owner;
	int ret = wire_begin(&cursor, message, length);

	while (ret >= 0 && (ret = wire_next(&cursor, &record)) > 0 &&
	       record.section == WIRE_ANSWER) {
		if (record.type != mending->question->type ||
		    record.klass != DNS_CLASS_IN)
			continue;
		ret = wire_name(&owner, message, length, record.start);
		if (ret == 0 && name_equal(&owner, &mending->owner))
			mend_record(mending, message, &record);
	}
	return ret < 0 ? ret : 0;
}

/* A chain of CNAMEs goes too, and an NXDOMAIN: the name is there. */
static bool is_another_name(const struct mending *mending,
			    const uint8_t *message, size_t length)
{
	struct wire_header header;

	return !name_equal(&mending->owner, &mending->question->name) ||
	       (wire_header(&header, message, length) == 0 &&
		header.rcode == DNS_RCODE_NXDOMAIN);
}

int svcb_make(const struct answer *answer, const uint8_t *message,
	      size_t length, uint8_t *out, size_t limit)
{
	const struct question *question = answer->question;
	struct answer made = *answer;
	struct mending mending = {.question = question,
				  .owner = question->name};
	size_t head = answer_begin(answer, out, limit);
	int ret = wire_chain_end(&mending.owner, message, length);

	if (ret < 0)
		return ret;
	mending.is_mended = is_another_name(&mending, message, length);
	mending.writer = writer_of(out, limit);
	mending.writer.at += head;
	ret = mend_records(&mending, message, length);
	if (ret < 0)
		return ret;
	if (!mending.is_mended)
		made.ede = NULL;
	if (mending.count == 0)
		return (int)answer_negative(&made, DNS_RCODE_NOERROR, out,
					    limit);
	wire_write16(out + 6, mending.count);
	opt_write(&mending.writer, question, 0, made.ede);
	if (mending.writer.has_failed)
		return (int)answer_truncated(&made, out, limit);
	return (int)writer_length(&mending.writer);
}
