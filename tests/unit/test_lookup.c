// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/lookup.h"

#include "common/clock.h"
#include "common/err.h"
#include "tests/unit/lookup_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TTL_S 100
#define STALE_MS 3600000

/* One who waits, and what it was told. */
struct asker {
	struct lookup_waiter waiter;
	int calls, status;
	bool is_stale;
	uint32_t ttl_s;
	char why[64];
};

static struct asker askers[4];
static int upstream_says; /* an error, or 0 */

static int answer(const struct question *question, struct dns_message *message)
{
	dns_message_begin(message, question, 0);
	dns_message_add_a(message, TTL_S, 1);
	return upstream_says;
}

static int set_up(void **state)
{
	const struct cache_conf conf = {256 << 10, STALE_MS};

	(void)state;
	memset(askers, 0, sizeof(askers));
	upstream_says = 0;
	world_init(&conf, answer);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	world_fini();
	return 0;
}

static void on_answer(void *ctx, const struct upstream_result *result)
{
	struct asker *asker = ctx;

	asker->calls++;
	asker->status = result->status;
	asker->is_stale = result->is_stale;
	if (result->status == 0)
		asker->ttl_s =
			dns_message_ttl(result->message, result->length, 0);
	else
		strcpy(asker->why, result->why);
}

static int ask_for(struct asker *asker, const struct question *question)
{
	*asker = (struct asker){.waiter = {.fn = on_answer, .ctx = asker}};
	return lookups_ask(world.lookups, 0, question, &asker->waiter);
}

static void ask(struct asker *asker, const char *name)
{
	struct question question = dns_question(name, DNS_TYPE_A);

	assert_int_equal(ask_for(asker, &question), 0);
}

/* Asks, and waits until the upstream must have answered. */
static void ask_and_wait(struct asker *asker, const char *name)
{
	ask(asker, name);
	world_run(world.now_ms + world.latency_ms);
	assert_int_equal(asker->calls, 1);
}

static void the_first_asks_and_the_second_is_answered_at_once(void **state)
{
	struct upstream_result result;
	struct question question = dns_question("a.example", DNS_TYPE_A);

	(void)state;
	assert_false(lookups_find(world.lookups, 0, &question,
				  clock_boottime_ms(), &result));
	ask_and_wait(&askers[0], "a.example");
	world_run(10000);
	ask(&askers[1], "A.example");
	assert_int_equal(askers[1].calls, 1);
	assert_int_equal(askers[1].ttl_s, TTL_S - 9);
	assert_int_equal(world.asks, 1);
	assert_true(lookups_find(world.lookups, 0, &question,
				 clock_boottime_ms(), &result));
	/* Another group is somebody else. */
	assert_false(lookups_find(world.lookups, 1, &question,
				  clock_boottime_ms(), &result));
}

static void equal_questions_share_one_query(void **state)
{
	struct question question = dns_question("a.example", DNS_TYPE_AAAA);

	(void)state;
	ask(&askers[0], "a.example");
	ask(&askers[1], "a.example");
	assert_int_equal(ask_for(&askers[2], &question), 0);
	assert_int_equal(world.asks, 2);
	world_run(100);
	for (int i = 0; i < 3; i++)
		assert_int_equal(askers[i].calls, 1);
	assert_int_equal(world.memory.stats.shared, 1);
}

static void a_question_without_rd_passes_by(void **state)
{
	struct question question = dns_question("a.example", DNS_TYPE_A);

	(void)state;
	ask_and_wait(&askers[0], "a.example");
	question.rd = false;
	assert_int_equal(ask_for(&askers[1], &question), 0);
	/* And one whose answer is for a client alone. */
	question.rd = true;
	question.subnet.addr = addr_ipv4(0xc0000200);
	assert_int_equal(ask_for(&askers[2], &question), 0);
	assert_int_equal(world.asks, 3);
	world_run(200);
	assert_int_equal(askers[1].calls, 1);
	assert_int_equal(askers[2].calls, 1);
}

static void what_failed_is_not_asked_again_for_a_second(void **state)
{
	(void)state;
	upstream_says = ERR_TIMEOUT;
	ask_and_wait(&askers[0], "a.example");
	assert_int_equal(askers[0].status, ERR_TIMEOUT);
	upstream_says = 0;
	ask(&askers[1], "a.example");
	assert_int_equal(askers[1].calls, 1);
	assert_int_equal(askers[1].status, ERR_TIMEOUT);
	assert_string_equal(askers[1].why, "it is dead");
	assert_int_equal(world.asks, 1);
	assert_int_equal(world.memory.stats.refused, 1);
	world_run(1020);
	ask_and_wait(&askers[2], "a.example");
	assert_int_equal(askers[2].status, 0);
}

static void what_failed_is_asked_again_in_another_network(void **state)
{
	(void)state;
	upstream_says = ERR_TIMEOUT;
	ask_and_wait(&askers[0], "a.example");
	upstream_says = 0;
	ask(&askers[1], "a.example");
	assert_int_equal(askers[1].status, ERR_TIMEOUT);
	world.route++;
	ask_and_wait(&askers[2], "a.example");
	assert_int_equal(askers[2].status, 0);
	assert_int_equal(world.asks, 2);
}

static void being_without_a_network_is_no_failure_of_the_name(void **state)
{
	(void)state;
	upstream_says = -ENETUNREACH;
	ask_and_wait(&askers[0], "a.example");
	assert_int_equal(askers[0].status, -ENETUNREACH);
	upstream_says = 0;
	ask_and_wait(&askers[1], "a.example");
	assert_int_equal(askers[1].status, 0);
}

