// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an answer says that is kept and is not what was asked for; lookup.h is
 * played by the test.
 */
#include "dnsd/query.h"

#include "dnsd/wire.h"
#include "tests/unit/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct {
	struct queries *queries;
	struct queries_counters counters;
	struct config config;
	struct question question;
	uint8_t raw[NAME_WIRE_MAX + 4];
	struct dns_message message;
	struct upstream_result result;
	uint8_t reply[DNS_EDNS_SIZE];
	size_t length;
} t;

int __wrap_lookups_ask(struct lookups *lookups, int index,
		       const struct question *question,
		       struct lookup_waiter *waiter);
bool __wrap_lookups_find(struct lookups *lookups, int index,
			 const struct question *question, int64_t now_ms,
			 struct upstream_result *result);

int __wrap_lookups_ask(struct lookups *lookups, int index,
		       const struct question *question,
		       struct lookup_waiter *waiter)
{
	(void)lookups, (void)index, (void)question;
	waiter->fn(waiter->ctx, &t.result);
	return 0;
}

bool __wrap_lookups_find(struct lookups *lookups, int index,
			 const struct question *question, int64_t now_ms,
			 struct upstream_result *result)
{
	(void)lookups, (void)index, (void)question, (void)now_ms;
	*result = t.result;
	return !t.result.is_stale;
}

static void on_reply(void *ctx, const struct asker *asker,
		     const struct question *question,
		     const struct query_reply *reply)
{
	(void)ctx, (void)asker, (void)question;
	assert_true(reply->length <= sizeof(t.reply));
	memcpy(t.reply, reply->message, reply->length);
	t.length = reply->length;
}

static const struct query_ops ops = {.reply = on_reply};

static int set_up(void **state)
{
	const struct queries_conf conf = {.config = &t.config,
					  .counters = &t.counters,
					  .ops = &ops,
					  .max = 1};

	(void)state;
	memset(&t, 0, sizeof(t));
	t.question = (struct question){.rd = true,
				       .type = DNS_TYPE_A,
				       .klass = DNS_CLASS_IN,
				       .has_edns = true,
				       .udp_size = DNS_UDP_SIZE,
				       .raw = t.raw};
	assert_int_equal(name_parse(&t.question.name, "example.com"), 0);
	memcpy(t.raw, t.question.name.wire, t.question.name.length);
	wire_write16(t.raw + t.question.name.length, DNS_TYPE_A);
	wire_write16(t.raw + t.question.name.length + 2, DNS_CLASS_IN);
	t.question.raw_length = t.question.name.length + 4;
	return queries_new(&t.queries, &conf);
}

static int tear_down(void **state)
{
	(void)state;
	queries_free(t.queries);
	return 0;
}

/* The reply ends in these bytes. */
static void assert_ends(uint8_t rcode, const char *bytes, size_t length)
{
	const struct asker asker = {.is_tcp = false};

	dns_message_begin(&t.message, &t.question, rcode);
	t.result.message = t.message.bytes;
	t.result.length = t.message.length;
	t.result.is_cached = true;
	t.length = 0;
	queries_forward(t.queries, &asker, &t.question, UPSTREAM_DEFAULT);
	assert_true(t.length > length);
	assert_memory_equal(t.reply + t.length - length, bytes, length);
}

/* Length of OPT's data, option 15 and its length, code. */
static void a_stale_answer_says_so(void **state)
{
	(void)state;
	t.result.is_stale = true;
	t.result.ede = 3;
	assert_ends(DNS_RCODE_NOERROR, "\0\6\0\17\0\2\0\3", 8);
	/* RFC 8914 4.20: one that says that there is no such name has 19. */
	assert_ends(DNS_RCODE_NXDOMAIN, "\0\6\0\17\0\2\0\23", 8);
}

static void one_made_of_another_says_so(void **state)
{
	(void)state;
	t.result.ede = 29;
	t.result.why = "there is none";
	assert_ends(DNS_RCODE_NXDOMAIN, "\0\x13\0\17\0\xf\0\x1dthere is none",
		    21);
}

static void what_was_asked_for_says_nothing(void **state)
{
	(void)state;
	assert_ends(DNS_RCODE_NOERROR, "\0\0", 2);
	assert_ends(DNS_RCODE_NXDOMAIN, "\0\0", 2);
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stale_answer_says_so),
		TEST(one_made_of_another_says_so),
		TEST(what_was_asked_for_says_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
