// SPDX-License-Identifier: BSD-2-Clause
/*
 * What dispatch sends is read back by ldns.
 */
#include "dnsd/dispatch.h"

#include "common/err.h"
#include "dnsd/wire.h"
#include "tests/unit/disk_fixture.h"
#include "tests/unit/dispatch_fixture.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct config config;
	struct fakes *fakes;
	struct dispatch *dispatch;
	struct asker asker;
};

static struct outbound_conf outbounds[] = {
	{.name = "DIRECT", .type = OUTBOUND_TYPE_DIRECT},
	{.name = "REJECT", .type = OUTBOUND_TYPE_REJECT},
	{.name = "REJECT-DROP", .type = OUTBOUND_TYPE_REJECT_DROP},
	{.name = "PASS", .type = OUTBOUND_TYPE_PASS},
	{.name = "proxy", .type = OUTBOUND_TYPE_SOCKS5},
};

static struct upstream_conf upstreams[] = {
	{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "home"}};

static const struct rule rule = {
	.file = "x.yaml", .line = 7, .text = "MATCH,REJECT"};

static void match(int outbound)
{
	said = (struct verdict){.kind = VERDICT_MATCH,
				.outbound = outbound,
				.upstream = UPSTREAM_DEFAULT,
				.rule = &rule,
				.is_any = true};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->config = (struct config){.outbounds = outbounds,
				    .outbound_count = ARRAY_LEN(outbounds),
				    .dnsd = {.fake = fake_pool_default(),
					     .fake_ttl_s = 1,
					     .upstream = 3}};
	f->asker.client.addr = addr_ipv4(127U << 24 | 1);
	memset(&disk, 0, sizeof(disk));
	if (fakes_new(&f->fakes, &disk, &f->config.dnsd.fake, 0) ||
	    dispatch_new(&f->dispatch))
		return -1;
	dispatch_set_parts(f->dispatch, NULL, f->fakes, NULL);
	dispatch_set_config(f->dispatch, &f->config, NULL);
	match(OUTBOUND_FIRST);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	dispatch_free(f->dispatch);
	fakes_free(f->fakes);
	free(f);
	return 0;
}

/* As what was read at once, and alone. */
static bool hand_in(struct fixture *f, const uint8_t *query, size_t length)
{
	bool has_reply = dispatch_server_ops.on_query(f->dispatch, &f->asker,
						      query, length);

	dispatch_server_ops.on_queries_end(f->dispatch);
	return has_reply;
}

/* Asks with EDNS; the message that was sent, or NULL. */
static ldns_pkt *ask(struct fixture *f, const char *name, uint16_t type)
{
	uint8_t query[512] = "\x12\x34\1\0\0\1\0\0\0\0\0\1";
	const uint8_t rest[] = {(uint8_t)(type >> 8),
				(uint8_t)type,
				0,
				1,
				0,
				0,
				DNS_TYPE_OPT,
				4,
				0xd0,
				0,
				0,
				0,
				0,
				0,
				0};
	struct name wire;
	ldns_pkt *pkt;
	size_t length = DNS_HEADER_SIZE;

	assert_int_equal(name_parse(&wire, name), 0);
	memcpy(query + length, wire.wire, wire.length);
	length += wire.length;
	memcpy(query + length, rest, sizeof(rest));
	length += sizeof(rest);
	sent.how = NOTHING;
	handed.how = NOBODY;
	assert_true(hand_in(f, query, length));
	if (sent.how == NOTHING)
		return NULL;
	assert_int_equal(ldns_wire2pkt(&pkt, sent.message, sent.length),
			 LDNS_STATUS_OK);
	assert_int_equal(ldns_pkt_id(pkt), 0x1234);
	return pkt;
}

static void assert_answer(ldns_pkt *pkt, const char *text)
{
	char *got;

	assert_non_null(pkt);
	assert_int_equal(ldns_pkt_ancount(pkt), 1);
	got = ldns_rdf2str(
		ldns_rr_rdf(ldns_rr_list_rr(ldns_pkt_answer(pkt), 0), 0));
	assert_string_equal(got, text);
	free(got);
	ldns_pkt_free(pkt);
}

