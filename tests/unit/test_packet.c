// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#define ID 0x1234

static struct question question_of(const char *text, uint16_t type)
{
	struct question question = {
		.rd = true, .type = type, .klass = DNS_CLASS_IN};
	assert_int_equal(name_parse(&question.name, text), 0);
	return question;
}

/* An answer with those bytes of a header, our question, and one address. */
struct answer {
	uint8_t bytes[512];
	size_t length;
};

static struct answer answer_to(const struct question *question,
			       const char *address)
{
	struct answer answer = {.length = 0};
	answer.length = packet_query(question, ID, false, answer.bytes);
	wire_write16(answer.bytes + 2, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
	if (!address)
		return answer;

	struct addr addr;
	assert_int_equal(addr_parse(&addr, address), 0);
	bool is_ipv4 = addr.family == ADDR_IPV4;
	uint8_t *at = answer.bytes + answer.length;
	wire_write16(at, 0xc00c);
	wire_write16(at + 2, is_ipv4 ? DNS_TYPE_A : DNS_TYPE_AAAA);
	wire_write16(at + 4, DNS_CLASS_IN);
	wire_write32(at + 6, 60);
	wire_write16(at + 10, (uint16_t)addr_size(&addr));
	memcpy(at + 12, addr.bytes, addr_size(&addr));
	answer.length += 12 + addr_size(&addr);
	wire_write16(answer.bytes + 6, 1);
	return answer;
}

static enum packet_kind check(const struct question *question,
			      const struct answer *answer)
{
	struct fake_pool pool = fake_pool_default();
	struct packet_wanted wanted = {question, ID, &pool};
	return packet_check(&wanted, answer->bytes, answer->length, NULL);
}

static void set_rcode(struct answer *answer, uint8_t rcode)
{
	answer->bytes[3] = (uint8_t)((answer->bytes[3] & 0xf0U) | rcode);
}

static void a_query_is_what_another_library_reads(void **state)
{
	(void)state;
	struct question question = question_of("Example.com", 16);
	uint8_t query[PACKET_QUERY_MAX];
	question.do_bit = true;
	question.cd = true;
	size_t length = packet_query(&question, ID, true, query);

	ldns_pkt *pkt;
	assert_int_equal(ldns_wire2pkt(&pkt, query, length), LDNS_STATUS_OK);
	assert_int_equal(ldns_pkt_id(pkt), ID);
	assert_true(ldns_pkt_rd(pkt));
	assert_true(ldns_pkt_cd(pkt));
	assert_true(ldns_pkt_ad(pkt));
	assert_false(ldns_pkt_qr(pkt));
	assert_true(ldns_pkt_edns(pkt));
	assert_true(ldns_pkt_edns_do(pkt));
	assert_int_equal(ldns_pkt_edns_udp_size(pkt), DNS_EDNS_SIZE);
	assert_null(ldns_pkt_edns_data(pkt));
	ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_question(pkt), 0);
	char *name = ldns_rdf2str(ldns_rr_owner(rr));
	assert_string_equal(name, "example.com.");
	assert_int_equal(ldns_rr_get_type(rr), LDNS_RR_TYPE_TXT);
	free(name);
	ldns_pkt_free(pkt);
}

static void the_longest_query_fits(void **state)
{
	(void)state;
	char text[256];
	for (int i = 0; i < 127; i++)
		memcpy(text + 2 * i, "a.", 2);
	text[254] = '\0';
	struct question question = question_of(text, 1);
	uint8_t query[PACKET_QUERY_MAX];
	assert_int_equal(question.name.length, 255);
	size_t length = packet_query(&question, ID, true, query);
	assert_in_range(length, 255, PACKET_QUERY_MAX);
	assert_int_equal(packet_pad(&question, query, length),
			 PACKET_QUERY_MAX);
}

