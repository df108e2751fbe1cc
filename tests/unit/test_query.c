// SPDX-License-Identifier: BSD-2-Clause
/*
 * Upstreams, rules and the control socket are fakes, put in at link time: an
 * ask is remembered, and answered when the test says so.
 */
#include "dnsd/query.h"

#include "common/err.h"
#include "dnsd/upstream/packet.h"
#include "tests/unit/dns_message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define QUERIES_MAX 4

static struct {
	struct queries *queries;
	struct queries_counters counters;
	struct config config;
	struct question question;
	uint8_t raw[NAME_WIRE_MAX + 4];
	/* what lookups_ask() was given, and says */
	int asks, ask_result, asked_upstream;
	struct question asked;
	upstream_done_fn fn;
	void *fn_ctx;
	struct upstream_result kept; /* what lookups_find() finds */
	/* what rules_decide() was given, and says */
	int decisions;
	struct facts facts;
	struct verdict verdict;
	enum query_decided decided;
	bool is_missing; /* as it was told */
	/* on_canceled() */
	int cancels;
	bool is_taken;
	/* what came out */
	int replies, failures;
	uint8_t reply[DNS_MESSAGE_MAX];
	size_t reply_length;
	char why[256];
	/* the control client */
	bool is_client_gone;
	char lines[256];
	char end[256];
	int ends;
} t;

int __wrap_lookups_ask(struct lookups *lookups, int index,
		       const struct question *question,
		       struct lookup_waiter *waiter);
bool __wrap_lookups_find(struct lookups *lookups, int index,
			 const struct question *question, int64_t now_ms,
			 struct upstream_result *result);
struct verdict __wrap_rules_decide(const struct rules *rules,
				   const struct facts *facts);
void __wrap_control_send(struct control_client *client,
			 const struct json *json);
void __wrap_control_end(struct control_client *client, const char *error);
uint64_t __wrap_control_client_id(const struct control_client *client);
struct control_client *__wrap_control_client_by_id(struct control *control,
						   uint64_t id);
int __wrap_config_upstream(const struct config *config, const char *name);

int __wrap_lookups_ask(struct lookups *lookups, int index,
		       const struct question *question,
		       struct lookup_waiter *waiter)
{
	(void)lookups;
	t.asks++;
	t.asked_upstream = index;
	t.asked = *question;
	t.fn = waiter->fn;
	t.fn_ctx = waiter->ctx;
	return t.ask_result;
}

bool __wrap_lookups_find(struct lookups *lookups, int index,
			 const struct question *question, int64_t now_ms,
			 struct upstream_result *result)
{
	(void)lookups;
	(void)index, (void)now_ms;
	t.asked = *question;
	*result = t.kept;
	return t.kept.message;
}

struct verdict __wrap_rules_decide(const struct rules *rules,
				   const struct facts *facts)
{
	(void)rules;
	t.decisions++;
	t.facts = *facts;
	return t.verdict;
}

void __wrap_control_send(struct control_client *client, const struct json *json)
{
	(void)client;
	strcat(t.lines, json_get_text(json, "address"));
	strcat(t.lines, " ");
}

void __wrap_control_end(struct control_client *client, const char *error)
{
	(void)client;
	t.ends++;
	strcpy(t.end, error ? error : "");
}

uint64_t __wrap_control_client_id(const struct control_client *client)
{
	(void)client;
	return 7;
}

struct control_client *__wrap_control_client_by_id(struct control *control,
						   uint64_t id)
{
	assert_int_equal(id, 7);
	return t.is_client_gone ? NULL : (struct control_client *)control;
}

int __wrap_config_upstream(const struct config *config, const char *name)
{
	(void)config;
	return strcmp(name, "clean") == 0 ? 1 : -ENOENT;
}

