// SPDX-License-Identifier: BSD-2-Clause
/*
 * The fake addresses of a day, on a real map, with a clock that stands still
 * between events: 28 addresses for names that are asked for again and again,
 * names whose flows are open for hours, and hundreds of visitors.
 *
 * The test keeps a book of its own: who has each address, when that was last
 * answered or told by the relay, until when a flow uses it.  After each
 * question every address that has lost its name is held against that.
 */
#include "common/clock.h"
#include "common/err.h"
#include "dnsd/fakes.h"
#include "tests/unit/lookup_fixture.h"
#include "tests/unit/map_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_MS 60000
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define MIDNIGHT_WALL_MS INT64_C(1795737600000)
#define STEP_MS 20000
#define GUARD_MS HOUR_MS
#define TELL_MS (GUARD_MS / 4)
#define ADDRESSES 32 /* a /27: 28 for names */
#define LONG_FLOWS 3
#define POPULAR 3
#define REGULARS (LONG_FLOWS + POPULAR)
#define NOBODY_HAS_IT (-1)

/* The long flows end at these times, or not today. */
static const int64_t flow_ends_ms[LONG_FLOWS] = {2 * DAY_MS, 6 * HOUR_MS,
						 12 * HOUR_MS};

#define RUSH_HOUR 12
#define RESTART_HOUR 16
#define SILENCE_HOUR 18
#define SILENCE_END_HOUR 20
static const struct {
	int hour;
	const char *text;
} events[] = {
	{0, "night: a new name every 20 minutes"},
	{6, "day: a new name every 4 minutes; a flow of 6 hours ends"},
	{RUSH_HOUR, "rush: three new names in 4 minutes; another flow ends"},
	{RUSH_HOUR + 1, "the rush is over"},
	{RESTART_HOUR, "dnsd is restarted, and knows of no use before"},
	{SILENCE_HOUR, "the relay falls silent"},
	{SILENCE_END_HOUR, "the relay tells of flows again"},
};

/* What the day is like; two that go wrong show that the book sees it. */
struct habits {
	int64_t guard_ms;
	bool is_forgetful; /* the relay leaves out the flows there are */
	bool is_told;      /* print the story */
};

struct address {
	int64_t name; /* its number */
	int64_t given_ms, used_ms, flow_end_ms;
};

static const struct address nobodys = {.name = NOBODY_HAS_IT,
				       .used_ms = -DAY_MS};

struct tally {
	unsigned given, lost, refused;
};

static struct {
	const struct habits *habits;
	struct fixture *fixture;
	uint64_t random;
	struct map *map;
	struct fakes *fakes;
	struct address addresses[ADDRESSES];
	int64_t told_ms;  /* when the relay told of all flows */
	unsigned strange; /* visitors so far */
	struct tally all, hour;
	unsigned early, in_use; /* losses that must not be */
	unsigned unknowing;     /* refused, as the relay was silent */
	unsigned restarted;     /* ... as dnsd had just begun */
	uint64_t full;          /* counted by those who ended */
	int64_t lost_at_ms[REGULARS];
} day;

int64_t __wrap_clock_wall_ms(void);

int64_t __wrap_clock_wall_ms(void)
{
	return MIDNIGHT_WALL_MS + world.now_ms;
}

static unsigned draw(unsigned below)
{
	day.random = day.random * UINT64_C(6364136223846793005) +
		     UINT64_C(1442695040888963407);
	return (unsigned)(day.random >> 33) % below;
}

static bool is_hour(int from, int to)
{
	return world.now_ms >= (int64_t)from * HOUR_MS &&
	       world.now_ms < (int64_t)to * HOUR_MS;
}

static struct name numbered(int64_t number)
{
	struct name name;
	char text[64];

	snprintf(text, sizeof(text), "n%lld.example", (long long)number);
	assert_int_equal(name_parse(&name, text), 0);
	return name;
}

static int64_t slot_of(int64_t number)
{
	for (int64_t slot = 0; slot < ADDRESSES; slot++) {
		if (day.addresses[slot].name == number)
			return slot;
	}
	return NOBODY_HAS_IT;
}

static bool has_flow(const struct address *address)
{
	return address->flow_end_ms > world.now_ms;
}

static bool knows_flows(void)
{
	return world.now_ms - day.told_ms <= day.habits->guard_ms / 2;
}

static void see_loss(struct address *address)
{
	day.all.lost++;
	day.hour.lost++;
	assert_true(knows_flows());
	if (world.now_ms - address->used_ms <= GUARD_MS)
		day.early++;
	if (has_flow(address))
		day.in_use++;
	if (address->name < REGULARS)
		day.lost_at_ms[address->name] = world.now_ms;
	*address = nobodys;
}