static void padding_hides_the_length_of_the_name(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "example.com",
					    "a-longer.name.example.com"};
	uint8_t query[PACKET_QUERY_MAX];
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct question question = question_of(names[i], 1);
		size_t length = packet_query(&question, ID, true, query);
		assert_int_equal(packet_pad(&question, query, length),
				 PACKET_BLOCK);
		ldns_pkt *pkt;
		assert_int_equal(ldns_wire2pkt(&pkt, query, PACKET_BLOCK),
				 LDNS_STATUS_OK);
		ldns_rdf *data = ldns_pkt_edns_data(pkt);
		assert_non_null(data);
		assert_int_equal(ldns_rdf_data(data)[1], 12);
		ldns_pkt_free(pkt);
	}
}

static void a_subnet_is_cut_to_its_bits(void **state)
{
	(void)state;
	struct question question = question_of("example.com", 1);
	uint8_t query[PACKET_QUERY_MAX];
	struct prefix subnet;
	assert_int_equal(prefix_parse(&subnet, "192.0.2.0/23"), 0);
	size_t length = packet_query(&question, ID, true, query);
	length = packet_add_subnet(&question, &subnet, query, length);
	assert_memory_equal(query + length - 13,
			    "\0\13\0\10\0\7\0\1\27\0\300\0\2", 13);
	assert_int_equal(packet_pad(&question, query, length), PACKET_BLOCK);
	ldns_pkt *pkt;
	assert_int_equal(ldns_wire2pkt(&pkt, query, PACKET_BLOCK),
			 LDNS_STATUS_OK);
	ldns_pkt_free(pkt);
}

static void the_right_answer_is_taken(void **state)
{
	(void)state;
	struct question question = question_of("example.com", 1);
	struct answer answer = answer_to(&question, "192.0.2.1");
	assert_int_equal(check(&question, &answer), PACKET_ANSWER);

	set_rcode(&answer, DNS_RCODE_NXDOMAIN);
	assert_int_equal(check(&question, &answer), PACKET_ANSWER);
	answer.bytes[DNS_HEADER_SIZE + 1] = 'E';
	assert_int_equal(check(&question, &answer), PACKET_ANSWER);
}

static void another_id_is_foreign(void **state)
{
	(void)state;
	struct question question = question_of("example.com", 1);
	struct answer answer = answer_to(&question, "192.0.2.1");
	wire_write16(answer.bytes, ID + 1);
	assert_int_equal(check(&question, &answer), PACKET_FOREIGN);
}

static void another_question_is_foreign(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint16_t type;
	} others[] = {{"example.com", 28},
		      {"example.net", 1},
		      {"xexample.com", 1},
		      {"com", 1}};
	struct question question = question_of("example.com", 1);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct question other =
			question_of(others[i].name, others[i].type);
		struct answer answer = answer_to(&other, "192.0.2.1");
		assert_int_equal(check(&question, &answer), PACKET_FOREIGN);
	}
	struct question chaos = question;
	chaos.klass = 3;
	struct answer answer = answer_to(&chaos, NULL);
	assert_int_equal(check(&question, &answer), PACKET_FOREIGN);
}

static void what_is_no_answer_is_foreign(void **state)
{
	(void)state;
	struct question question = question_of("example.com", 1);
	struct answer answer = answer_to(&question, "192.0.2.1");

	answer.bytes[2] &= 0x7fU;
	assert_int_equal(check(&question, &answer), PACKET_FOREIGN);
	answer.bytes[2] |= 0x80U | 0x20U;
	assert_int_equal(check(&question, &answer), PACKET_FOREIGN);

	answer = answer_to(&question, "192.0.2.1");
	wire_write16(answer.bytes + 4, 0);
	assert_int_equal(check(&question, &answer), PACKET_FOREIGN);
	wire_write16(answer.bytes + 4, 2);
	assert_int_equal(check(&question, &answer), PACKET_FOREIGN);
	for (size_t cut = 0; cut < DNS_HEADER_SIZE; cut++) {
		answer.length = cut;
		assert_int_equal(check(&question, &answer), PACKET_FOREIGN);
	}
}