static void on_reply(void *ctx, const struct asker *asker,
		     const struct question *question,
		     const struct query_reply *reply)
{
	(void)ctx;
	assert_true(name_equal(&question->name, &t.asked.name));
	assert_int_equal(asker->tcp_client, 99);
	t.replies++;
	t.reply_length = reply->length;
	memcpy(t.reply, reply->message, reply->length);
}

static void on_fail(void *ctx, const struct asker *asker,
		    const struct question *question, uint16_t ede,
		    const char *why)
{
	(void)ctx;
	(void)ede;
	assert_int_equal(asker->tcp_client, 99);
	assert_int_equal(question->id, 0x4711);
	assert_memory_equal(question->raw, t.raw, question->raw_length);
	t.failures++;
	snprintf(t.why, sizeof(t.why), "%s", why);
}

static enum query_decided on_decided(void *ctx, struct asker *asker,
				     const struct question *question,
				     const struct verdict *verdict,
				     bool is_missing)
{
	t.is_missing = is_missing;
	(void)ctx;
	(void)asker;
	(void)question;
	assert_int_equal(verdict->outbound, t.verdict.outbound);
	return t.decided;
}

static bool on_canceled(void *ctx, const struct queries *queries,
			const struct asker *asker,
			const struct question *question)
{
	(void)ctx;
	assert_ptr_equal(queries, t.queries);
	assert_int_equal(asker->tcp_client, 99);
	assert_int_equal(question->id, 0x4711);
	assert_memory_equal(question->raw, t.raw, question->raw_length);
	t.cancels++;
	return t.is_taken;
}

static const struct query_ops ops = {on_reply, on_fail, on_decided, NULL,
				     on_canceled};

static int set_up(void **state)
{
	struct question *question = &t.question;

	(void)state;
	memset(&t, 0, sizeof(t));
	question->id = 0x4711;
	question->rd = true;
	question->type = DNS_TYPE_A;
	question->klass = DNS_CLASS_IN;
	question->udp_size = DNS_UDP_SIZE;
	if (name_parse(&question->name, "example.com") < 0)
		return -1;
	memcpy(t.raw, question->name.wire, question->name.length);
	t.raw[1] = 'E';
	wire_write16(t.raw + question->name.length, DNS_TYPE_A);
	wire_write16(t.raw + question->name.length + 2, DNS_CLASS_IN);
	question->raw = t.raw;
	question->raw_length = question->name.length + 4;
	t.verdict.upstream = UPSTREAM_DEFAULT;
	t.verdict.kind = VERDICT_MATCH;

	struct queries_conf conf = {.config = &t.config,
				    .counters = &t.counters,
				    .ops = &ops,
				    .max = QUERIES_MAX};
	return queries_new(&t.queries, &conf);
}

static int tear_down(void **state)
{
	(void)state;
	queries_free(t.queries);
	return 0;
}

/* Calls back as upstream.h does, with an answer or with an error. */
static void answer(uint8_t rcode, const char *address)
{
	struct dns_message message;
	struct addr addr;

	dns_message_begin(&message, &t.asked, rcode);
	if (address) {
		assert_int_equal(addr_parse(&addr, address), 0);
		dns_message_add(&message, 0,
				&(struct dns_record){addr.family == ADDR_IPV4
							     ? DNS_TYPE_A
							     : DNS_TYPE_AAAA,
						     60, addr.bytes,
						     addr_size(&addr)});
	}
	t.fn(t.fn_ctx, &(struct upstream_result){.message = message.bytes,
						 .length = message.length});
}

static void answer_error(int status)
{
	t.fn(t.fn_ctx, &(struct upstream_result){
			       .status = status, .why = "nobody", .ede = 22});
}

static void forward(int upstream)
{
	struct asker asker = {.tcp_client = 99};
	queries_forward(t.queries, &asker, &t.question, upstream);
}

static void decide(void)
{
	struct asker asker = {.tcp_client = 99};
	asker.client.addr = addr_ipv4(0x0a000001);
	queries_decide(t.queries, &asker, &t.question, UPSTREAM_DEFAULT);
}

