// SPDX-License-Identifier: BSD-2-Clause
/*
 * A day of a small network, with a clock that stands still between events:
 * five questions a second for names of every kind of TTL, some again and again
 * and some only once, half an hour in which the upstream is dead, and ten
 * minutes in which it takes three seconds.
 *
 * Each address that the upstream gives is the second at which it was given, so
 * that each answer tells its age.
 */
#include "common/err.h"
#include "tests/unit/lookup_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_MS 3600000
#define DAY_MS (24 * HOUR_MS)
#define DEAD_FROM_MS (10 * HOUR_MS)
#define DEAD_TO_MS (DEAD_FROM_MS + HOUR_MS / 2)
#define SLOW_FROM_MS (15 * HOUR_MS)
#define SLOW_TO_MS (SLOW_FROM_MS + HOUR_MS / 6)
#define TIMEOUT_MS 4000
#define AFTERMATH_MS 35000 /* a failure counts for 30 s at most */
#define STALE_MS (2 * HOUR_MS)
#define CACHE_SIZE (512U << 10)
#define NAMES 1000
#define POPULAR 4
#define ASKERS 64

static const uint32_t ttls[] = {0, 1, 30, 60, 300, 3600, 86400};

struct asker {
	struct lookup_waiter waiter;
	bool is_waiting;
	unsigned name;
	int64_t asked_ms;
};

static struct {
	uint64_t random;
	struct asker askers[ASKERS];
	uint64_t fresh, kept, stale, failed;
	uint64_t once; /* names that are asked for one time */
	/* of the popular names, while the upstream is well */
	uint64_t popular_waits;
	bool has_seen[POPULAR];
} day;

struct hour {
	uint64_t fresh, kept, stale, failed, prefetched, evicted;
};

static unsigned draw(unsigned below)
{
	day.random = day.random * UINT64_C(6364136223846793005) +
		     UINT64_C(1442695040888963407);
	return (unsigned)(day.random >> 33) % below;
}

/* The popular ones have TTLs that make prefetching worth while. */
static uint32_t ttl_of(unsigned name)
{
	if (name < POPULAR)
		return name % 2 ? 60 : 300;
	return ttls[name % ARRAY_LEN(ttls)];
}

static bool is_within(int64_t ms, int64_t from_ms, int64_t to_ms)
{
	return ms >= from_ms && ms < to_ms;
}

/* Can the upstream be to blame for what happens at that time? */
static bool is_ill(int64_t ms)
{
	return is_within(ms, DEAD_FROM_MS, DEAD_TO_MS + AFTERMATH_MS) ||
	       is_within(ms, SLOW_FROM_MS, SLOW_TO_MS + AFTERMATH_MS);
}

static int answer(const struct question *question, struct dns_message *message)
{
	unsigned name = 0;

	if (is_within(world.now_ms - TIMEOUT_MS, DEAD_FROM_MS, DEAD_TO_MS))
		return ERR_TIMEOUT;
	/* "n123", behind the byte of its length; names of once are popular. */
	for (unsigned i = 2; i <= question->name.wire[0]; i++)
		name = name * 10 + question->name.wire[i] - '0';
	dns_message_begin(message, question, 0);
	dns_message_add_a(message,
			  question->name.wire[1] == 'o' ? 86400 : ttl_of(name),
			  (uint32_t)(world.now_ms / 1000));
	return 0;
}

static void check_answer(const struct asker *asker,
			 const struct upstream_result *result)
{
	int64_t now_s = world.now_ms / 1000;
	int64_t born_s = wire_read32(result->message + result->length - 4);
	int64_t age_s = now_s - born_s;
	uint32_t ttl_s = ttl_of(asker->name);
	uint32_t left_s = dns_message_ttl(result->message, result->length, 0);

	if (result->is_stale) {
		day.stale++;
		assert_true(is_ill(world.now_ms));
		assert_int_equal(left_s, CACHE_STALE_TTL_S);
		assert_in_range(age_s, ttl_s, ttl_s + STALE_MS / 1000);
		return;
	}
	if (!result->is_cached) {
		day.fresh++;
		assert_int_equal(age_s, 0);
		assert_int_equal(left_s, ttl_s);
		return;
	}
	day.kept++;
	assert_true(ttl_s > 0);
	assert_in_range(left_s, 1, ttl_s);
	/* Both are rounded to seconds. */
	assert_in_range(left_s + age_s, ttl_s, ttl_s + 1);
}

static void on_answer(void *ctx, const struct upstream_result *result)
{
	struct asker *asker = ctx;
	bool has_waited = !result->is_cached || result->is_stale;

	assert_true(asker->is_waiting);
	asker->is_waiting = false;
	assert_in_range(world.now_ms - asker->asked_ms, 0, TIMEOUT_MS);
	if (result->status < 0) {
		day.failed++;
		assert_true(is_ill(world.now_ms));
		return;
	}
	check_answer(asker, result);
	if (asker->name >= POPULAR)
		return;
	if (has_waited && day.has_seen[asker->name] && !is_ill(world.now_ms))
		day.popular_waits++;
	day.has_seen[asker->name] = true;
}