static void a_truncated_answer_is_asked_for_again(void **state)
{
	(void)state;
	struct question question = question_of("example.com", 1);
	struct answer answer = answer_to(&question, NULL);
	answer.bytes[2] |= DNS_FLAG_TC >> 8;
	assert_int_equal(check(&question, &answer), PACKET_TRUNCATED);
}

static void failures_are_told_apart(void **state)
{
	(void)state;
	static const struct {
		uint8_t rcode;
		enum packet_kind kind;
	} cases[] = {{DNS_RCODE_FORMERR, PACKET_NO_EDNS},
		     {DNS_RCODE_NOTIMP, PACKET_NO_EDNS},
		     {DNS_RCODE_SERVFAIL, PACKET_FAILURE},
		     {DNS_RCODE_REFUSED, PACKET_FAILURE},
		     {6, PACKET_ANSWER}};
	struct question question = question_of("example.com", 1);
	struct answer answer = answer_to(&question, NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		set_rcode(&answer, cases[i].rcode);
		assert_int_equal(check(&question, &answer), cases[i].kind);
	}
}

static void a_bare_header_that_refuses_is_taken(void **state)
{
	(void)state;
	struct question question = question_of("example.com", 1);
	struct answer answer = answer_to(&question, NULL);
	answer.length = DNS_HEADER_SIZE;
	wire_write16(answer.bytes + 4, 0);
	set_rcode(&answer, DNS_RCODE_FORMERR);
	assert_int_equal(check(&question, &answer), PACKET_NO_EDNS);
}

static void records_that_end_early_are_malformed(void **state)
{
	(void)state;
	struct question question = question_of("example.com", 1);
	struct answer answer = answer_to(&question, "192.0.2.1");
	answer.length--;
	assert_int_equal(check(&question, &answer), PACKET_MALFORMED);
	answer = answer_to(&question, "192.0.2.1");
	wire_write16(answer.bytes + 6, 2);
	assert_int_equal(check(&question, &answer), PACKET_MALFORMED);
}

static void an_address_of_our_own_pool_is_poison(void **state)
{
	(void)state;
	static const char *const addresses[] = {"198.18.0.77", "198.19.255.255",
						"2001:2::77"};
	struct question question = question_of("example.com", 1);
	struct fake_pool pool = fake_pool_default();
	struct packet_wanted wanted = {&question, ID, &pool};
	struct addr poison;
	char text[ADDR_TEXT_SIZE];
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		struct answer answer = answer_to(&question, addresses[i]);
		assert_int_equal(packet_check(&wanted, answer.bytes,
					      answer.length, &poison),
				 PACKET_POISONED);
		assert_string_equal(addr_format(&poison, text, sizeof(text)),
				    addresses[i]);
	}
	struct answer answer = answer_to(&question, "198.20.0.1");
	assert_int_equal(check(&question, &answer), PACKET_ANSWER);
}

static void rcodes_have_names(void **state)
{
	(void)state;
	char text[16];
	uint8_t message[DNS_HEADER_SIZE] = {0, 0, 0x80, 2};
	assert_string_equal(packet_rcode(message, text, sizeof(text)),
			    "SERVFAIL");
	message[3] = 11;
	assert_string_equal(packet_rcode(message, text, sizeof(text)),
			    "RCODE 11");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_is_what_another_library_reads),
		cmocka_unit_test(the_longest_query_fits),
		cmocka_unit_test(padding_hides_the_length_of_the_name),
		cmocka_unit_test(a_subnet_is_cut_to_its_bits),
		cmocka_unit_test(the_right_answer_is_taken),
		cmocka_unit_test(another_id_is_foreign),
		cmocka_unit_test(another_question_is_foreign),
		cmocka_unit_test(what_is_no_answer_is_foreign),
		cmocka_unit_test(a_truncated_answer_is_asked_for_again),
		cmocka_unit_test(failures_are_told_apart),
		cmocka_unit_test(a_bare_header_that_refuses_is_taken),
		cmocka_unit_test(records_that_end_early_are_malformed),
		cmocka_unit_test(an_address_of_our_own_pool_is_poison),
		cmocka_unit_test(rcodes_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