static void resolve(const char *request)
{
	static int some_client;
	struct json *json = json_parse(request, strlen(request));
	assert_non_null(json);
	queries_verb_resolve(t.queries, (struct control *)&some_client,
			     (struct control_client *)&some_client, json);
	json_free(json);
}

static void assert_done(int replies, int failures)
{
	assert_int_equal(t.replies, replies);
	assert_int_equal(t.failures, failures);
	assert_int_equal(t.counters.under_way, 0);
}

static void an_answer_goes_to_the_client_as_its_own(void **state)
{
	(void)state;
	forward(UPSTREAM_DEFAULT);
	assert_int_equal(t.asks, 1);
	assert_int_equal(t.asked_upstream, 0);
	answer(DNS_RCODE_NOERROR, "192.0.2.1");
	assert_done(1, 0);
	assert_int_equal(wire_read16(t.reply), 0x4711);
	assert_int_equal(t.reply[DNS_HEADER_SIZE + 1], 'E');
	assert_int_equal(wire_read16(t.reply + 6), 1);
}

static void the_question_outlives_the_packet_that_it_came_in(void **state)
{
	(void)state;
	uint8_t packet[sizeof(t.raw)];
	memcpy(packet, t.raw, sizeof(packet));
	t.question.raw = packet;
	forward(1);
	assert_int_equal(t.asked_upstream, 1);
	memset(packet, 0xff, sizeof(packet));
	answer(DNS_RCODE_NOERROR, "192.0.2.1");
	assert_done(1, 0);
	assert_memory_equal(t.reply + DNS_HEADER_SIZE, t.raw,
			    t.question.raw_length);
}

static void what_is_kept_is_answered_without_an_ask(void **state)
{
	(void)state;
	struct dns_message message;

	dns_message_begin(&message, &t.question, 0);
	t.kept.length = message.length;
	t.kept.message = message.bytes;
	forward(UPSTREAM_DEFAULT);
	assert_done(1, 0);
	assert_int_equal(t.asks, 0);
	assert_int_equal(wire_read16(t.reply), 0x4711);
	assert_int_equal(t.reply[DNS_HEADER_SIZE + 1], 'E');
}

static void a_failed_upstream_is_told(void **state)
{
	(void)state;
	forward(UPSTREAM_DEFAULT);
	answer_error(ERR_TIMEOUT);
	assert_done(0, 1);
	assert_string_equal(t.why, "nobody");
}

static void an_ask_that_cannot_start_fails_at_once(void **state)
{
	(void)state;
	t.ask_result = -EBUSY;
	forward(UPSTREAM_DEFAULT);
	assert_done(0, 1);
	decide();
	assert_done(0, 2);
	assert_int_equal(t.decisions, 0);
	assert_int_equal(t.counters.full, 2);
	t.ask_result = -ECANCELED;
	forward(UPSTREAM_DEFAULT);
	assert_done(0, 3);
	assert_int_equal(t.counters.full, 2);
}

static void a_full_pool_fails_and_has_room_again(void **state)
{
	(void)state;
	struct {
		upstream_done_fn fn;
		void *ctx;
	} asks[QUERIES_MAX];
	for (int i = 0; i < QUERIES_MAX; i++) {
		forward(UPSTREAM_DEFAULT);
		asks[i].fn = t.fn;
		asks[i].ctx = t.fn_ctx;
	}
	forward(UPSTREAM_DEFAULT);
	assert_int_equal(t.asks, QUERIES_MAX);
	assert_int_equal(t.failures, 1);
	for (int i = 0; i < QUERIES_MAX; i++) {
		t.fn = asks[i].fn;
		t.fn_ctx = asks[i].ctx;
		answer(DNS_RCODE_NOERROR, NULL);
	}
	assert_done(QUERIES_MAX, 1);
	forward(UPSTREAM_DEFAULT);
	answer(DNS_RCODE_NOERROR, NULL);
	assert_done(QUERIES_MAX + 1, 1);
}

