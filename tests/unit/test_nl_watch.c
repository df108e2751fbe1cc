// SPDX-License-Identifier: BSD-2-Clause
/*
 * With the real kernel, in a network namespace of this process alone; without
 * the privilege to make one there is nothing to test.
 */
#include "common/nl_watch.h"

#include "routed/plan.h"
#include "tests/unit/fib_model.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture {
	struct ev_loop *loop;
	struct nl_edit *mine, *other;
	struct nl_watch *watch;
	unsigned calls;
	uint32_t remover;
};

static void on_change(void *ctx)
{
	struct fixture *f = ctx;

	f->calls++;
}

static void on_removal(void *ctx, uint32_t port)
{
	struct fixture *f = ctx;

	f->remover = port;
}

static int setup(void **state)
{
	static struct fixture f;

	*state = NULL;
	if (unshare(CLONE_NEWNET) < 0)
		return 0;
	f.loop = ev_loop_new(0);
	if (!f.loop || nl_edit_open(&f.mine) < 0 ||
	    nl_edit_open(&f.other) < 0 ||
	    nl_watch_open(&f.watch, f.loop, nl_edit_portid(f.mine), on_change,
			  &f) < 0)
		return -1;
	nl_watch_removals(f.watch, on_removal, &f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (!f)
		return 0;
	nl_watch_close(f->watch);
	nl_edit_close(f->mine);
	nl_edit_close(f->other);
	ev_loop_destroy(f->loop);
	return 0;
}

static void changes_of_others_are_told_once_for_all(void **state)
{
	struct fixture *f = *state;
	struct nl_object object;

	if (!f)
		skip();
	for (uint32_t i = 1; i <= 5; i++) {
		const struct prefix prefix = {addr_ipv4(0x0b000000 + i), 32};

		object = plan_throw(&prefix, PLAN_TABLE_LOCAL);
		assert_int_equal(nl_edit_add(f->other, &object), 0);
	}
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->remover, 0);
	assert_int_equal(nl_edit_del(f->other, &object), 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->calls, 2);
	assert_int_equal(f->remover, nl_edit_portid(f->other));
	/* Our own are not. */
	assert_int_equal(nl_edit_add(f->mine, &object), 0);
	assert_int_equal(nl_edit_del(f->mine, &object), 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->calls, 2);
}

/* Rules carry their protocol elsewhere than routes. */
static void removal_of_ours_tells_who(void **state)
{
	struct fixture *f = *state;
	struct nl_object rule = {.kind = NL_OBJECT_RULE};
	struct nl_object route = {.kind = NL_OBJECT_ROUTE};

	if (!f)
		skip();
	f->remover = 0;
	route.route = (struct nl_route){
		.family = ADDR_IPV4,
		.type = RTN_THROW,
		.table = PLAN_TABLE_LOCAL,
		.dst = prefix_of("11.1.0.0/16"),
		.protocol = RTPROT_STATIC,
	};
	assert_int_equal(nl_edit_add(f->other, &route), 0);
	assert_int_equal(nl_edit_del(f->other, &route), 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->remover, 0);
	rule.rule = (struct nl_rule){
		.family = ADDR_IPV4,
		.priority = 5001,
		.table = PLAN_TABLE_LOCAL,
		.action = FR_ACT_TO_TBL,
		.suppress_prefixlength = -1,
		.protocol = NL_PROTOCOL,
	};
	assert_int_equal(nl_edit_add(f->other, &rule), 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->remover, 0);
	assert_int_equal(nl_edit_del(f->other, &rule), 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->remover, nl_edit_portid(f->other));
}

static void lost_events_are_an_event(void **state)
{
	struct fixture *f = *state;
	unsigned before;

	if (!f)
		skip();
	before = f->calls;
	for (uint32_t i = 0; i < 2000; i++) {
		const struct prefix prefix = {addr_ipv4(0x0c000000 + i), 32};
		const struct nl_object object =
			plan_throw(&prefix, PLAN_TABLE_LOCAL);

		assert_int_equal(nl_edit_add(f->other, &object), 0);
	}
	for (int i = 0; i < 10; i++)
		ev_run(f->loop, EVRUN_NOWAIT);
	assert_true(f->calls > before);
	before = f->calls;
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->calls, before);
}

/* More than the socket has room for: none of them ever gets there. */
static void own_changes_wake_nobody(void **state)
{
	struct fixture *f = *state;
	unsigned before;

	if (!f)
		skip();
	before = f->calls;
	for (uint32_t i = 0; i < 2000; i++) {
		const struct prefix prefix = {addr_ipv4(0x0d000000 + i), 32};
		const struct nl_object object =
			plan_throw(&prefix, PLAN_TABLE_LOCAL);

		assert_int_equal(nl_edit_add(f->mine, &object), 0);
	}
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->calls, before);
}

static void who_looks_at_uplinks_hears_nothing_of_our_routes(void **state)
{
	struct fixture *f = *state;
	const struct prefix prefix = {addr_ipv4(0x0e000000), 24};
	struct nl_object object = plan_throw(&prefix, PLAN_TABLE_LOCAL);
	struct fixture heard = {0};
	struct nl_watch *watch;

	if (!f)
		skip();
	assert_int_equal(nl_watch_open(&watch, f->loop, 0, on_change, &heard),
			 0);
	assert_int_equal(nl_edit_add(f->other, &object), 0);
	assert_int_equal(nl_edit_del(f->other, &object), 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(heard.calls, 0);
	/* Those of others, and rules, are heard of. */
	object.route.protocol = RTPROT_STATIC;
	assert_int_equal(nl_edit_add(f->other, &object), 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(heard.calls, 1);
	assert_int_equal(nl_edit_del(f->other, &object), 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(heard.calls, 2);
	object = (struct nl_object){.kind = NL_OBJECT_RULE};
	object.rule = (struct nl_rule){
		.family = ADDR_IPV4,
		.action = FR_ACT_TO_TBL,
		.protocol = NL_PROTOCOL,
		.priority = 4990,
		.table = RT_TABLE_MAIN,
		.suppress_prefixlength = -1,
	};
	assert_int_equal(nl_edit_add(f->other, &object), 0);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(heard.calls, 3);
	nl_watch_close(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_of_others_are_told_once_for_all),
		cmocka_unit_test(removal_of_ours_tells_who),
		cmocka_unit_test(lost_events_are_an_event),
		cmocka_unit_test(own_changes_wake_nobody),
		cmocka_unit_test(
			who_looks_at_uplinks_hears_nothing_of_our_routes),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
