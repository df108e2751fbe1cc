// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whether a name exists, as the upstream sees it; lookup.h is played by the
 * test.
 */
#include "dnsd/query.h"

#include "common/err.h"
#include "dnsd/wire.h"
#include "tests/unit/dns_message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define QUERIES_MAX 3

static struct {
	struct queries *queries;
	struct queries_counters counters;
	struct config config;
	struct question question;
	uint8_t raw[NAME_WIRE_MAX + 4];
	struct upstream_result kept;
	bool is_taken;
	int asks, verified, missing, cancels;
	upstream_done_fn fn;
	void *fn_ctx;
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
	(void)lookups, (void)question;
	assert_int_equal(index, 1);
	t.asks++;
	t.fn = waiter->fn;
	t.fn_ctx = waiter->ctx;
	return 0;
}

bool __wrap_lookups_find(struct lookups *lookups, int index,
			 const struct question *question, int64_t now_ms,
			 struct upstream_result *result)
{
	(void)lookups, (void)index, (void)now_ms;
	*result = t.kept;
	return t.kept.message && question->type == DNS_TYPE_A;
}

static void on_reply(void *ctx, const struct asker *asker,
		     const struct question *question,
		     const struct query_reply *reply)
{
	(void)ctx, (void)asker, (void)question;
	fail_msg("a reply of %zu bytes, and nobody wants one", reply->length);
}

static void on_fail(void *ctx, const struct asker *asker,
		    const struct question *question, uint16_t ede,
		    const char *why)
{
	(void)ctx, (void)asker, (void)question, (void)ede;
	fail_msg("failed, and nobody is told: %s", why);
}

static enum query_decided on_decided(void *ctx, struct asker *asker,
				     const struct question *question,
				     const struct verdict *verdict,
				     bool is_missing)
{
	(void)is_missing;
	(void)ctx, (void)asker, (void)question, (void)verdict;
	return QUERY_REAL;
}

static void on_verified(void *ctx, const struct asker *asker,
			const struct question *question, int upstream,
			bool is_missing)
{
	(void)ctx;
	assert_int_equal(asker->tcp_client, 99);
	assert_int_equal(question->id, 0x4711);
	assert_memory_equal(question->raw, t.raw, question->raw_length);
	assert_int_equal(upstream, 1);
	t.verified++;
	t.missing += is_missing;
}

static bool on_canceled(void *ctx, const struct queries *queries,
			const struct asker *asker,
			const struct question *question)
{
	(void)ctx, (void)queries, (void)asker, (void)question;
	t.cancels++;
	return t.is_taken;
}

static const struct query_ops ops = {on_reply, on_fail, on_decided, on_verified,
				     on_canceled};

static int set_up(void **state)
{
	struct queries_conf conf = {.config = &t.config,
				    .counters = &t.counters,
				    .ops = &ops,
				    .max = QUERIES_MAX};

	(void)state;
	memset(&t, 0, sizeof(t));
	t.question = (struct question){.id = 0x4711,
				       .rd = true,
				       .type = DNS_TYPE_A,
				       .klass = DNS_CLASS_IN,
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

static void answer(uint8_t rcode)
{
	struct dns_message message;

	dns_message_begin(&message, &t.question, rcode);
	t.fn(t.fn_ctx, &(struct upstream_result){.message = message.bytes,
						 .length = message.length});
}

static void answer_error(int status)
{
	t.fn(t.fn_ctx,
	     &(struct upstream_result){.status = status, .why = "nobody"});
}

static enum query_existence verify(enum query_care care)
{
	struct asker asker = {.tcp_client = 99};

	return queries_verify(t.queries, &asker, &t.question, 1, care);
}

static void keep(struct dns_message *message, uint8_t rcode)
{
	dns_message_begin(message, &t.question, rcode);
	t.kept.length = message->length;
	t.kept.message = message->bytes;
}

static void what_is_kept_says_whether_a_name_exists(void **state)
{
	struct dns_message message;

	(void)state;
	keep(&message, DNS_RCODE_NXDOMAIN);
	assert_int_equal(verify(QUERY_WAIT), QUERY_MISSING);
	keep(&message, DNS_RCODE_NOERROR);
	assert_int_equal(verify(QUERY_WAIT), QUERY_EXISTS);
	t.kept.message = NULL;
	assert_int_equal(verify(QUERY_LOOK), QUERY_EXISTS);
	assert_int_equal(t.asks, 0);
	assert_int_equal(t.counters.under_way, 0);
}

static void a_name_can_be_asked_for_without_anybody_waiting(void **state)
{
	(void)state;
	assert_int_equal(verify(QUERY_LOOK_LATER), QUERY_EXISTS);
	assert_int_equal(t.asks, 1);
	answer(DNS_RCODE_NXDOMAIN);
	assert_int_equal(verify(QUERY_LOOK_LATER), QUERY_EXISTS);
	answer_error(ERR_TIMEOUT);
	assert_int_equal(verify(QUERY_LOOK_LATER), QUERY_EXISTS);
	answer_error(-ECANCELED);
	assert_int_equal(t.verified, 0);
	assert_int_equal(t.cancels, 0);
	assert_int_equal(t.counters.under_way, 0);
}

static void who_waits_is_told_whether_a_name_exists(void **state)
{
	(void)state;
	assert_int_equal(verify(QUERY_WAIT), QUERY_ASKED);
	answer(DNS_RCODE_NXDOMAIN);
	assert_int_equal(t.verified, 1);
	assert_int_equal(t.missing, 1);
	assert_int_equal(verify(QUERY_WAIT), QUERY_ASKED);
	answer(DNS_RCODE_NOERROR);
	assert_int_equal(verify(QUERY_WAIT), QUERY_ASKED);
	answer_error(ERR_TIMEOUT);
	assert_int_equal(t.verified, 3);
	assert_int_equal(t.missing, 1);
	/* A reload: others have taken it. */
	t.is_taken = true;
	assert_int_equal(verify(QUERY_WAIT), QUERY_ASKED);
	answer_error(-ECANCELED);
	assert_int_equal(t.verified, 3);
	assert_int_equal(t.cancels, 1);
	assert_int_equal(t.counters.under_way, 0);
}

static void without_room_a_name_is_taken_to_exist(void **state)
{
	(void)state;
	upstream_done_fn fn[QUERIES_MAX];
	void *ctx[QUERIES_MAX];

	for (size_t i = 0; i < QUERIES_MAX; i++) {
		assert_int_equal(verify(QUERY_WAIT), QUERY_ASKED);
		fn[i] = t.fn;
		ctx[i] = t.fn_ctx;
	}
	assert_int_equal(verify(QUERY_WAIT), QUERY_EXISTS);
	assert_int_equal(verify(QUERY_LOOK_LATER), QUERY_EXISTS);
	assert_int_equal(t.counters.full, 2);
	for (size_t i = 0; i < QUERIES_MAX; i++) {
		t.fn = fn[i];
		t.fn_ctx = ctx[i];
		answer_error(ERR_TIMEOUT);
	}
	assert_int_equal(t.verified, QUERIES_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_kept_says_whether_a_name_exists),
		TEST(a_name_can_be_asked_for_without_anybody_waiting),
		TEST(who_waits_is_told_whether_a_name_exists),
		TEST(without_room_a_name_is_taken_to_exist),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