static void assert_negative(ldns_pkt *pkt, ldns_pkt_rcode rcode)
{
	assert_non_null(pkt);
	assert_int_equal(ldns_pkt_get_rcode(pkt), rcode);
	assert_int_equal(ldns_pkt_ancount(pkt), 0);
	assert_int_equal(ldns_pkt_nscount(pkt), 1);
	ldns_pkt_free(pkt);
}

/* The last reply has that, and nothing more, for an Extended DNS Error. */
static void assert_says(const char *text)
{
	size_t length = strlen(text);

	assert_true(sent.length > length);
	assert_memory_equal(sent.message + sent.length - length, text, length);
	assert_int_equal(sent.message[sent.length - length - 3], length + 2);
}

static void any_gets_hinfo(void **state)
{
	struct fixture *f = *state;
	ldns_pkt *pkt = ask(f, "a.example", 255);

	assert_non_null(pkt);
	assert_int_equal(ldns_pkt_ancount(pkt), 1);
	assert_int_equal(
		ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_answer(pkt), 0)),
		LDNS_RR_TYPE_HINFO);
	assert_non_null(memmem(sent.message, sent.length, "\7RFC8482\0", 9));
	ldns_pkt_free(pkt);
}

/* With a cookie, and the wish to keep the connection. */
static const uint8_t with_options[] =
	"\x12\x34\1\0\0\1\0\0\0\0\0\1\1a\7example\0\0\1\0\1"
	"\0\0\x29\4\xd0\0\0\0\0\0\x10"
	"\0\xa\0\x8"
	"abcdefgh"
	"\0\xb\0\0";

static void options_are_answered(void **state)
{
	struct fixture *f = *state;

	for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
		f->asker.is_tcp = is_tcp;
		sent.how = NOTHING;
		assert_true(hand_in(f, with_options, sizeof(with_options) - 1));
		assert_non_null(memmem(sent.message, sent.length,
				       "\0\xa\0\x18"
				       "abcdefgh\1\0\0\0",
				       16));
		assert_int_equal(memmem(sent.message, sent.length,
					"\0\xb\0\2\0\x64", 6) != NULL,
				 is_tcp);
	}
}

static void a_cookie_alone_is_completed(void **state)
{
	static const uint8_t query[] = "\x12\x34\1\0\0\0\0\0\0\0\0\1"
				       "\0\0\x29\4\xd0\0\0\0\0\0\xc"
				       "\0\xa\0\x8"
				       "abcdefgh";
	struct fixture *f = *state;

	sent.how = NOTHING;
	assert_true(hand_in(f, query, sizeof(query) - 1));
	assert_int_equal(sent.message[3] & 0xf, 0);
	assert_non_null(memmem(sent.message, sent.length, "abcdefgh\1", 9));
}

static void names_of_this_network_stay_in_it(void **state)
{
	struct fixture *f = *state;

	has_home = false;
	assert_negative(ask(f, "nas.home.arpa", DNS_TYPE_A),
			LDNS_RCODE_NXDOMAIN);
	assert_negative(ask(f, "home.arpa", DNS_TYPE_SOA), LDNS_RCODE_NOERROR);
	assert_says("'home.arpa' is for names of this network (RFC 8375)");
	assert_int_equal(sent.asker.cause.kind, CAUSE_SITE);
	assert_null(sent.asker.cause.rule);
	assert_answer(ask(f, "localhost", DNS_TYPE_A), "127.0.0.1");
	assert_answer(ask(f, "1.0.0.127.in-addr.arpa", DNS_TYPE_PTR),
		      "localhost.");
	has_home = true;
	assert_null(ask(f, "nas.home.arpa", DNS_TYPE_A));
	assert_int_equal(handed.how, FORWARD);
}

