// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every message that answer.c makes is read back by ldns, which knows nothing
 * of our own reader.
 */
#include "dnsd/answer.h"

#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LABEL "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static const uint8_t plain[] = "\x12\x34\x01\x10\0\1\0\0\0\0\0\0"
			       "\3wWw\7ExAmple\3com\0\0\1\0\1";
static const uint8_t edns[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\1"
			      "\3wWw\7ExAmple\3com\0\0\1\0\1"
			      "\0\0\x29\x10\x00\0\0\x80\0\0\0";
/* 255 bytes of name and EDNS: the largest question there is. */
static const uint8_t longest[] =
	"\x12\x34\x01\0\0\1\0\0\0\0\0\1"
	"\77" LABEL "\77" LABEL "\77" LABEL
	"\75abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi\0"
	"\0\1\0\1"
	"\0\0\x29\x02\x00\0\0\0\0\0\0";

static struct question ask(const uint8_t *query, size_t length)
{
	struct question question;

	assert_int_equal(question_parse(&question, query, length), 0);
	return question;
}

#define ASK(query) ask(query, sizeof(query) - 1)

static ldns_pkt *read_back(const uint8_t *message, size_t length)
{
	ldns_pkt *pkt = NULL;

	assert_int_equal(ldns_wire2pkt(&pkt, message, length), LDNS_STATUS_OK);
	assert_int_equal(ldns_pkt_id(pkt), 0x1234);
	assert_true(ldns_pkt_qr(pkt));
	assert_true(ldns_pkt_ra(pkt));
	assert_true(ldns_pkt_rd(pkt));
	assert_false(ldns_pkt_aa(pkt) || ldns_pkt_ad(pkt));
	return pkt;
}

static void assert_record(const ldns_rr_list *list, const char *text)
{
	char *got;

	assert_int_equal(ldns_rr_list_rr_count(list), 1);
	got = ldns_rr2str(ldns_rr_list_rr(list, 0));
	got[strcspn(got, "\n")] = '\0';
	assert_string_equal(got, text);
	free(got);
}

/* The EDE of a message: its code, or -1; the text goes to `text`. */
static int ede_of(const ldns_pkt *pkt, char *text)
{
	const ldns_rdf *data = ldns_pkt_edns_data(pkt);
	const uint8_t *bytes;
	size_t size;

	text[0] = '\0';
	if (!data)
		return -1;
	bytes = ldns_rdf_data(data);
	size = ldns_rdf_size(data);
	assert_true(size >= 6);
	assert_int_equal(bytes[0] << 8 | bytes[1], 15);
	assert_int_equal(bytes[2] << 8 | bytes[3], size - 4);
	memcpy(text, bytes + 6, size - 6);
	text[size - 6] = '\0';
	return bytes[4] << 8 | bytes[5];
}

static void an_address_keeps_the_case_of_the_question(void **state)
{
	struct question q = ASK(plain);
	const struct answer answer = {.question = &q, .ttl_s = 1};
	const struct addr addr = {ADDR_IPV4, {198, 18, 18, 103}};
	uint8_t out[DNS_EDNS_SIZE];
	size_t length = answer_address(&answer, &addr, out, sizeof(out));
	ldns_pkt *pkt = read_back(out, length);

	(void)state;
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_NOERROR);
	assert_true(ldns_pkt_cd(pkt));
	assert_false(ldns_pkt_edns(pkt));
	assert_memory_equal(out + 12, plain + 12, sizeof(plain) - 13);
	assert_record(ldns_pkt_answer(pkt),
		      "wWw.ExAmple.com.\t1\tIN\tA\t198.18.18.103");
	ldns_pkt_free(pkt);
}

static void an_ipv6_address_with_edns_echoes_do(void **state)
{
	struct question q = ASK(edns);
	const struct answer answer = {.question = &q, .ttl_s = 10};
	const struct addr addr = {ADDR_IPV6,
				  {0x20, 0x01, 0, 2, [14] = 0x12, [15] = 0x67}};
	uint8_t out[DNS_EDNS_SIZE];
	size_t length = answer_address(&answer, &addr, out, sizeof(out));
	ldns_pkt *pkt = read_back(out, length);

	(void)state;
	assert_true(ldns_pkt_edns(pkt));
	assert_true(ldns_pkt_edns_do(pkt));
	assert_int_equal(ldns_pkt_edns_udp_size(pkt), DNS_EDNS_SIZE);
	assert_record(ldns_pkt_answer(pkt),
		      "wWw.ExAmple.com.\t10\tIN\tAAAA\t2001:2::1267");
	ldns_pkt_free(pkt);
}

