// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/forwarded.h"

#include "common/err.h"
#include "dnsd/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>

struct fixture {
	struct question question;
	uint8_t raw[NAME_WIRE_MAX + 4];
	ldns_pkt *pkt; /* what the upstream answered */
	uint8_t out[DNS_MESSAGE_MAX];
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct question *question = &f->question;

	*state = f;
	question->id = 0x4711;
	question->rd = true;
	question->type = DNS_TYPE_A;
	question->klass = DNS_CLASS_IN;
	question->udp_size = DNS_UDP_SIZE;
	if (!f || name_parse(&question->name, "www.example.com") < 0)
		return -1;
	memcpy(f->raw, question->name.wire, question->name.length);
	f->raw[1] = 'W';
	wire_write16(f->raw + question->name.length, DNS_TYPE_A);
	wire_write16(f->raw + question->name.length + 2, DNS_CLASS_IN);
	question->raw = f->raw;
	question->raw_length = question->name.length + 4;

	f->pkt = ldns_pkt_query_new(ldns_dname_new_frm_str("www.example.com"),
				    LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN,
				    LDNS_QR | LDNS_AA | LDNS_RA | LDNS_AD);
	ldns_pkt_set_edns_udp_size(f->pkt, 4096);
	return f->pkt ? 0 : -1;
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	ldns_pkt_free(f->pkt);
	free(f);
	return 0;
}

static void push(struct fixture *f, ldns_pkt_section section, const char *text)
{
	ldns_rr *rr;
	assert_int_equal(ldns_rr_new_frm_str(&rr, text, 60, NULL, NULL),
			 LDNS_STATUS_OK);
	assert_true(ldns_pkt_push_rr(f->pkt, section, rr));
}

static int make(struct fixture *f, size_t limit)
{
	uint8_t *message;
	size_t length;
	assert_int_equal(ldns_pkt2wire(&message, f->pkt, &length),
			 LDNS_STATUS_OK);
	int ret = forwarded_make(&f->question, message, length, f->out, limit);
	free(message);
	return ret;
}

/* The same, read by another library. */
static ldns_pkt *make_and_read(struct fixture *f, size_t limit)
{
	ldns_pkt *pkt;
	int length = make(f, limit);
	assert_in_range(length, DNS_HEADER_SIZE, limit);
	assert_int_equal(ldns_wire2pkt(&pkt, f->out, (size_t)length),
			 LDNS_STATUS_OK);
	return pkt;
}

static void the_header_is_that_of_this_hop(void **state)
{
	struct fixture *f = *state;
	ldns_pkt_set_rcode(f->pkt, LDNS_RCODE_NXDOMAIN);
	ldns_pkt *pkt = make_and_read(f, DNS_UDP_SIZE);
	assert_int_equal(ldns_pkt_id(pkt), 0x4711);
	assert_true(ldns_pkt_qr(pkt));
	assert_true(ldns_pkt_rd(pkt));
	assert_true(ldns_pkt_ra(pkt));
	assert_false(ldns_pkt_aa(pkt));
	assert_false(ldns_pkt_ad(pkt));
	assert_false(ldns_pkt_tc(pkt));
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_NXDOMAIN);
	ldns_pkt_free(pkt);

	f->question.ad = true;
	pkt = make_and_read(f, DNS_UDP_SIZE);
	assert_true(ldns_pkt_ad(pkt));
	ldns_pkt_free(pkt);
}

static void the_question_keeps_its_case_and_the_records_stay(void **state)
{
	struct fixture *f = *state;
	push(f, LDNS_SECTION_ANSWER,
	     "www.example.com. 30 CNAME a.example.com.");
	push(f, LDNS_SECTION_ANSWER, "a.example.com. 30 A 192.0.2.1");
	push(f, LDNS_SECTION_AUTHORITY, "example.com. 30 NS ns.example.com.");
	push(f, LDNS_SECTION_ADDITIONAL, "ns.example.com. 30 A 192.0.2.2");
	ldns_pkt *pkt = make_and_read(f, DNS_UDP_SIZE);

	assert_memory_equal(f->out + DNS_HEADER_SIZE, f->raw,
			    f->question.raw_length);
	assert_int_equal(ldns_pkt_ancount(pkt), 2);
	assert_int_equal(ldns_pkt_nscount(pkt), 1);
	assert_int_equal(ldns_pkt_arcount(pkt), 1);
	char *text = ldns_rr_list2str(ldns_pkt_answer(pkt));
	assert_string_equal(text,
			    "Www.example.com.\t30\tIN\tCNAME\ta.example.com.\n"
			    "a.example.com.\t30\tIN\tA\t192.0.2.1\n");
	free(text);
	ldns_pkt_free(pkt);
}

