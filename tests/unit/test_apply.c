// SPDX-License-Identifier: BSD-2-Clause
/* Roll-back and verification are held by test_capture.c. */
#include "routed/apply.h"

#include "common/err.h"
#include "tests/unit/fake_edit.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define THROWS 150

struct fixture {
	struct fib_model model;
	struct nl_edit edit;
	struct apply apply;
	struct reconcile_entry entries[THROWS + 1];
	struct reconcile todo;
	char why[APPLY_WHY_SIZE];
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fib_model_laptop(&f.model);
	f.edit.model = &f.model;
	f.apply.edit = &f.edit;
	f.apply.names = (struct plan_names){&f.model.state, "ersatz0", TUN};
	f.todo.entries = f.entries;
	*state = &f;
	return 0;
}

static struct reconcile_entry *add_throw(struct fixture *f, uint32_t host)
{
	struct reconcile_entry *entry = &f->entries[f->todo.count++];
	const struct prefix prefix = {addr_ipv4(0x0b000000 + host), 32};

	entry->verdict = RECONCILE_ADDED;
	entry->object = plan_throw(&prefix, PLAN_TABLE_LOCAL);
	return entry;
}

static void many_steps_are_few_calls(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < THROWS; i++)
		add_throw(f, i);
	assert_int_equal(apply_run(&f->apply, &f->todo, f->why), 0);
	assert_int_equal(f->edit.calls, 3);
	assert_int_equal(f->edit.changes, THROWS);
}

static void next_rank_waits_for_the_one_before(void **state)
{
	struct fixture *f = *state;
	struct reconcile_entry *rule;

	add_throw(f, 1);
	rule = add_throw(f, 2);
	memset(&rule->object, 0, sizeof(rule->object));
	rule->object.kind = NL_OBJECT_RULE;
	rule->object.rule.family = ADDR_IPV4;
	rule->object.rule.action = FR_ACT_TO_TBL;
	rule->object.rule.priority = 5001;
	rule->object.rule.table = PLAN_TABLE_LOCAL;
	f->edit.fails_at = 1;
	f->edit.failure = -ENOBUFS;
	assert_int_equal(apply_run(&f->apply, &f->todo, f->why), -ENOBUFS);
	assert_int_equal(f->edit.calls, 1);
	assert_false(f->entries[0].is_made);
	assert_false(f->entries[1].is_made);
	assert_string_equal(f->why,
			    "cannot do 'ip route add throw 11.0.0.1/32 table "
			    "197 proto 198': No buffer space available");
}

static void what_is_gone_is_removed_and_what_is_there_is_foreign(void **state)
{
	struct fixture *f = *state;

	add_throw(f, 1)->verdict = RECONCILE_REMOVED;
	assert_int_equal(apply_run(&f->apply, &f->todo, f->why), 0);
	assert_false(f->entries[0].is_made);
	f->entries[0].verdict = RECONCILE_ADDED;
	assert_int_equal(apply_run(&f->apply, &f->todo, f->why), 0);
	assert_true(f->entries[0].is_made);
	assert_int_equal(apply_run(&f->apply, &f->todo, f->why), -EEXIST);
	assert_false(f->entries[0].is_made);
}

static void only_what_was_made_is_taken_back(void **state)
{
	struct fixture *f = *state;
	const size_t before = f->model.state.route_count;

	for (uint32_t i = 0; i < 4; i++)
		add_throw(f, i);
	f->entries[1].verdict = RECONCILE_SEEN;
	f->entries[2].verdict = RECONCILE_FOREIGN;
	assert_int_equal(apply_run(&f->apply, &f->todo, f->why), 0);
	assert_int_equal(f->model.state.route_count, before + 2);
	assert_int_equal(apply_undo(&f->apply, &f->todo), 0);
	assert_int_equal(f->model.state.route_count, before);
	/* Twice is as once. */
	assert_int_equal(apply_undo(&f->apply, &f->todo), 0);
	assert_int_equal(f->model.state.route_count, before);
}

static void kernel_that_refuses_where_it_may_is_fine(void **state)
{
	struct fixture *f = *state;
	struct plan_probe probe = {
		.what = "a test",
		.lookup = {.dst = addr_of("1.1.1.1")},
		.way = PLAN_WAY_NOT_TUN,
		.may_fail = true,
	};
	const struct plan plan = {.probes = &probe, .probe_count = 1};

	f->edit.rival_link = -ENETUNREACH;
	assert_int_equal(apply_verify(&f->apply, &plan, f->why), 0);
	probe.may_fail = false;
	assert_int_equal(apply_verify(&f->apply, &plan, f->why), -ENETUNREACH);
	f->edit.rival_link = 0;
	assert_int_equal(apply_verify(&f->apply, &plan, f->why), 0);
	probe.way = PLAN_WAY_TUN;
	assert_int_equal(apply_verify(&f->apply, &plan, f->why), ERR_FOREIGN);
}

#define CLAIM(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(many_steps_are_few_calls),
		CLAIM(next_rank_waits_for_the_one_before),
		CLAIM(what_is_gone_is_removed_and_what_is_there_is_foreign),
		CLAIM(only_what_was_made_is_taken_back),
		CLAIM(kernel_that_refuses_where_it_may_is_fine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
