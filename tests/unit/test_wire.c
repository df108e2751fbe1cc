// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/wire.h"

#include "common/err.h"
#include "dnsd/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>

/* A message out of records in presentation form, as a real server packs it. */
static uint8_t *make_message(const char *question, ldns_rr_type type,
			     const char *const *records, size_t *length)
{
	ldns_pkt *pkt = ldns_pkt_query_new(ldns_dname_new_frm_str(question),
					   type, LDNS_RR_CLASS_IN, LDNS_RD);
	uint8_t *message;

	assert_non_null(pkt);
	ldns_pkt_set_qr(pkt, true);
	for (; *records; records++) {
		ldns_rr *rr;
		assert_int_equal(
			ldns_rr_new_frm_str(&rr, *records, 60, NULL, NULL),
			LDNS_STATUS_OK);
		assert_true(ldns_pkt_push_rr(pkt, LDNS_SECTION_ANSWER, rr));
	}
	assert_int_equal(ldns_pkt2wire(&message, pkt, length), LDNS_STATUS_OK);
	ldns_pkt_free(pkt);
	return message;
}

static struct name name_of(const char *text)
{
	struct name name;
	assert_int_equal(name_parse(&name, text), 0);
	return name;
}

static struct question question_of(const char *text, ldns_rr_type type)
{
	return (struct question){.name = name_of(text), .type = (uint16_t)type};
}

static void assert_addresses(const char *const *records, const char *question,
			     ldns_rr_type type, const char *const *wanted)
{
	size_t length;
	uint8_t *message = make_message(question, type, records, &length);
	struct question asked = question_of(question, type);
	struct addr addrs[8];
	char text[ADDR_TEXT_SIZE];
	int count = wire_addresses(message, length, &asked, addrs,
				   ARRAY_LEN(addrs));
	for (int i = 0; i < count; i++) {
		assert_non_null(wanted[i]);
		assert_string_equal(addr_format(&addrs[i], text, sizeof(text)),
				    wanted[i]);
	}
	assert_true(count >= 0);
	assert_null(wanted[count]);
	free(message);
}

static void addresses_of_the_name_are_found(void **state)
{
	(void)state;
	static const char *const records[] = {
		"example.com. A 192.0.2.1", "example.com. A 192.0.2.2",
		"other.example. A 192.0.2.3", NULL};
	static const char *const wanted[] = {"192.0.2.1", "192.0.2.2", NULL};
	assert_addresses(records, "Example.COM", LDNS_RR_TYPE_A, wanted);
}

static void aliases_are_followed_in_any_order(void **state)
{
	(void)state;
	static const char *const records[] = {
		"c.example. AAAA 2001:db8::1", "b.example. CNAME C.example.",
		"c.example. A 192.0.2.1", "a.example. CNAME b.example.", NULL};
	static const char *const wanted[] = {"2001:db8::1", NULL};
	assert_addresses(records, "a.example", LDNS_RR_TYPE_AAAA, wanted);
}

static void a_circle_of_aliases_ends_without_an_address(void **state)
{
	(void)state;
	static const char *const records[] = {"a.example. CNAME b.example.",
					      "b.example. CNAME a.example.",
					      NULL};
	static const char *const wanted[] = {NULL};
	assert_addresses(records, "a.example", LDNS_RR_TYPE_A, wanted);
}

static void no_more_addresses_are_taken_than_there_is_room_for(void **state)
{
	(void)state;
	static const char *const records[] = {"a.example. A 192.0.2.1",
					      "a.example. A 192.0.2.2", NULL};
	size_t length;
	uint8_t *message =
		make_message("a.example", LDNS_RR_TYPE_A, records, &length);
	struct question asked = question_of("a.example", LDNS_RR_TYPE_A);
	struct addr addr;
	assert_int_equal(wire_addresses(message, length, &asked, &addr, 1), 1);
	free(message);
}

static void a_name_may_not_point_at_itself_or_forward(void **state)
{
	(void)state;
	struct name name;
	static const uint8_t itself[] = {0xc0, 0x00};
	static const uint8_t forward[] = {0xc0, 0x02, 0x00};
	static const uint8_t circle[] = {0x01, 'a', 0xc0, 0x00};
	static const uint8_t pair[] = {0xc0, 0x02, 0xc0, 0x00};
	assert_int_equal(wire_name(&name, itself, sizeof(itself), 0),
			 ERR_MALFORMED);
	assert_int_equal(wire_name(&name, forward, sizeof(forward), 0),
			 ERR_MALFORMED);
	assert_int_equal(wire_name(&name, circle, sizeof(circle), 0),
			 ERR_MALFORMED);
	assert_int_equal(wire_name(&name, pair, sizeof(pair), 2),
			 ERR_MALFORMED);
	/* The control: the same shape, pointing backwards. */
	static const uint8_t good[] = {0x01, 'B', 0x00, 0x01, 'A', 0xc0, 0x00};
	struct name wanted = name_of("a.b");
	assert_int_equal(wire_name(&name, good, sizeof(good), 3), 0);
	assert_true(name_equal(&name, &wanted));
}

