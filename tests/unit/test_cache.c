// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/cache/cache.h"

#include "tests/unit/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE (256U << 10)
#define STALE_MS 60000
#define HOME 1
#define OTHER 2
#define TYPE_TXT 16

static struct cache *cache;
static struct cache_hit hit;
static struct dns_message message;

static int set_up(void **state)
{
	const struct cache_conf conf = {SIZE, STALE_MS};

	(void)state;
	return cache_new(&cache, &conf);
}

static int tear_down(void **state)
{
	(void)state;
	cache_free(cache);
	return 0;
}

static void put(const struct question *question, int64_t now_ms)
{
	cache_put(cache, &(struct cache_key){HOME, question}, message.bytes,
		  message.length, now_ms);
}

/* One A record. */
static void put_a(const char *name, uint32_t ttl_s, int64_t now_ms)
{
	struct question question = dns_question(name, DNS_TYPE_A);

	dns_message_begin(&message, &question, 0);
	dns_message_add_a(&message, ttl_s, 0xc0000201);
	put(&question, now_ms);
}

static bool has(const char *name, uint16_t type, int64_t now_ms)
{
	struct question question = dns_question(name, type);

	return cache_find(cache, &(struct cache_key){HOME, &question}, now_ms,
			  &hit);
}

static void an_answer_is_found_by_its_question_and_group(void **state)
{
	struct question question = dns_question("www.example.com", DNS_TYPE_A);

	(void)state;
	assert_false(has("www.example.com", DNS_TYPE_A, 0));
	put_a("www.example.com", 60, 0);
	assert_true(has("WWW.example.COM", DNS_TYPE_A, 0));
	assert_int_equal(hit.length, message.length);
	assert_memory_equal(hit.message, message.bytes, hit.length);
	assert_false(has("ww.example.com", DNS_TYPE_A, 0));
	assert_false(has("www.example.com", DNS_TYPE_AAAA, 0));
	assert_false(cache_find(cache, &(struct cache_key){OTHER, &question}, 0,
				&hit));
	question.do_bit = true;
	assert_false(cache_find(cache, &(struct cache_key){HOME, &question}, 0,
				&hit));
	question.do_bit = false;
	question.cd = true;
	assert_false(cache_find(cache, &(struct cache_key){HOME, &question}, 0,
				&hit));
	question.cd = false;
	assert_true(cache_find(cache, &(struct cache_key){HOME, &question}, 0,
			       &hit));
}

static void a_note_stays_with_its_answer(void **state)
{
	(void)state;
	put_a("a.example", 60, 0);
	put_a("b.example", 60, 0);
	assert_true(has("a.example", DNS_TYPE_A, 0));
	assert_int_equal(hit.note->epoch, 0);
	*hit.note = (struct cache_note){1000, 7, true};
	assert_true(has("b.example", DNS_TYPE_A, 0));
	assert_int_equal(hit.note->epoch, 0);
	assert_true(has("a.example", DNS_TYPE_A, 0));
	assert_int_equal(hit.note->until_ms, 1000);
	assert_int_equal(hit.note->epoch, 7);
	/* Another answer has another one. */
	put_a("a.example", 60, 1);
	assert_true(has("a.example", DNS_TYPE_A, 1));
	assert_int_equal(hit.note->epoch, 0);
}

