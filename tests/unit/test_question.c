// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/question.h"

#include "common/err.h"
#include "dnsd/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADER "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define HEADER_OPT "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
#define WWW "\3wWw\7ExAmple\3com\0"
#define A_IN "\0\1\0\1"
/* Size 4096, version 0, DO. */
#define OPT "\0\0\x29\x10\x00\0\0\x80\0\0\0"

/*
 * Parses a copy of exactly that size, so that the sanitizer sees a read
 * beyond its end.
 */
static int parse(struct question *question, const char *bytes, size_t length)
{
	uint8_t *copy = malloc(length ? length : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	ret = question_parse(question, copy, length);
	if (ret >= 0 && question->raw_length)
		assert_memory_equal(question->raw, copy + DNS_HEADER_SIZE,
				    question->raw_length);
	free(copy);
	return ret;
}

#define PARSE(question, bytes) parse(question, bytes, sizeof(bytes) - 1)

static void a_plain_question_is_read(void **state)
{
	struct question q;
	struct name www;

	(void)state;
	assert_int_equal(name_parse(&www, "www.example.com"), 0);
	assert_int_equal(PARSE(&q, HEADER WWW A_IN), 0);
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, DNS_TYPE_A);
	assert_int_equal(q.klass, DNS_CLASS_IN);
	assert_true(name_equal(&q.name, &www));
	assert_int_equal(q.raw_length, 21);
	assert_true(q.rd);
	assert_false(q.cd || q.ad || q.has_edns || q.do_bit);
	assert_int_equal(q.udp_size, DNS_UDP_SIZE);
}

static void edns_gives_size_and_do(void **state)
{
	struct question q;

	(void)state;
	assert_int_equal(PARSE(&q, HEADER_OPT WWW A_IN OPT), 0);
	assert_true(q.has_edns);
	assert_true(q.do_bit);
	assert_int_equal(q.udp_size, DNS_EDNS_SIZE);
	assert_int_equal(
		PARSE(&q, HEADER_OPT WWW A_IN "\0\0\x29\0\x10\0\0\0\0\0\0"), 0);
	assert_int_equal(q.udp_size, DNS_UDP_SIZE);
}

static void a_later_version_of_edns_is_told(void **state)
{
	struct question q;

	(void)state;
	assert_int_equal(
		PARSE(&q, HEADER_OPT WWW A_IN "\0\0\x29\x10\0\0\1\0\0\0\0"),
		DNS_RCODE_BADVERS);
	assert_true(q.has_edns);
	assert_int_equal(q.raw_length, 21);
}

static void two_opts_or_one_with_a_name_are_formerr(void **state)
{
	struct question q;

	(void)state;
	assert_int_equal(PARSE(&q, "\0\1\0\0\0\1\0\0\0\0\0\2" WWW A_IN OPT OPT),
			 DNS_RCODE_FORMERR);
	assert_int_equal(PARSE(&q, HEADER_OPT WWW A_IN "\1x" OPT),
			 DNS_RCODE_FORMERR);
}

static void answers_and_fragments_are_dropped(void **state)
{
	struct question q;

	(void)state;
	assert_int_equal(PARSE(&q, ""), ERR_MALFORMED);
	assert_int_equal(PARSE(&q, "\0\1\0\0\0\1\0\0\0\0\0"), ERR_MALFORMED);
	assert_int_equal(PARSE(&q, "\0\1\x80\0\0\1\0\0\0\0\0\0" WWW A_IN),
			 ERR_MALFORMED);
}

static void other_opcodes_are_not_implemented(void **state)
{
	struct question q;

	(void)state;
	for (int opcode = 1; opcode < 16; opcode++) {
		char query[] = HEADER WWW A_IN;

		query[2] = (char)(opcode << 3);
		assert_int_equal(PARSE(&q, query), DNS_RCODE_NOTIMP);
		assert_int_equal(q.opcode, opcode);
		assert_int_equal(q.id, 0x1234);
	}
}

static void no_question_or_two_are_formerr(void **state)
{
	struct question q;

	(void)state;
	assert_int_equal(PARSE(&q, "\0\1\0\0\0\0\0\0\0\0\0\0"),
			 DNS_RCODE_FORMERR);
	assert_int_equal(q.raw_length, 0);
	assert_int_equal(
		PARSE(&q, "\0\1\0\0\0\2\0\0\0\0\0\0" WWW A_IN WWW A_IN),
		DNS_RCODE_FORMERR);
}

static void a_cookie_needs_no_question(void **state)
{
	struct question q;

	(void)state;
	assert_int_equal(PARSE(&q, "\0\1\0\0\0\0\0\0\0\0\0\1"
				   "\0\0\x29\4\xd0\0\0\0\0\0\xc"
				   "\0\xa\0\x8"
				   "abcdefgh"),
			 0);
	assert_true(q.has_cookie);
	assert_int_equal(q.raw_length, 0);
	assert_int_equal(PARSE(&q, "\0\1\0\0\0\0\0\0\0\0\0\1" OPT),
			 DNS_RCODE_FORMERR);
	assert_true(q.has_edns);
}

static void compression_in_the_question_is_formerr(void **state)
{
	struct question q;

	(void)state;
	assert_int_equal(PARSE(&q, HEADER "\xc0\x0c" A_IN), DNS_RCODE_FORMERR);
	assert_int_equal(PARSE(&q, HEADER "\1x\xc0\x0c" A_IN),
			 DNS_RCODE_FORMERR);
}

static void other_classes_and_transfers_are_refused(void **state)
{
	struct question q;

	(void)state;
	assert_int_equal(PARSE(&q, HEADER WWW "\0\1\0\3"), DNS_RCODE_REFUSED);
	assert_int_equal(PARSE(&q, HEADER WWW "\0\1\0\xff"), DNS_RCODE_REFUSED);
	assert_int_equal(PARSE(&q, HEADER WWW "\0\xfc\0\1"), DNS_RCODE_REFUSED);
	assert_int_equal(PARSE(&q, HEADER WWW "\0\xff\0\1"), 0);
}

/* Every query cut at every byte, and every byte changed to every value. */
static void no_bytes_make_it_read_beyond_the_end(void **state)
{
	static const char query[] = HEADER_OPT WWW A_IN OPT;
	struct question q;

	(void)state;
	for (size_t length = 0; length < sizeof(query) - 1; length++)
		assert_int_not_equal(parse(&q, query, length), 0);
	for (size_t at = 0; at < sizeof(query) - 1; at++) {
		char bent[sizeof(query)];

		memcpy(bent, query, sizeof(query));
		for (int value = 0; value < 256; value++) {
			bent[at] = (char)value;
			assert_true(PARSE(&q, bent) <= DNS_RCODE_BADVERS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_question_is_read),
		cmocka_unit_test(edns_gives_size_and_do),
		cmocka_unit_test(a_later_version_of_edns_is_told),
		cmocka_unit_test(two_opts_or_one_with_a_name_are_formerr),
		cmocka_unit_test(answers_and_fragments_are_dropped),
		cmocka_unit_test(other_opcodes_are_not_implemented),
		cmocka_unit_test(no_question_or_two_are_formerr),
		cmocka_unit_test(a_cookie_needs_no_question),
		cmocka_unit_test(compression_in_the_question_is_formerr),
		cmocka_unit_test(other_classes_and_transfers_are_refused),
		cmocka_unit_test(no_bytes_make_it_read_beyond_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
