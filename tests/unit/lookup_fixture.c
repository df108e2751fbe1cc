// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/lookup_fixture.h"

#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOOKUPS_MAX 128

struct world world;

int64_t __wrap_clock_boottime_ms(void);
int __wrap_upstreams_ask(struct upstreams *upstreams, int index,
			 const struct question *question, upstream_done_fn fn,
			 void *ctx);
uint64_t __wrap_upstreams_key(struct upstreams *upstreams, int index);
uint64_t __wrap_upstreams_route(const struct upstreams *upstreams, int index);
bool __wrap_upstreams_is_personal(const struct upstreams *upstreams, int index,
				  const struct question *question);
void __wrap_ev_timer_start(struct ev_loop *loop, struct ev_timer *timer);
void __wrap_ev_timer_stop(struct ev_loop *loop, struct ev_timer *timer);

int64_t __wrap_clock_boottime_ms(void)
{
	return world.now_ms;
}

int __wrap_upstreams_ask(struct upstreams *upstreams, int index,
			 const struct question *question, upstream_done_fn fn,
			 void *ctx)
{
	(void)upstreams;
	(void)index;
	if (world.ask_result < 0)
		return world.ask_result;
	world.asks++;
	for (size_t i = 0; i < WORLD_ASKS; i++) {
		struct world_ask *ask = &world.under_way[i];

		if (ask->fn)
			continue;
		*ask = (struct world_ask){world.now_ms + world.latency_ms,
					  *question, fn, ctx};
		return 0;
	}
	fail_msg("more asks are under way than a test should have");
	return -1;
}

uint64_t __wrap_upstreams_key(struct upstreams *upstreams, int index)
{
	(void)upstreams;
	return (uint64_t)index + 1;
}

uint64_t __wrap_upstreams_route(const struct upstreams *upstreams, int index)
{
	(void)upstreams;
	return world.route + (uint64_t)index;
}

bool __wrap_upstreams_is_personal(const struct upstreams *upstreams, int index,
				  const struct question *question)
{
	(void)upstreams;
	(void)index;
	return question->subnet.addr.family != ADDR_NONE;
}

void __wrap_ev_timer_start(struct ev_loop *loop, struct ev_timer *timer)
{
	(void)loop;
	if (timer->active)
		return;
	timer->at = (double)world.now_ms + timer->at * 1000.0;
	for (size_t i = 0; i < WORLD_ASKS; i++) {
		if (world.timers[i])
			continue;
		world.timers[i] = timer;
		timer->active = 1;
		return;
	}
	fail_msg("more timers run than a test should have");
}

void __wrap_ev_timer_stop(struct ev_loop *loop, struct ev_timer *timer)
{
	(void)loop;
	if (!timer->active)
		return;
	timer->active = 0;
	for (size_t i = 0; i < WORLD_ASKS; i++) {
		if (world.timers[i] == timer)
			world.timers[i] = NULL;
	}
}

void world_init(const struct cache_conf *conf, world_answer_fn answer)
{
	struct lookups_conf lookups = {
		.memory = &world.memory,
		.has_prefetch = true,
		.max = LOOKUPS_MAX,
	};

	memset(&world, 0, sizeof(world));
	world.answer = answer;
	world.latency_ms = 20;
	assert_int_equal(lookup_memory_set(&world.memory, conf), 0);
	assert_int_equal(lookups_new(&world.lookups, &lookups), 0);
}

void world_fini(void)
{
	lookups_free(world.lookups);
	lookup_memory_fini(&world.memory);
}

static void end_ask(struct world_ask *ask)
{
	static struct dns_message message;
	struct world_ask ended = *ask;
	struct upstream_result result = {.why = "it is dead"};

	ask->fn = NULL;
	result.status = world.answer(&ended.question, &message);
	if (result.status == 0) {
		result.message = message.bytes;
		result.length = message.length;
	}
	ended.fn(ended.ctx, &result);
}

static struct world_ask *next_ask(void)
{
	struct world_ask *first = NULL;

	for (size_t i = 0; i < WORLD_ASKS; i++) {
		struct world_ask *ask = &world.under_way[i];

		if (ask->fn && (!first || ask->due_ms < first->due_ms))
			first = ask;
	}
	return first;
}

static struct ev_timer *next_timer(void)
{
	struct ev_timer *first = NULL;

	for (size_t i = 0; i < WORLD_ASKS; i++) {
		struct ev_timer *timer = world.timers[i];

		if (timer && (!first || timer->at < first->at))
			first = timer;
	}
	return first;
}

void world_run(int64_t until_ms)
{
	for (;;) {
		struct world_ask *ask = next_ask();
		struct ev_timer *timer = next_timer();
		int64_t ask_ms = ask ? ask->due_ms : INT64_MAX;
		int64_t timer_ms = timer ? (int64_t)timer->at : INT64_MAX;

		if (ask_ms > until_ms && timer_ms > until_ms)
			break;
		if (ask_ms <= timer_ms) {
			world.now_ms = ask_ms;
			end_ask(ask);
		} else {
			world.now_ms = timer_ms;
			__wrap_ev_timer_stop(NULL, timer);
			timer->cb(NULL, timer, EV_TIMER);
		}
	}
	world.now_ms = until_ms;
}
