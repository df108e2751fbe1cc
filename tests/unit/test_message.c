// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>

static const char *answer_text(ldns_pkt_rcode rcode, const char *const *records,
			       char *out, size_t size)
{
	ldns_pkt *pkt =
		ldns_pkt_query_new(ldns_dname_new_frm_str("example.com"),
				   LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, LDNS_QR);
	uint8_t *message;
	size_t length;

	assert_non_null(pkt);
	ldns_pkt_set_rcode(pkt, rcode);
	for (; *records; records++) {
		ldns_rr *rr;
		assert_int_equal(
			ldns_rr_new_frm_str(&rr, *records, 60, NULL, NULL),
			LDNS_STATUS_OK);
		assert_true(ldns_pkt_push_rr(pkt, LDNS_SECTION_ANSWER, rr));
	}
	assert_int_equal(ldns_pkt2wire(&message, pkt, &length), LDNS_STATUS_OK);
	message_answer_text(message, length, out, size);
	ldns_pkt_free(pkt);
	free(message);
	return out;
}

static void types_are_known_by_name_and_by_number(void **state)
{
	(void)state;
	char text[16];
	assert_int_equal(message_type_of("AAAA"), 28);
	assert_int_equal(message_type_of("mx"), 15);
	assert_int_equal(message_type_of("HTTPS"), 65);
	assert_int_equal(message_type_of("TYPE64999"), 64999);
	assert_int_equal(message_type_of("BANANA"), -EINVAL);
	assert_int_equal(message_type_of(""), -EINVAL);
	assert_int_equal(message_type_of("TYPE70000"), -EINVAL);
	assert_string_equal(message_type_text(28, text, sizeof(text)), "AAAA");
	assert_string_equal(message_type_text(64999, text, sizeof(text)),
			    "TYPE64999");
}

static void addresses_stand_alone_and_data_behind_its_type(void **state)
{
	(void)state;
	static const char *const alias[] = {"example.com. CNAME b.example.",
					    "b.example. A 192.0.2.1",
					    "b.example. A 192.0.2.2", NULL};
	static const char *const mail[] = {"example.com. MX 10 mx.example.",
					   NULL};
	char text[128];
	assert_string_equal(
		answer_text(LDNS_RCODE_NOERROR, alias, text, sizeof(text)),
		"CNAME b.example, 192.0.2.1, 192.0.2.2");
	assert_string_equal(
		answer_text(LDNS_RCODE_NOERROR, mail, text, sizeof(text)),
		"MX 10 mx.example");
}

static void nothing_has_a_word_of_its_own(void **state)
{
	(void)state;
	static const char *const none[] = {NULL};
	char text[64];
	assert_string_equal(
		answer_text(LDNS_RCODE_NOERROR, none, text, sizeof(text)),
		"no data");
	assert_string_equal(
		answer_text(LDNS_RCODE_NXDOMAIN, none, text, sizeof(text)),
		"NXDOMAIN");
	assert_string_equal(message_answer_text((const uint8_t *)"x", 1, text,
						sizeof(text)),
			    "an answer that cannot be read");
}

static void what_does_not_fit_is_cut(void **state)
{
	(void)state;
	static const char *const many[] = {"example.com. A 192.0.2.1",
					   "example.com. A 192.0.2.2",
					   "example.com. A 192.0.2.3", NULL};
	char text[28];
	for (size_t size = 16; size <= sizeof(text); size++) {
		answer_text(LDNS_RCODE_NOERROR, many, text, size);
		assert_true(strlen(text) < size);
		assert_string_equal(text + strlen(text) - 3, "...");
	}
	assert_string_equal(text, "192.0.2.1, 192.0.2.2, ...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_known_by_name_and_by_number),
		cmocka_unit_test(
			addresses_stand_alone_and_data_behind_its_type),
		cmocka_unit_test(nothing_has_a_word_of_its_own),
		cmocka_unit_test(what_does_not_fit_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