static void negative_answers_carry_a_soa(void **state)
{
	static const char soa[] =
		"wWw.ExAmple.com.\t1\tIN\tSOA\tersatz.invalid. "
		"nobody.invalid. 1 3600 600 86400 1";
	struct question q = ASK(plain);
	const struct answer answer = {.question = &q, .ttl_s = 1};
	uint8_t out[DNS_EDNS_SIZE];
	size_t length = answer_negative(&answer, DNS_RCODE_NOERROR, out, 512);
	ldns_pkt *pkt = read_back(out, length);

	(void)state;
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_NOERROR);
	assert_int_equal(ldns_pkt_ancount(pkt), 0);
	assert_record(ldns_pkt_authority(pkt), soa);
	ldns_pkt_free(pkt);

	length = answer_negative(&answer, DNS_RCODE_NXDOMAIN, out, 512);
	pkt = read_back(out, length);
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_NXDOMAIN);
	assert_record(ldns_pkt_authority(pkt), soa);
	ldns_pkt_free(pkt);
}

static void a_reverse_name_points_to_the_name(void **state)
{
	static const uint8_t reverse[] =
		"\x12\x34\x01\0\0\1\0\0\0\0\0\0"
		"\003103\00218\00218\003198\7in-addr\4arpa\0\0\14\0\1";
	struct question q = ASK(reverse);
	const struct answer answer = {.question = &q, .ttl_s = 1};
	struct name target;
	uint8_t out[DNS_EDNS_SIZE];
	ldns_pkt *pkt;
	size_t length;

	(void)state;
	assert_int_equal(name_parse(&target, "www.example.com"), 0);
	length = answer_pointer(&answer, &target, out, sizeof(out));
	pkt = read_back(out, length);
	assert_record(ldns_pkt_answer(pkt), "103.18.18.198.in-addr.arpa.\t1\t"
					    "IN\tPTR\twww.example.com.");
	ldns_pkt_free(pkt);
}

static void an_ede_goes_only_to_who_spoke_edns(void **state)
{
	const struct ede ede = {EDE_BLOCKED, "rule 'MATCH,REJECT' (x:1)"};
	struct question q = ASK(edns), old = ASK(plain);
	struct answer answer = {.question = &q, .ede = &ede, .ttl_s = 1};
	uint8_t out[DNS_EDNS_SIZE];
	char text[DNS_EDNS_SIZE];
	size_t length = answer_negative(&answer, DNS_RCODE_NXDOMAIN, out, 512);
	ldns_pkt *pkt = read_back(out, length);

	(void)state;
	assert_int_equal(ede_of(pkt, text), EDE_BLOCKED);
	assert_string_equal(text, ede.text);
	ldns_pkt_free(pkt);

	answer.question = &old;
	length = answer_error(&answer, DNS_RCODE_SERVFAIL, out, 512);
	pkt = read_back(out, length);
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_SERVFAIL);
	assert_false(ldns_pkt_edns(pkt));
	assert_int_equal(length, sizeof(plain) - 1);
	ldns_pkt_free(pkt);
}

static void the_text_of_an_ede_is_cut_to_what_fits(void **state)
{
	char long_text[1000], text[DNS_EDNS_SIZE];
	const struct ede ede = {EDE_OTHER, long_text};
	struct question q = ASK(longest);
	const struct answer answer = {.question = &q, .ede = &ede, .ttl_s = 1};
	uint8_t out[DNS_EDNS_SIZE];
	ldns_pkt *pkt;
	size_t length;

	(void)state;
	/* Characters of two bytes: none may be cut in two. */
	for (size_t i = 0; i < sizeof(long_text) - 2; i += 2)
		memcpy(long_text + i, "\xc3\xa9", 2);
	long_text[998] = '\0';
	length = answer_negative(&answer, DNS_RCODE_NXDOMAIN, out, 512);
	assert_true(length > 0 && length <= 512);
	pkt = read_back(out, length);
	assert_false(ldns_pkt_tc(pkt));
	assert_int_equal(ede_of(pkt, text), EDE_OTHER);
	assert_int_equal(strlen(text) % 2, 0);
	assert_true(strlen(text) > 80);
	ldns_pkt_free(pkt);
}