static void opt_is_for_a_client_that_spoke_edns(void **state)
{
	struct fixture *f = *state;
	ldns_pkt *pkt = make_and_read(f, DNS_UDP_SIZE);
	assert_false(ldns_pkt_edns(pkt));
	ldns_pkt_free(pkt);

	f->question.has_edns = true;
	f->question.do_bit = true;
	pkt = make_and_read(f, DNS_UDP_SIZE);
	assert_true(ldns_pkt_edns(pkt));
	assert_true(ldns_pkt_edns_do(pkt));
	assert_int_equal(ldns_pkt_edns_udp_size(pkt), DNS_EDNS_SIZE);
	ldns_pkt_free(pkt);
}

static void what_does_not_fit_is_cut_behind_a_record(void **state)
{
	struct fixture *f = *state;
	f->question.has_edns = true;
	for (int i = 0; i < 40; i++)
		push(f, LDNS_SECTION_ANSWER, "www.example.com. 30 A 192.0.2.1");
	int whole = make(f, DNS_MESSAGE_MAX);
	assert_true(whole > DNS_UDP_SIZE);

	ldns_pkt *pkt = make_and_read(f, (size_t)whole);
	assert_false(ldns_pkt_tc(pkt));
	assert_int_equal(ldns_pkt_ancount(pkt), 40);
	ldns_pkt_free(pkt);

	/* Some clients take what there is and do not ask again. */
	pkt = make_and_read(f, (size_t)whole - 1);
	assert_true(ldns_pkt_tc(pkt));
	assert_int_equal(ldns_pkt_ancount(pkt), 39);
	assert_int_equal(ldns_pkt_qdcount(pkt), 1);
	assert_true(ldns_pkt_edns(pkt));
	ldns_pkt_free(pkt);

	/* Others verify, and a part cannot be. */
	f->question.do_bit = true;
	pkt = make_and_read(f, (size_t)whole - 1);
	assert_true(ldns_pkt_tc(pkt));
	assert_int_equal(ldns_pkt_ancount(pkt), 0);
	ldns_pkt_free(pkt);
}

static void what_stands_behind_opt_goes_with_it(void **state)
{
	struct fixture *f = *state;
	struct question *question = &f->question;
	static const uint8_t opt[] = {0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t a[] = {0xc0, 0x0c, 0, 1, 0,   1, 0, 0,
				    0,    30,   0, 4, 192, 0, 2, 1};
	uint8_t message[DNS_UDP_SIZE] = {0, 0, 0x81, 0x80, 0, 1,
					 0, 0, 0,    0,    0, 3};
	uint8_t *at = message + DNS_HEADER_SIZE;
	memcpy(at, f->raw, question->raw_length);
	at += question->raw_length;
	memcpy(at, a, sizeof(a));
	memcpy(at + sizeof(a), opt, sizeof(opt));
	memcpy(at + sizeof(a) + sizeof(opt), a, sizeof(a));
	at += 2 * sizeof(a) + sizeof(opt);

	int length = forwarded_make(question, message, (size_t)(at - message),
				    f->out, DNS_UDP_SIZE);
	assert_int_equal(length,
			 DNS_HEADER_SIZE + question->raw_length + sizeof(a));
	assert_int_equal(wire_read16(f->out + 10), 1);
}

static void records_that_cannot_be_read_are_malformed(void **state)
{
	struct fixture *f = *state;
	uint8_t message[DNS_HEADER_SIZE + NAME_WIRE_MAX + 4] = {
		0, 0, 0x81, 0x80, 0, 1, 0, 1};
	size_t length = DNS_HEADER_SIZE + f->question.raw_length;
	memcpy(message + DNS_HEADER_SIZE, f->raw, f->question.raw_length);
	assert_int_equal(forwarded_make(&f->question, message, length, f->out,
					DNS_UDP_SIZE),
			 ERR_MALFORMED);
	message[7] = 0;
	assert_int_equal(forwarded_make(&f->question, message, length, f->out,
					DNS_UDP_SIZE),
			 length);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, make_fixture, drop_fixture)
	const struct CMUnitTest tests[] = {
		TEST(the_header_is_that_of_this_hop),
		TEST(the_question_keeps_its_case_and_the_records_stay),
		TEST(opt_is_for_a_client_that_spoke_edns),
		TEST(what_does_not_fit_is_cut_behind_a_record),
		TEST(what_stands_behind_opt_goes_with_it),
		TEST(records_that_cannot_be_read_are_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