static void a_fake_answer_names_its_rule(void **state)
{
	struct fixture *f = *state;

	assert_answer(ask(f, "a.example", DNS_TYPE_A), "198.18.0.3");
	assert_says("rule 'MATCH,REJECT' (x.yaml:7)");
	assert_int_equal(sent.asker.cause.kind, CAUSE_FAKE);
	assert_ptr_equal(sent.asker.cause.rule, &rule);
	said.list_file = "/etc/ads.txt";
	said.list_line = 812;
	assert_answer(ask(f, "b.example", DNS_TYPE_A), "198.18.0.4");
	assert_says("rule 'MATCH,REJECT' (x.yaml:7, /etc/ads.txt:812)");
	/* The one that is remembered says the same. */
	assert_answer(ask(f, "b.example", DNS_TYPE_A), "198.18.0.4");
	assert_says("rule 'MATCH,REJECT' (x.yaml:7, /etc/ads.txt:812)");
}

/* Once and for all, by what the index knows of none. */
static void a_full_pool_names_the_rule_and_the_reason(void **state)
{
	struct fixture *f = *state;
	ldns_pkt *pkt = NULL;
	char name[32];

	f->config.dnsd.fake.ipv4.length = 28;
	fakes_free(f->fakes);
	assert_int_equal(fakes_new(&f->fakes, &disk, &f->config.dnsd.fake, 0),
			 0);
	dispatch_set_parts(f->dispatch, NULL, f->fakes, NULL);
	for (int i = 0; i < 13; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		ldns_pkt_free(pkt);
		pkt = ask(f, name, DNS_TYPE_A);
	}
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_SERVFAIL);
	ldns_pkt_free(pkt);
	assert_says("all fake addresses are given, and routed has not told "
		    "which ones flows use, rule 'MATCH,REJECT' (x.yaml:7)");
	assert_int_equal(sent.asker.cause.kind, CAUSE_FULL);
}

static void a_new_name_is_a_promise_until_its_batch_ends(void **state)
{
	struct fixture *f = *state;

	assert_answer(ask(f, "a.example", DNS_TYPE_A), "198.18.0.3");
	assert_int_equal(sent.how, PROMISE);
	assert_answer(ask(f, "a.example", DNS_TYPE_AAAA), "2001:2::3");
	assert_int_equal(sent.how, PROMISE);
	assert_negative(ask(f, "3.0.18.198.in-addr.arpa", DNS_TYPE_PTR),
			LDNS_RCODE_NXDOMAIN);
	assert_int_equal(dispatch_server_ops.on_batch_end(f->dispatch), 0);
	assert_answer(ask(f, "A.Example", DNS_TYPE_A), "198.18.0.3");
	assert_int_equal(sent.how, REPLY);
	assert_answer(ask(f, "3.0.18.198.in-addr.arpa", DNS_TYPE_PTR),
		      "a.example.");
	assert_says("fake address: 198.18.0.0/15 is dnsd.fake.ipv4");
}

static void a_broken_promise_is_servfail(void **state)
{
	struct fixture *f = *state;
	struct dispatch_stats stats;
	ldns_pkt *pkt;

	disk.add_error = -ENOSPC;
	assert_answer(ask(f, "a.example", DNS_TYPE_A), "198.18.0.3");
	assert_int_equal(dispatch_server_ops.on_batch_end(f->dispatch),
			 -ENOSPC);
	sent.length = dispatch_server_ops.on_promise_broken(
		f->dispatch, &sent.asker, sent.message, sent.length,
		sizeof(sent.message));
	assert_int_equal(ldns_wire2pkt(&pkt, sent.message, sent.length),
			 LDNS_STATUS_OK);
	assert_int_equal(ldns_pkt_get_rcode(pkt), LDNS_RCODE_SERVFAIL);
	assert_says("cannot store new names, rule 'MATCH,REJECT' (x.yaml:7)");
	assert_int_equal(sent.asker.cause.kind, CAUSE_BROKEN);
	ldns_pkt_free(pkt);
	dispatch_stats(f->dispatch, &stats);
	assert_int_equal(stats.fake, 0);
	assert_int_equal(stats.failed, 1);

	disk.add_error = 0;
	assert_answer(ask(f, "b.example", DNS_TYPE_A), "198.18.0.3");
}