static void what_does_not_fit_is_truncated(void **state)
{
	struct question q = ASK(longest);
	const struct answer answer = {.question = &q, .ttl_s = 1};
	uint8_t out[DNS_EDNS_SIZE];
	/* The longest name behind the longest question: 549 bytes. */
	size_t length = answer_pointer(&answer, &q.name, out, 512);
	ldns_pkt *pkt = read_back(out, length);

	(void)state;
	assert_true(ldns_pkt_tc(pkt));
	assert_true(ldns_pkt_edns(pkt));
	assert_int_equal(ldns_pkt_ancount(pkt), 0);
	assert_int_equal(ldns_pkt_qdcount(pkt), 1);
	ldns_pkt_free(pkt);
	assert_int_equal(answer_pointer(&answer, &q.name, out, 511), 0);
}

static void badvers_has_its_upper_bits_in_opt(void **state)
{
	struct question q = ASK(edns);
	const struct answer answer = {.question = &q};
	uint8_t out[DNS_EDNS_SIZE];
	size_t length = answer_error(&answer, DNS_RCODE_BADVERS, out, 512);
	ldns_pkt *pkt = read_back(out, length);

	(void)state;
	assert_int_equal(ldns_pkt_get_rcode(pkt), 0);
	assert_int_equal(ldns_pkt_edns_extended_rcode(pkt), 1);
	assert_int_equal(ldns_pkt_edns_version(pkt), 0);
	ldns_pkt_free(pkt);
}

static void an_unreadable_question_gets_a_header(void **state)
{
	static const uint8_t notify[] = "\x12\x34\x21\0\0\0\0\0\0\0\0\0";
	struct question q;
	const struct answer answer = {.question = &q};
	uint8_t out[DNS_EDNS_SIZE];
	ldns_pkt *pkt;
	size_t length;

	(void)state;
	assert_int_equal(question_parse(&q, notify, sizeof(notify) - 1),
			 DNS_RCODE_NOTIMP);
	length = answer_error(&answer, DNS_RCODE_NOTIMP, out, 512);
	assert_int_equal(length, DNS_HEADER_SIZE);
	pkt = read_back(out, length);
	assert_int_equal(ldns_pkt_get_opcode(pkt), LDNS_PACKET_NOTIFY);
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_NOTIMPL);
	ldns_pkt_free(pkt);
}

static void any_is_hinfo(void **state)
{
	struct question q = ASK(plain);
	const struct answer answer = {.question = &q, .ttl_s = 1};
	uint8_t out[DNS_EDNS_SIZE];
	size_t length = answer_any(&answer, out, sizeof(out));
	ldns_pkt *pkt = read_back(out, length);

	(void)state;
	assert_record(ldns_pkt_answer(pkt),
		      "wWw.ExAmple.com.\t1\tIN\tHINFO\t\"RFC8482\" \"\"");
	ldns_pkt_free(pkt);
}

static void a_promise_turns_to_a_failure(void **state)
{
	const struct addr addr = {ADDR_IPV4, {198, 18, 0, 3}};
	const struct ede ede = {EDE_OTHER, "cannot store: disk full"};
	const struct ede forged = {EDE_FORGED, "rule 'MATCH,proxy' (x:1)"};
	struct question q = ASK(edns);
	const struct answer answer = {
		.question = &q, .ede = &forged, .ttl_s = 1};
	uint8_t out[DNS_EDNS_SIZE];
	char text[DNS_EDNS_SIZE];
	size_t length = answer_address(&answer, &addr, out, sizeof(out));
	ldns_pkt *pkt;

	(void)state;
	length = answer_turn_to_failure(out, length, sizeof(out), &ede);
	pkt = read_back(out, length);
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_SERVFAIL);
	assert_int_equal(ldns_pkt_ancount(pkt), 0);
	assert_true(ldns_pkt_edns_do(pkt));
	assert_memory_equal(out + 12, edns + 12, 21);
	assert_int_equal(ede_of(pkt, text), EDE_OTHER);
	assert_string_equal(text, ede.text);
	ldns_pkt_free(pkt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_keeps_the_case_of_the_question),
		cmocka_unit_test(an_ipv6_address_with_edns_echoes_do),
		cmocka_unit_test(negative_answers_carry_a_soa),
		cmocka_unit_test(a_reverse_name_points_to_the_name),
		cmocka_unit_test(an_ede_goes_only_to_who_spoke_edns),
		cmocka_unit_test(the_text_of_an_ede_is_cut_to_what_fits),
		cmocka_unit_test(what_does_not_fit_is_truncated),
		cmocka_unit_test(badvers_has_its_upper_bits_in_opt),
		cmocka_unit_test(an_unreadable_question_gets_a_header),
		cmocka_unit_test(any_is_hinfo),
		cmocka_unit_test(a_promise_turns_to_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
