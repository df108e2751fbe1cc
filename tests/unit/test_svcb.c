// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/svcb.h"

#include "common/err.h"
#include "dnsd/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TYPE_RRSIG 46
#define WHY "rule 'MATCH,proxy' (a.yaml:7)"

/* In the order of the wire: key, length, value. */
#define MANDATORY_BOTH "\0\0\0\4\0\1\0\4"
#define MANDATORY_HINT "\0\0\0\4\0\4\0\6"
#define ALPN "\0\1\0\3\2h2"
#define PORT "\0\3\0\2\x20\xfb"
#define HINT4 "\0\4\0\4\xc0\0\2\1"
#define ECH "\0\5\0\3ech"
#define HINT6 "\0\6\0\x10\x20\x01\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"

static struct {
	struct question question;
	uint8_t raw[NAME_WIRE_MAX + 4];
	uint8_t message[2048];
	size_t length;
	uint8_t out[DNS_MESSAGE_MAX];
} t;

static size_t put_name(uint8_t *at, const char *text)
{
	struct name name;

	assert_int_equal(name_parse(&name, text), 0);
	memcpy(at, name.wire, name.length);
	return name.length;
}

static void begin(const char *name, bool has_edns)
{
	struct question *q = &t.question;

	memset(&t, 0, sizeof(t));
	*q = (struct question){.id = 7,
			       .rd = true,
			       .type = DNS_TYPE_HTTPS,
			       .klass = DNS_CLASS_IN,
			       .has_edns = has_edns,
			       .raw = t.raw};
	assert_int_equal(name_parse(&q->name, name), 0);
	q->raw_length = (uint16_t)(put_name(t.raw, name) + 4);
	wire_write16(t.raw + q->raw_length - 4, DNS_TYPE_HTTPS);
	wire_write16(t.raw + q->raw_length - 2, DNS_CLASS_IN);
	/* With AD, which is not to survive. */
	memcpy(t.message, "\0\x9\x81\xa0\0\1\0\0\0\0\0\0", DNS_HEADER_SIZE);
	memcpy(t.message + DNS_HEADER_SIZE, t.raw, q->raw_length);
	t.length = DNS_HEADER_SIZE + q->raw_length;
}

static void add(const char *owner, uint16_t type, const void *rdata,
		size_t length)
{
	t.length += put_name(t.message + t.length, owner);
	wire_write16(t.message + t.length, type);
	wire_write16(t.message + t.length + 2, DNS_CLASS_IN);
	wire_write32(t.message + t.length + 4, 300);
	wire_write16(t.message + t.length + 8, (uint16_t)length);
	memcpy(t.message + t.length + 10, rdata, length);
	t.length += 10 + length;
	t.message[7]++;
}

static void add_https(const char *owner, uint16_t priority, const char *target,
		      const char *params, size_t size)
{
	uint8_t rdata[512];
	size_t at = 2;

	wire_write16(rdata, priority);
	at += put_name(rdata + at, target);
	memcpy(rdata + at, params, size);
	add(owner, DNS_TYPE_HTTPS, rdata, at + size);
}

#define ADD_HTTPS(owner, priority, target, params) \
	add_https(owner, priority, target, params, sizeof(params) - 1)

/* The message from a copy of exactly its size, for the sanitizer. */
static int make(size_t limit)
{
	const struct ede ede = {EDE_FORGED, WHY};
	const struct answer answer = {.question = &t.question, .ede = &ede};
	uint8_t *copy = malloc(t.length);
	int ret;

	assert_non_null(copy);
	memcpy(copy, t.message, t.length);
	ret = svcb_make(&answer, copy, t.length, t.out, limit);
	free(copy);
	return ret;
}

/* Does the answer say that something was left out, and by whom? */
static bool says_why(int length)
{
	return length > 0 &&
	       memmem(t.out, (size_t)length, "\0\x4" WHY, 2 + sizeof(WHY) - 1);
}

