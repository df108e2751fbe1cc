// SPDX-License-Identifier: BSD-2-Clause
/*
 * capture.h with apply.h and journal.h below it, on a kernel of paper.
 */
#include "routed/capture.h"

#include "common/err.h"
#include "routed/table.h"
#include "tests/unit/fake_edit.h"
#include "tests/unit/fake_nft.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char folder[40];
	struct fib_model model, before;
	struct nl_edit edit;
	struct config config;
	struct plan_facts facts;
	struct plan plan;
	struct plan_names names;
	struct capture capture;
	char why[APPLY_WHY_SIZE];
};

static struct fixture *the;

static void count_change(void *ctx, const struct nl_change *change)
{
	size_t *count = ctx;

	(void)change;
	(*count)++;
}

static size_t journalled(void)
{
	const struct journal_reader reader = {.on_change = count_change};
	size_t count = 0;

	assert_int_equal(journal_read(the->folder, &reader, &count), 0);
	return count;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	the = f;
	strcpy(f->folder, "/tmp/test_capture.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	fib_model_laptop(&f->model);
	fib_model_copy(&f->before, &f->model);
	f->edit.model = &f->model;
	f->edit.journalled = journalled;
	fake_edit_set(&f->edit);
	fake_nft_reset();
	f->config.dnsd.fake = fake_pool_default();
	f->config.routed.tun = "ersatz0";
	f->facts.tun_ifindex = TUN;
	f->names = (struct plan_names){&f->model.state, "ersatz0", TUN};
	assert_int_equal(capture_init(&f->capture, f->folder), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	plan_fini(&f->plan);
	capture_fini(&f->capture);
	assert_int_equal(journal_remove(f->folder), 0);
	rmdir(f->folder);
	free(f);
	return 0;
}

static void plan_again(struct fixture *f)
{
	plan_fini(&f->plan);
	assert_int_equal(
		plan_make(&f->plan, &f->config, &f->model.state, &f->facts), 0);
}

static int install(struct fixture *f)
{
	plan_again(f);
	return capture_install(&f->capture, &f->plan, &f->names, f->why);
}

static int follow(struct fixture *f)
{
	plan_again(f);
	return capture_follow(&f->capture, &f->plan, &f->names, f->why);
}

/* Rules and routes; that the TUN stays up is its owner's matter. */
static void assert_as_before(const struct fixture *f)
{
	const struct nl_state *now = &f->model.state;
	const struct nl_state *was = &f->before.state;

	assert_int_equal(now->rule_count, was->rule_count);
	assert_memory_equal(now->rules, was->rules,
			    was->rule_count * sizeof(*was->rules));
	assert_int_equal(now->route_count, was->route_count);
	assert_memory_equal(now->routes, was->routes,
			    was->route_count * sizeof(*was->routes));
	assert_int_equal(now->addr_count, was->addr_count);
}

static void all_is_in_place_and_goes_again(void **state)
{
	struct fixture *f = *state;
	size_t count;

	assert_int_equal(install(f), 0);
	count = f->capture.plan.count;
	assert_true(count > 30);
	assert_int_equal(f->edit.changes, count);
	assert_int_equal(journalled(), count);
	/* Eight ranks, none too large for one call. */
	assert_int_equal(f->edit.calls, 8);
	assert_int_equal(follow(f), 0);
	assert_int_equal(f->edit.calls, 8);
	assert_int_equal(capture_remove(&f->capture, &f->names, NULL, f->why),
			 0);
	/* Addresses stay with the TUN. */
	f->model.state.addr_count = f->before.state.addr_count;
	assert_as_before(f);
}

static void step_that_fails_takes_everything_back(void **state)
{
	struct fixture *f = *state;

	for (size_t at = 1;; at++) {
		int ret;

		f->edit.fails_at = at;
		f->edit.failure = -EPERM;
		ret = install(f);
		if (ret == 0)
			break;
		assert_int_equal(ret, -EPERM);
		assert_non_null(strstr(f->why, "cannot do 'ip "));
		assert_non_null(strstr(f->why, strerror(EPERM)));
		assert_as_before(f);
		assert_int_equal(f->capture.plan.count, 0);
	}
	assert_true(f->capture.plan.count > 30);
}

static void probe_that_fails_takes_everything_back(void **state)
{
	struct fixture *f = *state;

	f->edit.rival_link = ETH;
	assert_int_equal(install(f), ERR_FOREIGN);
	assert_non_null(strstr(f->why, "an address of the pool is led to "
				       "'eth0' by table 254"));
	assert_as_before(f);
	f->edit.rival_link = TUN;
	assert_int_equal(install(f), ERR_FOREIGN);
	assert_non_null(strstr(f->why, "although it is exempt"));
	assert_as_before(f);
	f->edit.rival_link = -ENETUNREACH;
	assert_int_equal(install(f), -ENETUNREACH);
	assert_non_null(strstr(f->why, "cannot be reached"));
	assert_as_before(f);
}

static void route_of_somebody_else_in_our_table_stays(void **state)
{
	struct fixture *f = *state;

	fib_model_route(&f->model, "10.1.0.0/16", ETH, NULL)->table = 199;
	assert_int_equal(install(f), 0);
	assert_int_equal(f->capture.foreign, 1);
	assert_int_equal(follow(f), 0);
	assert_int_equal(capture_remove(&f->capture, &f->names, NULL, f->why),
			 0);
	assert_int_equal(f->model.state.route_count,
			 f->before.state.route_count + 1);
}

static void route_of_somebody_else_in_our_place_refuses_the_start(void **state)
{
	struct fixture *f = *state;

	fib_model_route(&f->model, "0.0.0.0/1", ETH, NULL)->table = 199;
	fib_model_copy(&f->before, &f->model);
	assert_int_equal(install(f), ERR_FOREIGN);
	assert_non_null(strstr(f->why, "another program has what we need: "
				       "'ip route add 0.0.0.0/1"));
	assert_int_equal(f->edit.calls, 0);
	assert_as_before(f);
}

static void flushed_rules_are_repaired_and_the_third_time_counted(void **state)
{
	struct fixture *f = *state;
	struct fib_model installed;

	assert_int_equal(install(f), 0);
	fib_model_copy(&installed, &f->model);
	for (unsigned round = 1; round <= RIVAL_ROW; round++) {
		/* ip rule flush, but for the kernel's own */
		f->model.state.rule_count = f->before.state.rule_count;
		rival_see(&f->capture.rival, 1);
		assert_int_equal(follow(f), 1);
		assert_int_equal(f->capture.rival.row, round);
		assert_int_equal(f->model.state.rule_count,
				 installed.state.rule_count);
	}
	assert_true(f->capture.rival.has_warned);
	assert_int_equal(f->capture.repairs,
			 RIVAL_ROW * (installed.state.rule_count -
				      f->before.state.rule_count));
}

static void what_changes_by_our_own_will_is_no_repair(void **state)
{
	struct fixture *f = *state;
	const struct uid_range uids[] = {{107, 107}};

	assert_int_equal(install(f), 0);
	f->facts.uids = uids;
	f->facts.uid_count = 1;
	assert_int_equal(follow(f), 1);
	f->facts.tun_ifindex = 0;
	assert_int_equal(follow(f), 1);
	assert_int_equal(f->capture.repairs, 0);
	assert_int_equal(f->capture.rival.row, 0);
}

static void repair_that_fails_leaves_the_rest_for_later(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(install(f), 0);
	f->model.state.rule_count = f->before.state.rule_count;
	/* An exemption cannot be made: nothing may be captured then. */
	f->edit.fails_at = 1;
	f->edit.failure = -ENOMEM;
	assert_int_equal(follow(f), -ENOMEM);
	for (size_t i = 0; i < f->model.state.rule_count; i++)
		assert_true(f->model.rules[i].priority < 4990 ||
			    f->model.rules[i].priority == 4998 ||
			    f->model.rules[i].priority > 5003);
	assert_int_equal(follow(f), 1);
	assert_int_equal(follow(f), 0);
}

static void one_more_prefix_is_thrown_at_once(void **state)
{
	struct fixture *f = *state;
	const struct prefix end = prefix_of("203.0.113.9");
	const struct prefix lan = prefix_of("192.168.7.200");
	const struct nl_lookup lookup = {.dst = end.addr};
	size_t calls;

	assert_int_equal(install(f), 0);
	assert_int_equal(fib_model_lookup(&f->model, &lookup, false), TUN);
	assert_int_equal(capture_throw(&f->capture, &end, &f->names, f->why),
			 0);
	assert_int_equal(fib_model_lookup(&f->model, &lookup, false), ETH);
	calls = f->edit.calls;
	assert_int_equal(capture_throw(&f->capture, &lan, &f->names, f->why),
			 0);
	assert_int_equal(f->edit.calls, calls);
	f->facts.far_ends = &end;
	f->facts.far_end_count = 1;
	assert_int_equal(follow(f), 0);
	/* Made by the plan before it was asked for. */
	assert_int_equal(capture_throw(&f->capture, &end, &f->names, f->why),
			 0);
	assert_int_equal(f->edit.calls, calls);
}

static int change(struct fixture *f, const char *removed, const char *added)
{
	struct capture_directs directs = {0};

	if (removed)
		directs.removed[directs.removed_count++] = addr_of(removed);
	if (added)
		directs.added[directs.added_count++] = addr_of(added);
	return capture_change_directs(&f->capture, &directs, &f->names, f->why);
}

static int way_of(const struct fixture *f, const char *dst)
{
	const struct nl_lookup lookup = {.dst = addr_of(dst)};

	return fib_model_lookup(&f->model, &lookup, false);
}

static void addresses_of_direct_names_come_and_go_at_once(void **state)
{
	struct fixture *f = *state;
	struct prefix direct = prefix_of("203.0.113.9");
	size_t routes;

	assert_int_equal(install(f), 0);
	routes = f->model.state.route_count;
	assert_int_equal(change(f, NULL, "203.0.113.9"), 0);
	assert_int_equal(way_of(f, "203.0.113.9"), ETH);
	/* One route, and the next plan finds it in place. */
	assert_int_equal(f->model.state.route_count, routes + 1);
	assert_int_equal(change(f, NULL, "203.0.113.9"), 0);
	f->facts.directs = &direct;
	f->facts.direct_count = 1;
	assert_int_equal(follow(f), 0);
	assert_int_equal(change(f, "203.0.113.9", "2001:db8:9::9"), 0);
	assert_int_equal(way_of(f, "203.0.113.9"), TUN);
	assert_int_equal(way_of(f, "2001:db8:9::9"), ETH);
	assert_int_equal(change(f, "203.0.113.9", NULL), 0);
	direct = prefix_of("2001:db8:9::9");
	assert_int_equal(follow(f), 0);
	assert_int_equal(f->capture.repairs, 0);
	assert_int_equal(capture_remove(&f->capture, &f->names, NULL, f->why),
			 0);
	assert_int_equal(f->model.state.route_count,
			 f->before.state.route_count);
}

static void throw_that_stands_for_the_whole_run_is_left_alone(void **state)
{
	struct fixture *f = *state;
	const struct prefix end = prefix_of("203.0.113.9");
	size_t calls;

	f->facts.far_ends = &end;
	f->facts.far_end_count = 1;
	assert_int_equal(install(f), 0);
	calls = f->edit.calls;
	assert_int_equal(change(f, NULL, "203.0.113.9"), 0);
	assert_int_equal(change(f, NULL, "192.168.7.200"), 0);
	assert_int_equal(change(f, "203.0.113.9", NULL), 0);
	assert_int_equal(f->edit.calls, calls);
	assert_int_equal(way_of(f, "203.0.113.9"), ETH);
	/* What a name has now, a far end may need for longer. */
	assert_int_equal(change(f, NULL, "203.0.113.10"), 0);
	const struct prefix other = prefix_of("203.0.113.10");
	assert_int_equal(capture_throw(&f->capture, &other, &f->names, f->why),
			 0);
	assert_int_equal(change(f, "203.0.113.10", NULL), 0);
	const struct nl_lookup gateway = {.dst = other.addr, .iif = "br0"};
	assert_int_not_equal(fib_model_lookup(&f->model, &gateway, false), TUN);
}

static void direct_name_that_cannot_be_thrown_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(install(f), 0);
	f->edit.fails_at = 1;
	f->edit.failure = -ENOMEM;
	assert_int_equal(change(f, NULL, "203.0.113.9"), -ENOMEM);
	assert_non_null(strstr(f->why, "throw 203.0.113.9/32 table 197"));
}

static void table_is_there_before_and_after_everything_else(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(install(f), 0);
	assert_true(fake_nft.plain.is_there);
	assert_int_equal(capture_remove(&f->capture, &f->names, NULL, f->why),
			 0);
	assert_false(fake_nft.plain.is_there || fake_nft.live.is_there);
	/* What fails later takes it back. */
	f->edit.fails_at = 3;
	f->edit.failure = -EPERM;
	assert_int_equal(install(f), -EPERM);
	assert_false(fake_nft.plain.is_there || fake_nft.live.is_there);
}

static void flushed_table_is_repaired(void **state)
{
	struct fixture *f = *state;
	unsigned changes;

	assert_int_equal(install(f), 0);
	assert_int_equal(follow(f), 0);
	fake_nft_flush();
	/* Nobody has said so yet. */
	assert_int_equal(follow(f), 0);
	f->capture.is_table_dirty = true;
	assert_int_equal(follow(f), 1);
	assert_true(fake_nft.plain.is_there);
	assert_int_equal(f->capture.repairs, 1);
	changes = fake_nft.changes;
	f->capture.is_table_dirty = true;
	assert_int_equal(follow(f), 0);
	assert_int_equal(fake_nft.changes, changes);
}

static void without_nftables_only_an_open_host_goes_on(void **state)
{
	struct fixture *f = *state;

	fake_nft.failure = -EOPNOTSUPP;
	f->config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	assert_int_equal(install(f), -EOPNOTSUPP);
	assert_as_before(f);
	f->config.routed.on_crash = ROUTED_ON_CRASH_OPEN;
	assert_int_equal(install(f), 0);
	assert_int_equal(follow(f), 0);
	assert_int_equal(capture_remove(&f->capture, &f->names, NULL, f->why),
			 0);
}

static void closed_host_that_a_crash_left_is_taken_over_closed(void **state)
{
	struct fixture *f = *state;

	f->config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	assert_int_equal(install(f), 0);
	assert_non_null(strstr(fake_nft.plain.text, TABLE_COMMENT_CLOSED));
	/* Another one starts over it, and fails. */
	capture_fini(&f->capture);
	fib_model_copy(&f->model, &f->before);
	assert_int_equal(capture_init(&f->capture, f->folder), 0);
	f->edit.changes = 0;
	f->edit.fails_at = 3;
	f->edit.failure = -EPERM;
	assert_int_equal(install(f), -EPERM);
	assert_true(fake_nft.plain.is_there);
	capture_forget_leftover(&f->capture);
	assert_true(fake_nft.plain.is_there);
}

static void far_end_is_let_out_of_a_closed_host_before_its_throw(void **state)
{
	struct fixture *f = *state;
	const struct prefix end = prefix_of("203.0.113.9");

	f->config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	assert_int_equal(install(f), 0);
	assert_int_equal(capture_throw(&f->capture, &end, &f->names, f->why),
			 0);
	assert_string_equal(fake_nft.element, "direct4 { 203.0.113.9/32 }");
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(all_is_in_place_and_goes_again),
		CLAIM(step_that_fails_takes_everything_back),
		CLAIM(probe_that_fails_takes_everything_back),
		CLAIM(route_of_somebody_else_in_our_table_stays),
		CLAIM(route_of_somebody_else_in_our_place_refuses_the_start),
		CLAIM(flushed_rules_are_repaired_and_the_third_time_counted),
		CLAIM(what_changes_by_our_own_will_is_no_repair),
		CLAIM(repair_that_fails_leaves_the_rest_for_later),
		CLAIM(one_more_prefix_is_thrown_at_once),
		CLAIM(addresses_of_direct_names_come_and_go_at_once),
		CLAIM(throw_that_stands_for_the_whole_run_is_left_alone),
		CLAIM(direct_name_that_cannot_be_thrown_is_told),
		CLAIM(table_is_there_before_and_after_everything_else),
		CLAIM(flushed_table_is_repaired),
		CLAIM(without_nftables_only_an_open_host_goes_on),
		CLAIM(closed_host_that_a_crash_left_is_taken_over_closed),
		CLAIM(far_end_is_let_out_of_a_closed_host_before_its_throw),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