static void ttls_count_down_and_the_shortest_ends_it(void **state)
{
	struct question question = dns_question("a.example", DNS_TYPE_A);

	(void)state;
	dns_message_begin(&message, &question, 0);
	dns_message_add_a(&message, 300, 1);
	dns_message_add_a(&message, 20, 2);
	put(&question, 5000);
	assert_true(has("a.example", DNS_TYPE_A, 5000));
	assert_int_equal(dns_message_ttl(hit.message, hit.length, 0), 300);
	assert_true(has("a.example", DNS_TYPE_A, 24999));
	assert_false(hit.is_stale);
	assert_int_equal(dns_message_ttl(hit.message, hit.length, 0), 281);
	assert_int_equal(dns_message_ttl(hit.message, hit.length, 1), 1);
	assert_true(has("a.example", DNS_TYPE_A, 25000));
	assert_true(hit.is_stale);
	assert_int_equal(dns_message_ttl(hit.message, hit.length, 0), 30);
	assert_int_equal(dns_message_ttl(hit.message, hit.length, 1), 30);
	assert_true(has("a.example", DNS_TYPE_A, 24999 + STALE_MS));
	assert_false(has("a.example", DNS_TYPE_A, 25000 + STALE_MS));
	/* It is gone for good. */
	assert_false(has("a.example", DNS_TYPE_A, 24999));
}

static void ttl_0_and_what_is_above_31_bits_is_not_kept(void **state)
{
	(void)state;
	put_a("a.example", 0, 0);
	assert_false(has("a.example", DNS_TYPE_A, 0));
	put_a("a.example", 0x80000001, 0);
	assert_false(has("a.example", DNS_TYPE_A, 0));
	/* It replaces what said otherwise, too. */
	put_a("a.example", 60, 0);
	put_a("a.example", 0, 0);
	assert_false(has("a.example", DNS_TYPE_A, 0));
}

static void nothing_lives_for_more_than_a_day(void **state)
{
	(void)state;
	put_a("a.example", 1000000, 0);
	assert_true(has("a.example", DNS_TYPE_A, 86399999));
	assert_false(hit.is_stale);
	assert_int_equal(dns_message_ttl(hit.message, hit.length, 0), 1);
	assert_true(has("a.example", DNS_TYPE_A, 86400000));
	assert_true(hit.is_stale);
}

static void a_negative_answer_lives_as_its_soa_says(void **state)
{
	struct question question = dns_question("no.example", DNS_TYPE_A);

	(void)state;
	dns_message_begin(&message, &question, DNS_RCODE_NXDOMAIN);
	put(&question, 0);
	assert_false(has("no.example", DNS_TYPE_A, 0));
	dns_message_add_soa(&message, 3, 900, 100);
	put(&question, 0);
	assert_true(has("no.example", DNS_TYPE_A, 1000));
	assert_int_equal(dns_message_ttl(hit.message, hit.length, 0), 99);
	assert_true(has("no.example", DNS_TYPE_A, 99999));
	assert_false(hit.is_stale);
	assert_true(has("no.example", DNS_TYPE_A, 100000));
	assert_true(hit.is_stale);
	/* One that nobody has validated speaks of nothing else. */
	assert_false(has("no.example", DNS_TYPE_AAAA, 0));
	assert_false(has("sub.no.example", DNS_TYPE_A, 0));

	question = dns_question("empty.example", DNS_TYPE_A);
	dns_message_begin(&message, &question, DNS_RCODE_NOERROR);
	dns_message_add_soa(&message, 6, 100, 900);
	put(&question, 0);
	assert_true(has("empty.example", DNS_TYPE_A, 99999));
	assert_false(hit.is_stale);
}

static void a_chain_that_ends_in_nothing_is_negative(void **state)
{
	struct question question = dns_question("a.example", DNS_TYPE_A);

	(void)state;
	dns_message_begin(&message, &question, DNS_RCODE_NOERROR);
	dns_message_add(&message, 0,
			&(struct dns_record){DNS_TYPE_CNAME, 60, "\1b\0", 3});
	put(&question, 0);
	assert_false(has("a.example", DNS_TYPE_A, 0));
	dns_message_add_soa(&message, 2, 50, 40);
	put(&question, 0);
	assert_true(has("a.example", DNS_TYPE_A, 39999));
	assert_false(hit.is_stale);
	assert_int_equal(dns_message_ttl(hit.message, hit.length, 0), 1);
}