static void assert_empty(int length)
{
	struct wire_header header;

	assert_true(length > 0);
	assert_int_equal(wire_header(&header, t.out, (size_t)length), 0);
	assert_int_equal(header.rcode, DNS_RCODE_NOERROR);
	assert_int_equal(header.answers, 0);
	assert_int_equal(header.authorities, 1);
}

/* Exactly these records, all of the name asked for. */
static void assert_made(size_t count, const char *const rdata[],
			const size_t sizes[])
{
	struct wire_header header;
	struct wire_cursor cursor;
	struct wire_record record;
	struct name owner;
	int length = make(sizeof(t.out));

	assert_true(length > 0);
	assert_int_equal(wire_header(&header, t.out, (size_t)length), 0);
	assert_int_equal(header.id, 7);
	assert_int_equal(header.flags, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
	assert_int_equal(header.answers, count);
	assert_int_equal(header.additionals, t.question.has_edns);
	assert_int_equal(wire_begin(&cursor, t.out, (size_t)length), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(wire_next(&cursor, &record), 1);
		assert_int_equal(record.type, DNS_TYPE_HTTPS);
		assert_int_equal(record.ttl, 300);
		assert_int_equal(
			wire_name(&owner, t.out, (size_t)length, record.start),
			0);
		assert_true(name_equal(&owner, &t.question.name));
		assert_int_equal(record.rdlength, sizes[i]);
		assert_memory_equal(t.out + record.rdata, rdata[i], sizes[i]);
	}
	while (wire_next(&cursor, &record) > 0)
		assert_int_equal(record.type, DNS_TYPE_OPT);
}

#define ASSERT_MADE(text)                           \
	assert_made(1, (const char *const[]){text}, \
		    (const size_t[]){sizeof(text) - 1})

static void hints_go_and_the_rest_stays(void **state)
{
	(void)state;
	begin("a.example", true);
	ADD_HTTPS("a.example", 1, ".",
		  MANDATORY_BOTH ALPN PORT HINT4 ECH HINT6);
	add("a.example", TYPE_RRSIG, "\0\x41rest", 6);
	ASSERT_MADE("\0\1\0"
		    "\0\0\0\2\0\1" ALPN PORT ECH);
}

static void mandatory_goes_when_nothing_is_left_of_it(void **state)
{
	(void)state;
	begin("a.example", false);
	ADD_HTTPS("A.Example", 3, "a.example", MANDATORY_HINT HINT4 HINT6);
	ASSERT_MADE("\0\3\0");
}

static void cnames_go_and_their_end_is_the_owner(void **state)
{
	(void)state;
	begin("a.example", false);
	add("a.example", DNS_TYPE_CNAME, "\1b\7example", 11);
	add("b.example", DNS_TYPE_CNAME, "\1c\7example", 11);
	ADD_HTTPS("c.example", 1, ".", ALPN HINT4);
	ADD_HTTPS("other.example", 1, ".", ALPN);
	ASSERT_MADE("\0\1\0" ALPN);
	begin("a.example", false);
	add("a.example", DNS_TYPE_CNAME, "\1c\7example", 11);
	ADD_HTTPS("c.example", 1, "c.example", ALPN);
	ADD_HTTPS("c.example", 2, "a.example", PORT);
	assert_made(2, (const char *const[]){"\0\1\0" ALPN, "\0\2\0" PORT},
		    (const size_t[]){3 + 7, 3 + 6});
}

static void a_name_with_a_port_leads_to_its_base(void **state)
{
	(void)state;
	begin("_8443._https.a.example", false);
	ADD_HTTPS("_8443._https.a.example", 1, "a.example", ALPN HINT4);
	ASSERT_MADE("\0\1\1a\7example\0" ALPN);
}

static void aliases_and_other_targets_are_no_data(void **state)
{
	(void)state;
	begin("a.example", true);
	assert_empty(make(512));
	assert_false(says_why(make(512)));
	ADD_HTTPS("a.example", 0, ".", "");
	ADD_HTTPS("a.example", 0, "b.example", "");
	ADD_HTTPS("a.example", 1, "b.example", ALPN HINT4);
	assert_empty(make(512));
	assert_true(says_why(make(512)));
	/* The control: one that is right is passed. */
	ADD_HTTPS("a.example", 1, ".", ALPN);
	ASSERT_MADE("\0\1\0" ALPN);
}

static void what_was_left_out_is_told(void **state)
{
	(void)state;
	begin("a.example", true);
	ADD_HTTPS("a.example", 1, ".", MANDATORY_BOTH ALPN ECH);
	add("a.example", TYPE_RRSIG, "\0\x41rest", 6);
	assert_false(says_why(make(512)));
	ADD_HTTPS("a.example", 2, ".", ALPN HINT6);
	assert_true(says_why(make(512)));
	begin("a.example", true);
	add("a.example", DNS_TYPE_CNAME, "\1c\7example", 11);
	ADD_HTTPS("c.example", 1, ".", ALPN);
	assert_true(says_why(make(512)));
	/* NXDOMAIN of a name that has an address. */
	begin("a.example", true);
	t.message[3] |= DNS_RCODE_NXDOMAIN;
	assert_empty(make(512));
	assert_true(says_why(make(512)));
}

static void what_cannot_be_read_is_left_out(void **state)
{
	(void)state;
	begin("a.example", false);
	add("a.example", DNS_TYPE_HTTPS, "\0", 1);
	add("a.example", DNS_TYPE_HTTPS, "\0\1", 2);
	add("a.example", DNS_TYPE_HTTPS, "\0\1\xc0\x0c", 4);
	ADD_HTTPS("a.example", 1, ".", "\0\1\0\x9h2");
	ADD_HTTPS("a.example", 1, ".", "\0\1\0");
	assert_empty(make(512));
}

static void what_does_not_fit_is_truncated(void **state)
{
	struct wire_header header;
	int length;

	(void)state;
	begin("a.example", true);
	for (int i = 0; i < 20; i++)
		ADD_HTTPS("a.example", 1, ".",
			  "\0\5\0\x28"
			  "0123456789012345678901234567890123456789");
	length = make(DNS_UDP_SIZE);
	assert_true(length > 0 && length <= DNS_UDP_SIZE);
	assert_int_equal(wire_header(&header, t.out, (size_t)length), 0);
	assert_true(header.flags & DNS_FLAG_TC);
	assert_int_equal(header.answers, 0);
	assert_int_equal(header.additionals, 1);
}

static void no_bytes_make_it_read_beyond_the_end(void **state)
{
	size_t whole;

	(void)state;
	begin("a.example", true);
	add("a.example", DNS_TYPE_CNAME, "\1c\7example", 11);
	ADD_HTTPS("c.example", 1, ".", MANDATORY_BOTH ALPN HINT4 ECH);
	whole = t.length;
	for (size_t at = DNS_HEADER_SIZE; at < whole; at++) {
		uint8_t byte = t.message[at];

		for (int value = 0; value < 256; value++) {
			t.message[at] = (uint8_t)value;
			assert_true(make(DNS_UDP_SIZE) <= DNS_UDP_SIZE);
		}
		t.message[at] = byte;
	}
	for (t.length = DNS_HEADER_SIZE; t.length < whole; t.length++)
		assert_true(make(DNS_UDP_SIZE) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hints_go_and_the_rest_stays),
		cmocka_unit_test(mandatory_goes_when_nothing_is_left_of_it),
		cmocka_unit_test(cnames_go_and_their_end_is_the_owner),
		cmocka_unit_test(a_name_with_a_port_leads_to_its_base),
		cmocka_unit_test(what_was_left_out_is_told),
		cmocka_unit_test(aliases_and_other_targets_are_no_data),
		cmocka_unit_test(what_cannot_be_read_is_left_out),
		cmocka_unit_test(what_does_not_fit_is_truncated),
		cmocka_unit_test(no_bytes_make_it_read_beyond_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