/* Names lose their addresses some at a time, before others get them. */
static void see_losses(void)
{
	for (uint32_t slot = 0; slot < ADDRESSES; slot++) {
		struct address *address = &day.addresses[slot];
		struct name name, expected;

		if (address->name == NOBODY_HAS_IT)
			continue;
		expected = numbered(address->name);
		if (fakes_name(day.fakes, slot, &name) < 0 ||
		    !name_equal(&name, &expected))
			see_loss(address);
	}
}

/* Only when there is not one that could be given. */
static void see_refusal(void)
{
	day.all.refused++;
	day.hour.refused++;
	if (!knows_flows()) {
		day.unknowing++;
		return;
	}
	if (is_hour(RESTART_HOUR, RESTART_HOUR + 1))
		day.restarted++;
	for (uint32_t slot = 0; slot < ADDRESSES; slot++) {
		const struct address *address = &day.addresses[slot];

		if (fake_slot_is_reserved(&day.fixture->pool, slot))
			continue;
		/* The last use is rounded up to seconds. */
		assert_in_range(world.now_ms - address->used_ms, 0,
				day.habits->guard_ms + 1000);
	}
}

static void see_answer(int64_t number, int64_t before, int64_t slot)
{
	struct address *address = &day.addresses[slot];

	assert_in_range(slot, 0, ADDRESSES - 1);
	if (before != NOBODY_HAS_IT) {
		assert_int_equal(slot, before);
	} else {
		assert_int_equal(address->name, NOBODY_HAS_IT);
		address->name = number;
		address->given_ms = world.now_ms;
		day.all.given++;
		day.hour.given++;
	}
	address->used_ms = world.now_ms;
}

/* Somebody asks, and uses the address for a while if there is an answer. */
static void ask(int64_t number, int64_t flow_ms)
{
	struct name name = numbered(number);
	int64_t before = slot_of(number);
	bool is_promise;
	int64_t slot =
		fakes_take(day.fakes, &name, name_hash(name.wire, name.length),
			   world.now_ms, &is_promise);
	struct address *address = &day.addresses[slot < 0 ? 0 : slot];

	assert_int_equal(fakes_commit(day.fakes), 0);
	see_losses();
	if (slot < 0) {
		assert_int_equal(slot, ERR_FULL);
		assert_int_equal(before, NOBODY_HAS_IT);
		see_refusal();
		return;
	}
	see_answer(number, before, slot);
	if (address->flow_end_ms < world.now_ms + flow_ms)
		address->flow_end_ms = world.now_ms + flow_ms;
}

/* The relay tells of all flows. */
static void tell(void)
{
	for (uint32_t slot = 0; slot < ADDRESSES; slot++) {
		struct address *address = &day.addresses[slot];

		if (!has_flow(address) || day.habits->is_forgetful)
			continue;
		fakes_hold(day.fakes, slot, world.now_ms);
		address->used_ms = world.now_ms;
	}
	fakes_hold_all(day.fakes, world.now_ms);
	day.told_ms = world.now_ms;
}

static void start(void)
{
	day.map = fixture_open(day.fixture, 0);
	assert_int_equal(fakes_new(&day.fakes, day.map, &day.fixture->pool,
				   world.now_ms),
			 0);
	fakes_set_guard(day.fakes, day.habits->guard_ms);
	day.told_ms = -DAY_MS;
}

static void stop(void)
{
	struct fakes_stats stats;

	fakes_stats(day.fakes, &stats);
	assert_int_equal(stats.failed, 0);
	day.full += stats.full;
	fakes_free(day.fakes);
	map_close(day.map);
}

/* It cannot know what was used before: all of it counts as used now. */
static void restart(void)
{
	stop();
	start();
	see_losses();
	assert_int_equal(day.hour.lost, 0);
	for (uint32_t slot = 0; slot < ADDRESSES; slot++)
		day.addresses[slot].used_ms = world.now_ms;
}

/* The file, as others read it, and the book say the same. */
static void compare_file(void)
{
	struct map_reader *reader = fixture_reader(day.fixture);
	struct map_row row;

	for (uint32_t slot = 0; slot < ADDRESSES; slot++) {
		const struct address *address = &day.addresses[slot];
		bool has_name = address->name != NOBODY_HAS_IT;
		struct name name;

		assert_int_equal(map_reader_by_slot(reader, slot, &row),
				 has_name);
		if (!has_name)
			continue;
		name = numbered(address->name);
		assert_true(name_equal(&row.name, &name));
		assert_int_equal(row.created_ms,
				 MIDNIGHT_WALL_MS + address->given_ms);
	}
	map_reader_close(reader);
}