static void a_name_may_not_be_longer_than_255_bytes(void **state)
{
	(void)state;
	/* Labels that end in pointers to the part before. */
	uint8_t bytes[600];
	struct name name;
	size_t at = 0, before = 0;
	bytes[at++] = 0;
	for (int i = 0; i < 5; i++) {
		size_t start = at;
		bytes[at++] = 63;
		memset(bytes + at, 'x', 63);
		at += 63;
		wire_write16(bytes + at, (uint16_t)(0xc000U | before));
		at += 2;
		before = start;
		int ret = wire_name(&name, bytes, at, start);
		/* 3 times 64 bytes and the root fit, 4 times do not. */
		assert_int_equal(ret, i < 3 ? 0 : ERR_MALFORMED);
	}
}

static void a_chain_of_pointers_has_a_bound(void **state)
{
	(void)state;
	/* The root, then pointers that each lead to the one before. */
	uint8_t bytes[1 + 2 * 128] = {0};
	struct name name;
	for (size_t i = 0; i < 128; i++)
		wire_write16(bytes + 1 + 2 * i,
			     (uint16_t)(0xc000U | (i ? 2 * i - 1 : 0)));
	assert_int_equal(wire_name(&name, bytes, sizeof(bytes), 1 + 2 * 126),
			 0);
	assert_int_equal(wire_name(&name, bytes, sizeof(bytes), 1 + 2 * 127),
			 ERR_MALFORMED);
}

/* Reads everything that there is to read. */
static int walk(const uint8_t *message, size_t length)
{
	struct wire_cursor cursor;
	struct wire_record record;
	struct addr addr;
	struct name name;

	int ret = wire_begin(&cursor, message, length);
	while (ret >= 0 && (ret = wire_next(&cursor, &record)) > 0) {
		if (wire_address(&addr, message, &record) == 0 &&
		    wire_name(&name, message, length, record.start) < 0)
			return ERR_MALFORMED;
	}
	return ret;
}

static void every_cut_of_a_message_is_malformed(void **state)
{
	(void)state;
	static const char *const records[] = {"a.example. CNAME b.example.",
					      "b.example. A 192.0.2.1",
					      "b.example. AAAA 2001:db8::1",
					      "b.example. TXT \"hello\"", NULL};
	size_t length;
	uint8_t *message =
		make_message("a.example", LDNS_RR_TYPE_A, records, &length);
	assert_int_equal(walk(message, length), 0);
	for (size_t cut = 0; cut < length; cut++) {
		/* A copy of just that size, so that ASan sees a step beyond. */
		uint8_t *copy = malloc(cut ? cut : 1);
		memcpy(copy, message, cut);
		assert_int_equal(walk(copy, cut), ERR_MALFORMED);
		free(copy);
	}
	free(message);
}

static void every_changed_byte_is_read_without_harm(void **state)
{
	(void)state;
	static const char *const records[] = {
		"a.example. CNAME b.example.", "b.example. A 192.0.2.1",
		"b.example. AAAA 2001:db8::1", NULL};
	size_t length;
	uint8_t *message =
		make_message("a.example", LDNS_RR_TYPE_A, records, &length);
	struct question asked = question_of("a.example", LDNS_RR_TYPE_A);
	struct addr addrs[4];
	for (size_t at = 0; at < length; at++) {
		uint8_t was = message[at];
		for (int value = 0; value < 256; value++) {
			message[at] = (uint8_t)value;
			(void)walk(message, length);
			int ret = wire_addresses(message, length, &asked, addrs,
						 4);
			assert_in_range(ret + 20000, 0, 20004);
		}
		message[at] = was;
	}
	free(message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_the_name_are_found),
		cmocka_unit_test(aliases_are_followed_in_any_order),
		cmocka_unit_test(a_circle_of_aliases_ends_without_an_address),
		cmocka_unit_test(
			no_more_addresses_are_taken_than_there_is_room_for),
		cmocka_unit_test(a_name_may_not_point_at_itself_or_forward),
		cmocka_unit_test(a_name_may_not_be_longer_than_255_bytes),
		cmocka_unit_test(a_chain_of_pointers_has_a_bound),
		cmocka_unit_test(every_cut_of_a_message_is_malformed),
		cmocka_unit_test(every_changed_byte_is_read_without_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