static struct asker *free_asker(void)
{
	size_t i = 0;

	while (i < ASKERS && day.askers[i].is_waiting)
		i++;
	assert_in_range(i, 0, ASKERS - 1); /* else one was never answered */
	return &day.askers[i];
}

static void on_once(void *ctx, const struct upstream_result *result)
{
	struct asker *asker = ctx;

	(void)result;
	asker->is_waiting = false;
}

/* Three of four questions are for the popular names. */
static void ask(void)
{
	struct asker *asker = free_asker();
	char text[32];

	asker->is_waiting = true;
	asker->asked_ms = world.now_ms;
	asker->waiter.ctx = asker;
	asker->waiter.fn = on_answer;
	asker->name = draw(4) ? draw(POPULAR) : draw(NAMES);
	snprintf(text, sizeof(text), "n%u.example", asker->name);
	if (draw(8) == 0) {
		asker->waiter.fn = on_once;
		snprintf(text, sizeof(text), "o%llu.example",
			 (unsigned long long)day.once++);
	}
	struct question question = dns_question(text, DNS_TYPE_A);
	assert_int_equal(
		lookups_ask(world.lookups, 0, &question, &asker->waiter), 0);
}

static void set_weather(void)
{
	world.latency_ms = 20;
	if (is_within(world.now_ms, DEAD_FROM_MS, DEAD_TO_MS))
		world.latency_ms = TIMEOUT_MS;
	if (is_within(world.now_ms, SLOW_FROM_MS, SLOW_TO_MS))
		world.latency_ms = 3000;
}

/* What happened in the hour before, in a line. */
static void tell_hour(int hour)
{
	static struct hour then;
	struct cache_stats cache;
	struct hour now;

	cache_stats(world.memory.cache, &cache);
	now = (struct hour){day.fresh,
			    day.kept,
			    day.stale,
			    day.failed,
			    world.memory.stats.prefetched,
			    cache.evicted};
	print_message(
		"%02d:00  %5llu fresh, %5llu kept, %4llu stale, %3llu failed; "
		"%4llu prefetched, %4llu evicted\n",
		hour, (unsigned long long)(now.fresh - then.fresh),
		(unsigned long long)(now.kept - then.kept),
		(unsigned long long)(now.stale - then.stale),
		(unsigned long long)(now.failed - then.failed),
		(unsigned long long)(now.prefetched - then.prefetched),
		(unsigned long long)(now.evicted - then.evicted));
	then = now;
	if (hour == DEAD_FROM_MS / HOUR_MS)
		print_message("%02d:00  the upstream is dead for 30 minutes\n",
			      hour);
	if (hour == SLOW_FROM_MS / HOUR_MS)
		print_message("%02d:00  it takes three seconds, for 10 "
			      "minutes\n",
			      hour);
}

static void everything_is_where_it_belongs(void **state)
{
	const struct cache_conf conf = {CACHE_SIZE, STALE_MS};
	const struct lookups_stats *stats = &world.memory.stats;
	struct cache_stats cache;
	uint64_t asked = 0;
	int hour = 0;

	(void)state;
	day.random = 4711;
	world_init(&conf, answer);
	for (; world.now_ms < DAY_MS; asked++) {
		while (world.now_ms >= (int64_t)(hour + 1) * HOUR_MS)
			tell_hour(++hour);
		set_weather();
		ask();
		world_run(world.now_ms + 1 + draw(400));
	}
	world_run(DAY_MS + TIMEOUT_MS);
	tell_hour(24);

	cache_stats(world.memory.cache, &cache);
	print_message(
		"%llu asked, %llu by the upstream: %llu fresh, %llu kept,"
		" %llu stale, %llu failed; %llu prefetched, %llu shared,"
		" %llu evicted, %zu kept in %zu KiB\n",
		(unsigned long long)asked, (unsigned long long)world.asks,
		(unsigned long long)day.fresh, (unsigned long long)day.kept,
		(unsigned long long)day.stale, (unsigned long long)day.failed,
		(unsigned long long)stats->prefetched,
		(unsigned long long)stats->shared,
		(unsigned long long)cache.evicted, cache.entries,
		cache.bytes >> 10);
	/* Nobody waits for what many ask for, and somebody asks in time. */
	assert_in_range(day.popular_waits, 0, 20);
	assert_in_range(stats->prefetched, 1000, 20000);
	/* The dead half hour was bridged for the most part. */
	assert_true(day.stale > day.failed);
	assert_in_range(day.failed, 1, asked / 50);
	/* It was full, and what was asked for once made room. */
	assert_in_range(cache.evicted, 1000, day.once);
	assert_in_range(cache.bytes, CACHE_SIZE / 2, CACHE_SIZE);
	assert_true(day.kept > day.fresh);
	world_fini();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_where_it_belongs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