static void a_validated_nxdomain_speaks_for_all_below(void **state)
{
	struct question question = dns_question("no.example", DNS_TYPE_A);
	struct wire_cursor cursor;
	struct wire_record record;
	struct name owner, mname;

	(void)state;
	dns_message_begin(&message, &question,
			  DNS_RCODE_NXDOMAIN | DNS_FLAG_AD);
	dns_message_add_soa(&message, 3, 60, 60);
	put(&question, 0);
	assert_true(has("no.example", TYPE_TXT, 10000));
	assert_true(has("deep.sub.no.example", DNS_TYPE_AAAA, 10000));
	assert_int_equal(hit.message[3] & 0xf, DNS_RCODE_NXDOMAIN);
	assert_int_equal(wire_begin(&cursor, hit.message, hit.length), 0);
	assert_int_equal(wire_next(&cursor, &record), 1);
	assert_int_equal(record.ttl, 50);
	assert_int_equal(record.type, DNS_TYPE_SOA);
	assert_int_equal(
		wire_name(&owner, hit.message, hit.length, record.start), 0);
	assert_int_equal(
		wire_name(&mname, hit.message, hit.length, record.rdata), 0);
	assert_memory_equal(owner.wire, "\7example", 9);
	assert_true(name_equal(&owner, &mname));
	assert_int_equal(wire_next(&cursor, &record), 0);
	assert_int_equal(cursor.at, hit.length);
	/* Beside it, above it, for one who wants proofs, and later: no. */
	assert_false(has("yesno.example", DNS_TYPE_A, 10000));
	assert_false(has("example", DNS_TYPE_A, 10000));
	question = dns_question("sub.no.example", DNS_TYPE_A);
	question.do_bit = true;
	assert_false(cache_find(cache, &(struct cache_key){HOME, &question},
				10000, &hit));
	assert_false(has("deep.sub.no.example", DNS_TYPE_AAAA, 60000));
}

static void failures_and_truncated_answers_are_not_kept(void **state)
{
	static const unsigned flags[] = {DNS_RCODE_SERVFAIL, DNS_RCODE_REFUSED,
					 DNS_FLAG_TC};
	struct question question = dns_question("a.example", DNS_TYPE_A);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		dns_message_begin(&message, &question, flags[i]);
		dns_message_add_a(&message, 60, 1);
		put(&question, 0);
		assert_false(has("a.example", DNS_TYPE_A, 0));
	}
	put_a("a.example", 60, 0);
	assert_true(has("a.example", DNS_TYPE_A, 0));
}

static void the_opt_of_the_upstream_is_left_out(void **state)
{
	struct question question = dns_question("a.example", DNS_TYPE_A);
	size_t length;

	(void)state;
	dns_message_begin(&message, &question, 0);
	dns_message_add_a(&message, 60, 1);
	length = message.length;
	memcpy(message.bytes + length, "\0\0\51\4\320\0\0\0\0\0\0", 11);
	message.length += 11;
	wire_write16(message.bytes + 10, 1);
	put(&question, 0);
	assert_true(has("a.example", DNS_TYPE_A, 0));
	assert_int_equal(hit.length, length);
	assert_int_equal(wire_read16(hit.message + 10), 0);
}

static void what_is_popular_is_due_once_before_its_end(void **state)
{
	(void)state;
	put_a("a.example", 100, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(has("a.example", DNS_TYPE_A, 1000));
		assert_false(hit.is_due);
	}
	assert_true(has("a.example", DNS_TYPE_A, 95000));
	assert_true(hit.is_due);
	assert_true(has("a.example", DNS_TYPE_A, 96000));
	assert_false(hit.is_due);
	/* Once is not popular. */
	put_a("b.example", 100, 0);
	assert_true(has("b.example", DNS_TYPE_A, 95000));
	assert_false(hit.is_due);
}