static void an_address_is_decided_on(void **state)
{
	(void)state;
	t.decided = QUERY_ANSWERED;
	t.verdict.outbound = OUTBOUND_FIRST;
	decide();
	answer(DNS_RCODE_NOERROR, "192.0.2.1");
	assert_done(0, 0);
	assert_int_equal(addr_to_ipv4(&t.facts.dst), 0xc0000201);
	assert_int_equal(addr_to_ipv4(&t.facts.src), 0x0a000001);
	assert_false(t.facts.is_final);
}

static void a_direct_name_gets_what_was_resolved(void **state)
{
	(void)state;
	t.decided = QUERY_REAL;
	decide();
	answer(DNS_RCODE_NOERROR, "192.0.2.1");
	assert_done(1, 0);
	assert_int_equal(t.asks, 1);
}

static void the_rule_that_decides_names_the_upstream(void **state)
{
	(void)state;
	t.decided = QUERY_REAL;
	t.verdict.upstream = 1;
	decide();
	assert_int_equal(t.asked_upstream, 0);
	answer(DNS_RCODE_NOERROR, "192.0.2.1");
	assert_int_equal(t.replies, 0);
	assert_int_equal(t.asks, 2);
	assert_int_equal(t.asked_upstream, 1);
	answer(DNS_RCODE_NOERROR, "192.0.2.2");
	assert_done(1, 0);
	assert_int_equal(t.decisions, 1);
}

static void a_name_without_an_address_needs_no_decision(void **state)
{
	(void)state;
	decide();
	answer(DNS_RCODE_NOERROR, NULL);
	assert_done(1, 0);
	assert_int_equal(t.decisions, 0);
}

static void a_proxy_may_know_what_the_upstream_does_not(void **state)
{
	(void)state;
	t.decided = QUERY_ANSWERED;
	decide();
	answer(DNS_RCODE_NXDOMAIN, NULL);
	assert_done(0, 0);
	assert_true(t.facts.is_final);
	assert_int_equal(t.facts.dst.family, ADDR_NONE);
	assert_true(t.is_missing);
	decide();
	answer_error(ERR_TIMEOUT);
	assert_done(0, 0);
	assert_false(t.is_missing);
	assert_int_equal(t.decisions, 2);
}

static void what_nobody_carries_is_told_as_it_is(void **state)
{
	(void)state;
	t.decided = QUERY_REAL;
	decide();
	answer(DNS_RCODE_NXDOMAIN, NULL);
	assert_done(1, 0);
	assert_int_equal(t.reply[3] & 0xfU, DNS_RCODE_NXDOMAIN);
	decide();
	answer_error(ERR_TIMEOUT);
	assert_done(1, 1);
}

static void the_end_of_the_daemon_decides_nothing(void **state)
{
	(void)state;
	decide();
	answer_error(-ECANCELED);
	assert_done(0, 1);
	assert_int_equal(t.decisions, 0);
}

static void what_others_take_over_gets_no_failure(void **state)
{
	(void)state;
	t.is_taken = true;
	decide();
	answer_error(-ECANCELED);
	forward(UPSTREAM_DEFAULT);
	answer_error(-ECANCELED);
	assert_int_equal(t.cancels, 2);
	assert_done(0, 0);
}