static void a_rejection_names_its_rule(void **state)
{
	struct fixture *f = *state;

	match(OUTBOUND_REJECT);
	assert_negative(ask(f, "ads.example", DNS_TYPE_A), LDNS_RCODE_NXDOMAIN);
	assert_says("rule 'MATCH,REJECT' (x.yaml:7)");
	assert_int_equal(sent.asker.cause.kind, CAUSE_REJECT);
}

static void what_is_refused_has_no_rule(void **state)
{
	static const uint8_t chaos[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0"
				       "\7version\4bind\0\0\x10\0\3";
	struct fixture *f = *state;

	match(OUTBOUND_REJECT);
	sent.how = NOTHING;
	assert_true(hand_in(f, chaos, sizeof(chaos) - 1));
	assert_int_equal(sent.message[3] & 0xf, DNS_RCODE_REFUSED);
	assert_int_equal(sent.asker.cause.kind, CAUSE_REFUSED);
	assert_null(sent.asker.cause.rule);
	assert_true(sent.asker.cause.outbound < 0);
}

static void carried_https_comes_from_the_upstream(void **state)
{
	struct fixture *f = *state;

	assert_null(ask(f, "a.example", DNS_TYPE_HTTPS));
	assert_int_equal(handed.how, CARRIED);
	assert_int_equal(handed.upstream, 3);
}

static void a_reverse_name_without_a_slot_does_not_exist(void **state)
{
	struct fixture *f = *state;

	assert_negative(ask(f, "9.9.18.198.in-addr.arpa", DNS_TYPE_PTR),
			LDNS_RCODE_NXDOMAIN);
	assert_says("fake address: 198.18.0.0/15 is dnsd.fake.ipv4");
	assert_negative(ask(f, "255.255.19.198.in-addr.arpa", DNS_TYPE_PTR),
			LDNS_RCODE_NXDOMAIN);
	assert_int_equal(sent.asker.cause.kind, CAUSE_REVERSE);
}

static void the_rest_is_handed_to_the_upstream(void **state)
{
	struct fixture *f = *state;

	match(OUTBOUND_DIRECT);
	said.upstream = 1;
	assert_null(ask(f, "a.example", DNS_TYPE_A));
	assert_int_equal(handed.how, FORWARD);
	assert_int_equal(handed.upstream, 1);
	said.kind = VERDICT_NEEDS_ADDRESS;
	said.upstream = UPSTREAM_DEFAULT;
	assert_null(ask(f, "b.example", DNS_TYPE_A));
	assert_int_equal(handed.how, DECIDE);
	assert_int_equal(handed.upstream, 3);
}

static void a_verdict_by_address_is_acted_on(void **state)
{
	struct fixture *f = *state;
	struct question question = {.type = DNS_TYPE_A,
				    .udp_size = DNS_UDP_SIZE};
	struct verdict verdict;

	assert_int_equal(name_parse(&question.name, "b.example"), 0);
	verdict = said;
	sent.how = NOTHING;
	assert_int_equal(dispatch_query_ops.decided(f->dispatch, &f->asker,
						    &question, &verdict, false),
			 QUERY_ANSWERED);
	assert_int_equal(sent.how, PROMISE);
	/* The cache knows nothing of it (QUERY_EXISTS), nor need it. */
	f->config.dnsd.fake_verify = FAKE_VERIFY_BACKGROUND;
	f->config.upstreams = upstreams;
	sent.how = NOTHING;
	assert_int_equal(dispatch_query_ops.decided(f->dispatch, &f->asker,
						    &question, &verdict, true),
			 QUERY_ANSWERED);
	assert_int_equal(sent.how, REPLY);
	assert_int_equal(sent.message[3] & 0xf, DNS_RCODE_NXDOMAIN);
	assert_int_equal(sent.asker.cause.kind, CAUSE_MISSING);
	f->config.dnsd.fake_verify = FAKE_VERIFY_OFF;
	verdict.outbound = OUTBOUND_DIRECT;
	sent.how = NOTHING;
	assert_int_equal(dispatch_query_ops.decided(f->dispatch, &f->asker,
						    &question, &verdict, false),
			 QUERY_REAL);
	assert_int_equal(sent.how, NOTHING);
	assert_int_equal(f->asker.cause.kind, CAUSE_FORWARD);
	assert_int_equal(f->asker.cause.outbound, OUTBOUND_DIRECT);
	assert_int_equal(f->asker.cause.upstream, 3);
}

static void an_answer_with_news_leaves_by_way_of_routed(void **state)
{
	struct fixture *f = *state;
	const struct question question = {.type = DNS_TYPE_A};
	const uint8_t message[4] = {0};
	const struct query_reply reply = {message, sizeof(message), NULL};

	told = 0;
	has_news = true;
	sent.how = NOTHING;
	dispatch_query_ops.reply(f->dispatch, &f->asker, &question, &reply);
	assert_int_equal(told, 1);
	assert_int_equal(sent.how, NOTHING);
	has_news = false;
	dispatch_query_ops.reply(f->dispatch, &f->asker, &question, &reply);
	assert_int_equal(told, 1);
	assert_int_equal(sent.how, REPLY);
}

static void an_answer_with_a_note_is_not_looked_at(void **state)
{
	struct fixture *f = *state;
	const struct question question = {.type = DNS_TYPE_A};
	const uint8_t message[4] = {0};
	struct cache_note note = {0};
	const struct query_reply reply = {message, sizeof(message), &note};

	told = 0;
	has_news = true;
	dispatch_query_ops.reply(f->dispatch, &f->asker, &question, &reply);
	assert_int_equal(told, 1);
	assert_true(note.is_alone);
	has_news = false;
	sent.how = NOTHING;
	dispatch_query_ops.reply(f->dispatch, &f->asker, &question, &reply);
	assert_int_equal(sent.how, REPLY);
	assert_int_equal(note.epoch, 1);
	/* Nobody reads it, or it would be told. */
	has_news = true;
	sent.how = NOTHING;
	dispatch_query_ops.reply(f->dispatch, &f->asker, &question, &reply);
	assert_int_equal(sent.how, REPLY);
	assert_int_equal(told, 1);
}

static void what_was_decided_holds_until_something_changes(void **state)
{
	struct fixture *f = *state;

	assert_answer(ask(f, "a.example", DNS_TYPE_A), "198.18.0.3");
	match(OUTBOUND_REJECT);
	assert_answer(ask(f, "a.example", DNS_TYPE_A), "198.18.0.3");
	dispatch_set_config(f->dispatch, &f->config, NULL);
	ldns_pkt_free(ask(f, "a.example", DNS_TYPE_A));
	assert_int_equal(sent.message[3] & 0xf, DNS_RCODE_NXDOMAIN);
	match(OUTBOUND_FIRST);
	dispatch_set_hosts(f->dispatch, NULL);
	assert_answer(ask(f, "a.example", DNS_TYPE_A), "198.18.0.3");
}

static void what_depends_on_who_asks_is_decided_each_time(void **state)
{
	struct fixture *f = *state;

	said.is_personal = true;
	assert_answer(ask(f, "a.example", DNS_TYPE_A), "198.18.0.3");
	match(OUTBOUND_REJECT);
	said.is_personal = true;
	ldns_pkt_free(ask(f, "a.example", DNS_TYPE_A));
	assert_int_equal(sent.message[3] & 0xf, DNS_RCODE_NXDOMAIN);
}

static void each_of_many_that_are_read_at_once_is_answered(void **state)
{
	uint8_t queries[20][32];
	struct fixture *f = *state;
	struct fakes_stats names;
	struct dispatch_stats stats;

	sent.may_be_many = true;
	for (unsigned i = 0; i < 20; i++) {
		static const uint8_t query[] = "\0\0\1\0\0\1\0\0\0\0\0\0"
					       "\1a\7example\0\0\1\0\1";

		memcpy(queries[i], query, sizeof(query) - 1);
		queries[i][13] = (uint8_t)('a' + i);
		assert_true(dispatch_server_ops.on_query(
			f->dispatch, &f->asker, queries[i], sizeof(query) - 1));
	}
	dispatch_server_ops.on_queries_end(f->dispatch);
	sent.may_be_many = false;
	dispatch_stats(f->dispatch, &stats);
	assert_int_equal(stats.fake, 20);
	fakes_stats(f->fakes, &names);
	assert_int_equal(names.names, 20);
	assert_memory_equal(sent.message + 12, queries[19] + 12, 11);
	/* None is left. */
	sent.how = NOTHING;
	dispatch_server_ops.on_queries_end(f->dispatch);
	assert_int_equal(sent.how, NOTHING);
}

static void a_reload_takes_over_what_is_under_way(void **state)
{
	static int before, after;
	struct fixture *f = *state;
	struct question question = {.type = DNS_TYPE_A,
				    .udp_size = DNS_UDP_SIZE};
	const struct queries *old = (const struct queries *)&before;

	assert_int_equal(name_parse(&question.name, "b.example"), 0);
	match(OUTBOUND_DIRECT);
	handed.how = NOBODY;
	dispatch_set_config(f->dispatch, &f->config, (struct queries *)&before);
	assert_false(dispatch_query_ops.canceled(f->dispatch, old, &f->asker,
						 &question));
	assert_int_equal(handed.how, NOBODY);
	dispatch_set_config(f->dispatch, &f->config, (struct queries *)&after);
	assert_true(dispatch_query_ops.canceled(f->dispatch, old, &f->asker,
						&question));
	assert_int_equal(handed.how, FORWARD);
}

static void garbage_is_counted_and_answered_if_it_can_be(void **state)
{
	static const uint8_t empty[DNS_HEADER_SIZE] = {0x12, 0x34};
	struct fixture *f = *state;
	struct dispatch_stats stats;

	sent.how = NOTHING;
	assert_false(hand_in(f, empty, 5));
	assert_int_equal(sent.how, NOTHING);
	assert_true(hand_in(f, empty, sizeof(empty)));
	assert_int_equal(sent.how, REPLY);
	assert_int_equal(sent.length, DNS_HEADER_SIZE);
	assert_int_equal(sent.message[3] & 0xf, DNS_RCODE_FORMERR);
	dispatch_stats(f->dispatch, &stats);
	assert_int_equal(stats.queries, 2);
	assert_int_equal(stats.malformed, 2);
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_name_is_a_promise_until_its_batch_ends),
		TEST(a_broken_promise_is_servfail),
		TEST(a_rejection_names_its_rule),
		TEST(a_full_pool_names_the_rule_and_the_reason),
		TEST(what_is_refused_has_no_rule),
		TEST(any_gets_hinfo),
		TEST(options_are_answered),
		TEST(a_cookie_alone_is_completed),
		TEST(names_of_this_network_stay_in_it),
		TEST(a_fake_answer_names_its_rule),
		TEST(carried_https_comes_from_the_upstream),
		TEST(a_reverse_name_without_a_slot_does_not_exist),
		TEST(the_rest_is_handed_to_the_upstream),
		TEST(an_answer_with_news_leaves_by_way_of_routed),
		TEST(a_verdict_by_address_is_acted_on),
		TEST(an_answer_with_a_note_is_not_looked_at),
		TEST(what_was_decided_holds_until_something_changes),
		TEST(what_depends_on_who_asks_is_decided_each_time),
		TEST(each_of_many_that_are_read_at_once_is_answered),
		TEST(a_reload_takes_over_what_is_under_way),
		TEST(garbage_is_counted_and_answered_if_it_can_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