static void it_stays_within_its_bytes_and_keeps_what_is_used(void **state)
{
	struct cache_stats stats;
	char name[32];

	(void)state;
	put_a("popular.example", 3600, 0);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		put_a(name, 3600, i);
		assert_true(has(name, DNS_TYPE_A, i));
		assert_true(has("popular.example", DNS_TYPE_A, i));
		assert_memory_equal(hit.message + DNS_HEADER_SIZE, "\7popular",
				    8);
	}
	cache_stats(cache, &stats);
	assert_in_range(stats.bytes, SIZE / 2, SIZE);
	assert_in_range(stats.entries, 1000, SIZE / 64);
	assert_in_range(stats.evicted, 90000, 100000);
	assert_false(has("n0.example", DNS_TYPE_A, 100000));
	assert_true(has("n99998.example", DNS_TYPE_A, 100000));
}

static void answers_of_many_sizes_and_their_successors_fit(void **state)
{
	struct question question;
	char name[32];

	(void)state;
	srand(1);
	for (int i = 0; i < 30000; i++) {
		int number = rand() % 500;

		snprintf(name, sizeof(name), "n%d.example", number);
		question = dns_question(name, DNS_TYPE_A);
		dns_message_begin(&message, &question, 0);
		for (int k = rand() % 100; k >= 0; k--)
			dns_message_add_a(&message, 1 + rand() % 100,
					  (uint32_t)number);
		put(&question, i * 10);
		if (!has(name, DNS_TYPE_A, i * 10))
			fail_msg("what was put is not found");
		assert_int_equal(hit.length, message.length);
		snprintf(name, sizeof(name), "n%d.example", rand() % 500);
		if (has(name, DNS_TYPE_A, i * 10))
			assert_int_equal(
				wire_read32(hit.message + hit.length - 4),
				atoi(name + 1));
	}
}

static void a_flush_takes_a_name_and_what_lies_below(void **state)
{
	struct cache_stats stats;

	(void)state;
	put_a("example.com", 60, 0);
	put_a("www.example.com", 60, 0);
	put_a("notexample.com", 60, 0);
	put_a("example.net", 60, 0);
	struct question question = dns_question("example.com", DNS_TYPE_A);
	assert_int_equal(cache_flush(cache, &question.name), 2);
	assert_false(has("www.example.com", DNS_TYPE_A, 0));
	assert_true(has("notexample.com", DNS_TYPE_A, 0));
	assert_int_equal(cache_flush(cache, NULL), 2);
	assert_false(has("example.net", DNS_TYPE_A, 0));
	cache_stats(cache, &stats);
	assert_int_equal(stats.entries, 0);
}

static void a_cache_of_no_bytes_keeps_nothing(void **state)
{
	const struct cache_conf conf = {0, 0};
	struct cache *full = cache;

	(void)state;
	assert_int_equal(cache_new(&cache, &conf), 0);
	put_a("a.example", 60, 0);
	assert_false(has("a.example", DNS_TYPE_A, 0));
	assert_int_equal(cache_flush(cache, NULL), 0);
	cache_free(cache);
	cache = full;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_found_by_its_question_and_group),
		TEST(a_note_stays_with_its_answer),
		TEST(ttls_count_down_and_the_shortest_ends_it),
		TEST(ttl_0_and_what_is_above_31_bits_is_not_kept),
		TEST(nothing_lives_for_more_than_a_day),
		TEST(a_negative_answer_lives_as_its_soa_says),
		TEST(a_chain_that_ends_in_nothing_is_negative),
		TEST(a_validated_nxdomain_speaks_for_all_below),
		TEST(failures_and_truncated_answers_are_not_kept),
		TEST(the_opt_of_the_upstream_is_left_out),
		TEST(what_is_popular_is_due_once_before_its_end),
		TEST(it_stays_within_its_bytes_and_keeps_what_is_used),
		TEST(answers_of_many_sizes_and_their_successors_fit),
		TEST(a_flush_takes_a_name_and_what_lies_below),
		TEST(a_cache_of_no_bytes_keeps_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
