// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mode: main` on a kernel of paper.
 */
#include "routed/plan_main.h"

#include "common/err.h"
#include "routed/reconcile.h"
#include "tests/unit/fib_model.h"

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct fib_model model;
	struct config config;
	struct plan_facts facts;
	struct prefix exempt[1];
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fib_model_laptop(&f.model);
	f.config.dnsd.fake = fake_pool_default();
	f.config.routed.tun = "ersatz0";
	f.config.routed.mode = ROUTED_MODE_MAIN;
	f.exempt[0] = prefix_of("203.0.113.0/24");
	f.config.routed.exempt.prefixes = f.exempt;
	f.config.routed.exempt.prefix_count = 1;
	f.facts.tun_ifindex = TUN;
	*state = &f;
	return 0;
}

static int way(const struct fixture *f, const char *dst, const char *oif)
{
	struct nl_lookup lookup = {.dst = addr_of(dst)};

	strcpy(lookup.oif, oif);
	return fib_model_lookup(&f->model, &lookup, false);
}

static void run(struct fixture *f, const struct plan *plan, bool is_checked)
{
	struct reconcile todo;

	assert_int_equal(reconcile_make(&todo, plan, &f->model.state), 0);
	assert_int_equal(todo.conflicts, 0);
	for (size_t i = 0; i < todo.count; i++) {
		const struct nl_change change = {
			.is_removal =
				todo.entries[i].verdict == RECONCILE_REMOVED,
			.object = todo.entries[i].object,
		};

		if (!reconcile_is_step(&todo.entries[i]))
			continue;
		assert_int_equal(fib_model_change(&f->model, &change), 0);
		/* Every prefix of the list is safe. */
		assert_true(way(f, "1.1.1.1", "") == ETH ||
			    way(f, "1.1.1.1", "") == TUN);
		assert_true(!is_checked || way(f, "203.0.113.9", "") == ETH);
		assert_int_equal(way(f, "1.1.1.1", "eth0"), ETH);
	}
	reconcile_fini(&todo);
}

static void two_routes_capture_and_go_again(void **state)
{
	struct fixture *f = *state;
	struct fib_model before;
	struct reconcile again;
	struct plan plan;

	fib_model_copy(&before, &f->model);
	assert_int_equal(
		plan_make(&plan, &f->config, &f->model.state, &f->facts), 0);
	run(f, &plan, true);
	assert_int_equal(way(f, "1.1.1.1", ""), TUN);
	assert_int_equal(way(f, "2600::1", ""), TUN);
	assert_int_equal(way(f, "198.18.0.9", ""), TUN);
	assert_int_equal(way(f, "203.0.113.9", ""), ETH);
	assert_int_equal(way(f, "224.0.0.251", ""), ETH);
	assert_int_equal(way(f, "192.168.7.9", ""), ETH);
	assert_int_equal(f->model.state.rule_count, before.state.rule_count);
	assert_int_equal(reconcile_make(&again, &plan, &f->model.state), 0);
	assert_int_equal(again.of[RECONCILE_ADDED], 0);
	assert_int_equal(again.of[RECONCILE_REMOVED], 0);
	reconcile_fini(&again);
	run(f, NULL, true);
	assert_int_equal(f->model.state.route_count, before.state.route_count);
	assert_memory_equal(f->model.routes, before.routes,
			    before.state.route_count *
				    sizeof(before.routes[0]));
	plan_fini(&plan);
}

static void route_that_is_there_exempts_already(void **state)
{
	struct fixture *f = *state;
	struct plan plan;

	fib_model_route(&f->model, "203.0.113.0/24", ETH, "192.168.7.77");
	assert_int_equal(
		plan_make(&plan, &f->config, &f->model.state, &f->facts), 0);
	run(f, &plan, true);
	plan_fini(&plan);
}

static int check(const struct fixture *f, char *why)
{
	return plan_main_check(&f->config, &f->model.state, why, 512);
}

static void other_vpns_are_not_beaten(void **state)
{
	struct fixture *f = *state;
	struct nl_rule *rule;
	char why[512] = "";

	assert_int_equal(check(f, why), 0);
	fib_model_link(&f->model, WG);
	fib_model_route(&f->model, "128.0.0.0/1", WG, NULL);
	assert_int_equal(check(f, why), ERR_FOREIGN);
	assert_non_null(strstr(why, "a route to 128.0.0.0/1 by 'wg0'"));
	f->model.state.route_count--;
	assert_int_equal(check(f, why), 0);
	rule = fib_model_rule(&f->model, ADDR_IPV4, 32764, RT_TABLE_MAIN);
	rule->suppress_prefixlength = 0;
	assert_int_equal(check(f, why), ERR_FOREIGN);
	assert_non_null(strstr(why, "'ip rule priority 32764 lookup main "
				    "suppress_prefixlength 0'"));
	f->config.routed.mode = ROUTED_MODE_POLICY;
	assert_int_equal(check(f, why), 0);
}

static void ipv6_that_is_off_is_refused_there_too(void **state)
{
	struct fixture *f = *state;
	struct plan plan;

	f->config.routed.is_ipv6_refused = true;
	assert_int_equal(
		plan_make(&plan, &f->config, &f->model.state, &f->facts), 0);
	run(f, &plan, true);
	assert_true(way(f, "2600::1", "") < 0);
	assert_true(way(f, "2001:2::9", "") < 0);
	assert_int_equal(way(f, "2600::1", "eth0"), ETH);
	plan_fini(&plan);
}

#define CLAIM(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(two_routes_capture_and_go_again),
		CLAIM(route_that_is_there_exempts_already),
		CLAIM(other_vpns_are_not_beaten),
		CLAIM(ipv6_that_is_off_is_refused_there_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
