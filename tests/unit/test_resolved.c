// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/resolved.h"

#include "common/err.h"
#include "dnsd/upstream/packet.h"
#include "dnsd/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct message {
	struct question question;
	uint8_t bytes[512];
	size_t length;
};

/* An answer to example.com, A, with that rcode and record count. */
static void make(struct message *message, uint8_t rcode, uint16_t records)
{
	static const uint8_t a[] = {0xc0, 12, 0, 1, 0,   1, 0, 0,
				    0,    60, 0, 4, 192, 0, 2, 1};
	struct question *question = &message->question;

	memset(message, 0, sizeof(*message));
	question->type = DNS_TYPE_A;
	question->klass = DNS_CLASS_IN;
	assert_int_equal(name_parse(&question->name, "example.com"), 0);
	message->length = packet_query(question, 1, false, message->bytes);
	wire_write16(message->bytes + 2, DNS_FLAG_QR | rcode);
	wire_write16(message->bytes + 6, records);
	memcpy(message->bytes + message->length, a, sizeof(a));
	message->length += sizeof(a);
}

static enum resolved_kind read_it(const struct message *message, int status,
				  struct facts *facts)
{
	struct upstream_result result = {.status = status,
					 .message = message->bytes,
					 .length = message->length};
	*facts = (struct facts){.name = &message->question.name};
	return resolved_read(facts, &message->question, &result);
}

static void an_address_becomes_a_fact(void **state)
{
	(void)state;
	struct message message;
	struct facts facts;
	make(&message, DNS_RCODE_NOERROR, 1);
	assert_int_equal(read_it(&message, 0, &facts), RESOLVED_ADDRESS);
	assert_int_equal(addr_to_ipv4(&facts.dst), 0xc0000201);
	assert_false(facts.is_final);
}

static void no_address_of_this_type_is_no_reason_to_decide(void **state)
{
	(void)state;
	struct message message;
	struct facts facts;
	make(&message, DNS_RCODE_NOERROR, 0);
	assert_int_equal(read_it(&message, 0, &facts), RESOLVED_NODATA);
	assert_false(facts.is_final);
}

static void what_stays_unknown_is_final(void **state)
{
	(void)state;
	struct message message;
	struct facts facts;
	make(&message, DNS_RCODE_NXDOMAIN, 0);
	assert_int_equal(read_it(&message, 0, &facts), RESOLVED_UNKNOWN);
	assert_true(facts.is_final);
	assert_int_equal(read_it(&message, ERR_TIMEOUT, &facts),
			 RESOLVED_UNKNOWN);
	assert_true(facts.is_final);
	assert_int_equal(facts.dst.family, ADDR_NONE);
}

static void the_end_of_the_daemon_is_no_answer(void **state)
{
	(void)state;
	struct message message;
	struct facts facts;
	make(&message, DNS_RCODE_NOERROR, 1);
	assert_int_equal(read_it(&message, -ECANCELED, &facts),
			 RESOLVED_CANCELED);
	assert_false(facts.is_final);
}

static void what_cannot_be_read_is_malformed(void **state)
{
	(void)state;
	struct message message;
	struct facts facts;
	make(&message, DNS_RCODE_NOERROR, 2);
	assert_int_equal(read_it(&message, 0, &facts), RESOLVED_MALFORMED);
	message.length = 4;
	assert_int_equal(read_it(&message, 0, &facts), RESOLVED_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_becomes_a_fact),
		cmocka_unit_test(
			no_address_of_this_type_is_no_reason_to_decide),
		cmocka_unit_test(what_stays_unknown_is_final),
		cmocka_unit_test(the_end_of_the_daemon_is_no_answer),
		cmocka_unit_test(what_cannot_be_read_is_malformed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