static void a_carried_name_gets_what_fits_it(void **state)
{
	struct asker asker = {.tcp_client = 99};

	(void)state;
	t.question.type = DNS_TYPE_HTTPS;
	queries_carried(t.queries, &asker, &t.question, 1);
	assert_int_equal(t.asked_upstream, 1);
	answer(DNS_RCODE_NXDOMAIN, NULL);
	assert_int_equal(t.reply[3] & 0xf, DNS_RCODE_NOERROR);
	assert_int_equal(wire_read16(t.reply + 8), 1);
	assert_done(1, 0);
	/* A browser would wait for a failure, and give up on one. */
	queries_carried(t.queries, &asker, &t.question, 1);
	answer_error(ERR_TIMEOUT);
	assert_int_equal(t.reply[3] & 0xf, DNS_RCODE_NOERROR);
	assert_done(2, 0);
	t.question.type = 16;
	queries_carried(t.queries, &asker, &t.question, 1);
	answer_error(ERR_TIMEOUT);
	assert_done(2, 1);
}

static void the_verb_gives_every_address(void **state)
{
	(void)state;
	resolve("{\"name\":\"example.com\",\"family\":6,"
		"\"upstream\":\"clean\"}");
	assert_int_equal(t.asked.type, DNS_TYPE_AAAA);
	assert_int_equal(t.asked_upstream, 1);
	answer(DNS_RCODE_NOERROR, "2001:db8::1");
	assert_string_equal(t.lines, "2001:db8::1 ");
	assert_string_equal(t.end, "");
	assert_int_equal(t.ends, 1);
	assert_done(0, 0);
}

static void the_verb_asks_the_upstream_of_the_rule(void **state)
{
	(void)state;
	t.verdict.upstream = 3;
	resolve("{\"name\":\"example.com\"}");
	assert_int_equal(t.asked_upstream, 3);
	assert_int_equal(t.asked.type, DNS_TYPE_A);
	answer(DNS_RCODE_NOERROR, "192.0.2.1");
	assert_string_equal(t.lines, "192.0.2.1 ");
	assert_done(0, 0);
}

static void the_verb_says_what_is_wrong(void **state)
{
	static const char *const bad[] = {
		"{}", "{\"name\":\"a..b\"}", "{\"name\":\"a\",\"family\":5}",
		"{\"name\":\"a\",\"upstream\":\"dirty\"}"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		resolve(bad[i]);
		assert_string_not_equal(t.end, "");
	}
	assert_int_equal(t.asks, 0);
	assert_int_equal(t.ends, ARRAY_LEN(bad));

	resolve("{\"name\":\"example.com\"}");
	answer(DNS_RCODE_NXDOMAIN, NULL);
	assert_string_equal(t.end, "the name does not exist");
	resolve("{\"name\":\"example.com\"}");
	answer_error(ERR_TIMEOUT);
	assert_string_equal(t.end, "nobody");
	assert_string_equal(t.lines, "");
	assert_done(0, 0);
}

static void a_client_that_has_gone_is_forgotten(void **state)
{
	(void)state;
	resolve("{\"name\":\"example.com\"}");
	t.is_client_gone = true;
	answer(DNS_RCODE_NOERROR, "192.0.2.1");
	assert_int_equal(t.ends, 0);
	assert_done(0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_goes_to_the_client_as_its_own),
		TEST(the_question_outlives_the_packet_that_it_came_in),
		TEST(what_is_kept_is_answered_without_an_ask),
		TEST(a_failed_upstream_is_told),
		TEST(an_ask_that_cannot_start_fails_at_once),
		TEST(a_full_pool_fails_and_has_room_again),
		TEST(an_address_is_decided_on),
		TEST(a_direct_name_gets_what_was_resolved),
		TEST(the_rule_that_decides_names_the_upstream),
		TEST(a_name_without_an_address_needs_no_decision),
		TEST(a_proxy_may_know_what_the_upstream_does_not),
		TEST(what_nobody_carries_is_told_as_it_is),
		TEST(the_end_of_the_daemon_decides_nothing),
		TEST(what_others_take_over_gets_no_failure),
		TEST(a_carried_name_gets_what_fits_it),
		TEST(the_verb_gives_every_address),
		TEST(the_verb_asks_the_upstream_of_the_rule),
		TEST(the_verb_says_what_is_wrong),
		TEST(a_client_that_has_gone_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
