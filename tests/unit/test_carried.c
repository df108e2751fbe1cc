// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/carried.h"

#include "dnsd/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TYPE_TXT 16
#define WHY "rule 'MATCH,proxy' (a.yaml:7)"
#define QUESTION "\1a\7example\0\0\x10\0\1"
#define SOA                                                            \
	"\xc0\x0c\0\6\0\1\0\0\0\x3c\0\x16\0\0\0\0\0\1\0\0\0\1\0\0\0\1" \
	"\0\0\0\1\0\0\0\1"
#define TXT "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\3\2hi"
#define CNAME "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\3\1b\0"
#define GLUE "\1m\0\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
#define THEIR_OPT "\0\0\x29\2\0\0\0\0\0\0\0"

static uint8_t out[DNS_MESSAGE_MAX];

static struct question question_of(uint16_t type)
{
	struct question question = {
		.id = 1,
		.rd = true,
		.ad = true,
		.type = type,
		.klass = DNS_CLASS_IN,
		.raw = (const uint8_t *)QUESTION,
		.raw_length = sizeof(QUESTION) - 1,
		.has_edns = true,
	};

	assert_int_equal(name_parse(&question.name, "a.example"), 0);
	return question;
}

#define MAKE(header, rest)                                 \
	make((const uint8_t *)"\0\2" header QUESTION rest, \
	     sizeof("\0\2" header QUESTION rest) - 1)

static int make(const uint8_t *message, size_t length)
{
	const struct question question = question_of(TYPE_TXT);
	const struct ede ede = {EDE_FORGED, WHY};
	const struct answer answer = {.question = &question, .ede = &ede};

	return carried_make(&answer, message, length, out, sizeof(out));
}

/* Does the answer say that it was mended, and by whom? */
static bool says_why(int length)
{
	return length > 0 &&
	       memmem(out, (size_t)length, "\0\x4" WHY, 2 + sizeof(WHY) - 1);
}

static void a_name_that_is_faked_exists(void **state)
{
	struct wire_header header;

	(void)state;
	/* AD is set, and NXDOMAIN. */
	assert_true(says_why(MAKE("\x81\xa3\0\1\0\0\0\1\0\0", SOA)));
	assert_int_equal(wire_header(&header, out, sizeof(out)), 0);
	assert_int_equal(header.rcode, DNS_RCODE_NOERROR);
	assert_int_equal(header.authorities, 1);
	assert_true(says_why(MAKE("\x81\xa3\0\1\0\1\0\1\0\0", CNAME SOA)));
	assert_int_equal(wire_header(&header, out, sizeof(out)), 0);
	assert_int_equal(header.rcode, DNS_RCODE_NOERROR);
	assert_false(header.flags & DNS_FLAG_AD);
	assert_int_equal(header.answers, 1);
}

static void data_pass_as_they_are_without_addresses(void **state)
{
	struct wire_header header;
	int length = MAKE("\x81\xa0\0\1\0\1\0\0\0\2", TXT GLUE THEIR_OPT);

	(void)state;
	assert_true(length > 0);
	assert_int_equal(wire_header(&header, out, (size_t)length), 0);
	assert_true(header.flags & DNS_FLAG_AD);
	assert_int_equal(header.answers, 1);
	assert_int_equal(header.additionals, 1);
	assert_true(says_why(length));
	assert_non_null(memmem(out, (size_t)length, TXT, sizeof(TXT) - 1));
	/* Of what was not changed nothing is said. */
	length = MAKE("\x81\xa0\0\1\0\1\0\0\0\1", TXT THEIR_OPT);
	assert_int_equal(length, DNS_HEADER_SIZE + sizeof(QUESTION) - 1 +
					 sizeof(TXT) - 1 + 11);
	assert_int_equal(MAKE("\x81\xa0\0\1\0\0\0\1\0\0", SOA),
			 DNS_HEADER_SIZE + sizeof(QUESTION) - 1 + sizeof(SOA) -
				 1 + 11);
}

static void https_without_records_is_no_data(void **state)
{
	const struct question question = question_of(DNS_TYPE_HTTPS);
	static const uint8_t nothing[] = "\0\2\x81\x80\0\1\0\0\0\1\0\0"
					 "\1a\7example\0\0\x41\0\1" SOA;
	const struct ede ede = {EDE_FORGED, WHY};
	const struct answer answer = {.question = &question, .ede = &ede};
	struct wire_header header;
	int length = carried_make(&answer, nothing, sizeof(nothing) - 1, out,
				  sizeof(out));

	(void)state;
	/* So says the upstream. */
	assert_true(length > 0);
	assert_false(says_why(length));
	assert_int_equal(wire_header(&header, out, (size_t)length), 0);
	assert_int_equal(header.answers, 0);
	assert_int_equal(header.authorities, 1);
	assert_true(carried_may_be_empty(DNS_TYPE_HTTPS));
	assert_false(carried_may_be_empty(TYPE_TXT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_that_is_faked_exists),
		cmocka_unit_test(data_pass_as_they_are_without_addresses),
		cmocka_unit_test(https_without_records_is_no_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