static void tell_story(int hour)
{
	unsigned named = 0, in_use = 0;

	for (uint32_t slot = 0; slot < ADDRESSES; slot++) {
		named += day.addresses[slot].name != NOBODY_HAS_IT;
		in_use += has_flow(&day.addresses[slot]);
	}
	if (hour > 0)
		print_message("%02d:00  %2u given, %2u recycled, %2u refused; "
			      "%2u have a name, %2u a flow\n",
			      hour, day.hour.given, day.hour.lost,
			      day.hour.refused, named, in_use);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (events[i].hour == hour)
			print_message("%02d:00  %s\n", hour, events[i].text);
	}
}

static void begin_hour(int hour)
{
	compare_file();
	if (day.habits->is_told)
		tell_story(hour);
	memset(&day.hour, 0, sizeof(day.hour));
	if (hour == RESTART_HOUR)
		restart();
}

/* In steps, on average, a visitor comes. */
static unsigned pause_of_visitors(void)
{
	if (is_hour(0, 6))
		return 60;
	return is_hour(RUSH_HOUR, RUSH_HOUR + 1) ? 4 : 12;
}

static void step(void)
{
	int64_t number;

	if (world.now_ms % HOUR_MS == 0)
		begin_hour((int)(world.now_ms / HOUR_MS));
	if (world.now_ms % TELL_MS == 0 &&
	    !is_hour(SILENCE_HOUR, SILENCE_END_HOUR))
		tell();
	/* Each of the popular ones once in ten minutes. */
	if (world.now_ms % (10 * MINUTE_MS) == 0) {
		for (number = LONG_FLOWS; number < REGULARS; number++)
			ask(number, 0);
	}
	if (draw(pause_of_visitors()) > 0)
		return;
	/* One of four was here before; one of eight stays. */
	number = day.strange;
	if (day.strange > 0 && draw(4) == 0)
		number -= 1 + draw(day.strange < 20 ? day.strange : 20);
	else
		day.strange++;
	ask(REGULARS + number, (draw(8) ? 1 : 180) * (int64_t)MINUTE_MS);
}

static void live(struct fixture *fixture, const struct habits *habits)
{
	memset(&day, 0, sizeof(day));
	day.habits = habits;
	day.fixture = fixture;
	day.random = 4711;
	fixture->pool.ipv4.length = 27;
	for (uint32_t slot = 0; slot < ADDRESSES; slot++)
		day.addresses[slot] = nobodys;
	world.now_ms = 0;
	start();
	for (int64_t i = 0; i < LONG_FLOWS; i++)
		ask(i, flow_ends_ms[i]);
	for (; world.now_ms < DAY_MS; world.now_ms += STEP_MS)
		step();
	begin_hour(24);
	stop();
	assert_int_equal(day.full, day.all.refused);
}

static void idle_addresses_go_to_others_and_no_other_do(void **state)
{
	const struct habits habits = {.guard_ms = GUARD_MS, .is_told = true};

	live(*state, &habits);
	print_message("24 hours: %u given, %u recycled, %u refused: %u while "
		      "the relay was silent, %u after the restart\n",
		      day.all.given, day.all.lost, day.all.refused,
		      day.unknowing, day.restarted);
	assert_int_equal(day.early, 0);
	assert_int_equal(day.in_use, 0);
	/* A flow of all day and what is asked for keep theirs. */
	assert_int_equal(day.lost_at_ms[0], 0);
	for (size_t i = LONG_FLOWS; i < REGULARS; i++)
		assert_int_equal(day.lost_at_ms[i], 0);
	/* The others lose it the same day; the relay told once an interval. */
	for (size_t i = 1; i < LONG_FLOWS; i++)
		assert_in_range(day.lost_at_ms[i],
				flow_ends_ms[i] - TELL_MS + GUARD_MS,
				flow_ends_ms[i] + 4 * HOUR_MS);
	/* Many times the pool was given, and each case was there. */
	assert_in_range(day.all.lost, 4 * ADDRESSES, day.all.given);
	assert_true(day.unknowing > 0);
	assert_true(day.restarted > 0);
	assert_true(day.all.refused > day.unknowing + day.restarted);
}

/* The controls: the book sees what must not be. */
static void a_relay_that_forgets_flows_is_found_out(void **state)
{
	const struct habits habits = {.guard_ms = GUARD_MS,
				      .is_forgetful = true};

	live(*state, &habits);
	assert_true(day.in_use > 0);
	assert_true(day.lost_at_ms[0] > 0);
	assert_int_equal(day.early, 0);
}

static void a_guard_that_is_too_short_is_found_out(void **state)
{
	const struct habits habits = {.guard_ms = GUARD_MS / 2};

	live(*state, &habits);
	assert_true(day.early > 0);
	assert_int_equal(day.in_use, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(idle_addresses_go_to_others_and_no_other_do),
		MAP_TEST(a_relay_that_forgets_flows_is_found_out),
		MAP_TEST(a_guard_that_is_too_short_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