static void a_failure_gives_what_has_ended(void **state)
{
	(void)state;
	ask_and_wait(&askers[0], "a.example");
	upstream_says = ERR_REFUSED;
	world_run(1000 * TTL_S + 20);
	ask_and_wait(&askers[1], "a.example");
	assert_int_equal(askers[1].status, 0);
	assert_true(askers[1].is_stale);
	assert_int_equal(askers[1].ttl_s, CACHE_STALE_TTL_S);
	/* And now at once, as it has just failed. */
	ask(&askers[2], "a.example");
	assert_int_equal(askers[2].calls, 1);
	assert_true(askers[2].is_stale);
	/* It is asked again after a while, and answers. */
	upstream_says = 0;
	world_run(world.now_ms + 1000);
	ask_and_wait(&askers[3], "a.example");
	assert_false(askers[3].is_stale);
	assert_int_equal(askers[3].ttl_s, TTL_S);
}

static void a_slow_upstream_is_waited_for_until_stale_is_better(void **state)
{
	int64_t ended_ms = 1000 * TTL_S + 20;

	(void)state;
	ask_and_wait(&askers[0], "a.example");
	world_run(ended_ms);
	world.latency_ms = 3000;
	ask(&askers[1], "a.example");
	world_run(ended_ms + 1799);
	assert_int_equal(askers[1].calls, 0);
	world_run(ended_ms + 1800);
	assert_int_equal(askers[1].calls, 1);
	assert_true(askers[1].is_stale);
	/* The next one need not wait. */
	ask(&askers[2], "a.example");
	assert_int_equal(askers[2].calls, 1);
	assert_true(askers[2].is_stale);
	/* The answer arrives, for those who ask later. */
	world_run(ended_ms + 3000);
	ask(&askers[3], "a.example");
	assert_int_equal(askers[3].calls, 1);
	assert_false(askers[3].is_stale);
	assert_int_equal(world.asks, 2);
	assert_int_equal(askers[1].calls, 1);
}

static void a_slow_upstream_without_anything_stale_is_waited_for(void **state)
{
	(void)state;
	world.latency_ms = 3000;
	ask(&askers[0], "a.example");
	world_run(2999);
	assert_int_equal(askers[0].calls, 0);
	world_run(3000);
	assert_int_equal(askers[0].calls, 1);
	assert_false(askers[0].is_stale);
}

static void what_is_popular_is_asked_again_before_it_ends(void **state)
{
	(void)state;
	ask_and_wait(&askers[0], "a.example");
	for (int i = 0; i < 4; i++)
		ask(&askers[1], "a.example");
	world_run(1000 * TTL_S - 5000);
	ask(&askers[1], "a.example");
	ask(&askers[1], "a.example");
	assert_int_equal(world.asks, 2);
	assert_int_equal(world.memory.stats.prefetched, 1);
	world_run(1000 * TTL_S + 1000);
	ask(&askers[2], "a.example");
	assert_int_equal(askers[2].calls, 1);
	assert_false(askers[2].is_stale);
	assert_int_equal(world.memory.stats.misses, 1);
}

static void the_end_of_the_upstreams_is_told_to_all(void **state)
{
	(void)state;
	upstream_says = -ECANCELED;
	ask(&askers[0], "a.example");
	ask(&askers[1], "a.example");
	world_run(100);
	assert_int_equal(askers[0].status, -ECANCELED);
	assert_int_equal(askers[1].status, -ECANCELED);
	upstream_says = 0;
	ask_and_wait(&askers[2], "a.example");
	assert_int_equal(askers[2].status, 0);
}

static void an_ask_that_cannot_start_is_told_and_leaves_no_trace(void **state)
{
	struct question question = dns_question("a.example", DNS_TYPE_A);

	(void)state;
	world.ask_result = -EBUSY;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ask_for(&askers[0], &question), -EBUSY);
	world.ask_result = 0;
	ask_and_wait(&askers[1], "a.example");
	assert_int_equal(askers[0].calls, 0);
}

static void a_reload_keeps_the_cache_if_its_size_stays(void **state)
{
	struct cache_conf conf = {256 << 10, 0};

	(void)state;
	ask_and_wait(&askers[0], "a.example");
	assert_int_equal(lookup_memory_set(&world.memory, &conf), 0);
	ask(&askers[1], "a.example");
	assert_int_equal(askers[1].calls, 1);
	conf.size = 512 << 10;
	assert_int_equal(lookup_memory_set(&world.memory, &conf), 0);
	ask_and_wait(&askers[2], "a.example");
	assert_int_equal(world.asks, 2);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_asks_and_the_second_is_answered_at_once),
		TEST(equal_questions_share_one_query),
		TEST(a_question_without_rd_passes_by),
		TEST(what_failed_is_not_asked_again_for_a_second),
		TEST(what_failed_is_asked_again_in_another_network),
		TEST(being_without_a_network_is_no_failure_of_the_name),
		TEST(a_failure_gives_what_has_ended),
		TEST(a_slow_upstream_is_waited_for_until_stale_is_better),
		TEST(a_slow_upstream_without_anything_stale_is_waited_for),
		TEST(what_is_popular_is_asked_again_before_it_ends),
		TEST(the_end_of_the_upstreams_is_told_to_all),
		TEST(an_ask_that_cannot_start_is_told_and_leaves_no_trace),
		TEST(a_reload_keeps_the_cache_if_its_size_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
