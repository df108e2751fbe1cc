// SPDX-License-Identifier: BSD-2-Clause
/*
 * Against the real kernel, in a network namespace of this process alone; what
 * needs that is skipped where it may have none.
 */
#include "routed/lan.h"

#include "common/err.h"
#include "routed/forwarding.h"
#include "routed/side.h"
#include "tests/unit/fib_model.h"
#include "tests/unit/own_network.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FORWARDING "net/ipv4/conf/lo/forwarding"

struct fixture {
	struct fib_model model;
	struct config config;
	struct plan_facts facts;
	const char *names[2];
	struct lan lan;
	char folder[32];
	char why[LAN_WHY_SIZE];
	char *text;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fib_model_laptop(&f.model);
	fib_model_link(&f.model, BRIDGE);
	fib_model_addr(&f.model, BRIDGE, "10.77.0.1/24");
	f.config.dnsd.fake = fake_pool_default();
	f.config.routed.tun = "ersatz0";
	f.names[0] = "br0";
	f.config.routed.gateways = f.names;
	f.facts.gateways = f.names;
	f.config.routed.gateway_count = f.facts.gateway_count = 1;
	f.facts.tun_ifindex = TUN;
	strcpy(f.folder, "/tmp/test_lan.XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	lan_init(&f.lan, f.folder);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->text);
	lan_fini(&f->lan);
	return rmdir(f->folder);
}

static const char *make(struct fixture *f)
{
	free(f->text);
	assert_int_equal(
		side_make(&f->text, &f->config, &f->model.state, &f->facts), 0);
	return f->text;
}

static void assert_put(struct fixture *f, int expected, bool is_dirty)
{
	const struct lan_table table = {
		.text = make(f),
		.is_dirty = is_dirty,
	};
	int ret = lan_put(&f->lan, &table, f->why);

	if (ret != expected)
		print_error("%s\n%s\n", f->why, f->text);
	assert_int_equal(ret, expected);
}

static void run(const char *commands)
{
	char error[NFT_ERROR_SIZE] = "";

	if (nft_run(commands, error, sizeof(error)) < 0) {
		print_error("%s\n", error);
		fail();
	}
}

static void assert_text(struct fixture *f, const char *part, bool has)
{
	if ((strstr(make(f), part) != NULL) == has)
		return;
	print_error("%s: %s\nin:\n%s", has ? "missing" : "surplus", part,
		    f->text);
	fail();
}

static void nobody_to_serve_is_no_table(void **state)
{
	struct fixture *f = *state;

	f->facts.gateway_count = 0;
	assert_null(make(f));
}

static void closed_host_keeps_no_earlier_flow_outside(void **state)
{
	struct fixture *f = *state;

	assert_text(f, "ct state established,related", true);
	f->config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	assert_text(f, "ct state established,related", false);
}

static void bridge_that_was_found_is_not_masqueraded(void **state)
{
	struct fixture *f = *state;

	assert_text(f, "iifname { \"br0\" } oifname \"eth0\" masquerade", true);
	f->names[0] = "auto";
	f->names[1] = "br0";
	f->facts.gateways = &f->names[1];
	assert_text(f, "masquerade", false);
	assert_text(f, "\"br0\"", true);
}

static void table_comes_stays_and_goes(void **state)
{
	struct fixture *f = *state;

	if (!has_own_network)
		skip();
	assert_put(f, 1, false);
	assert_put(f, 0, true);
	run("flush ruleset\n");
	assert_put(f, 0, false);
	assert_put(f, 1, true);
	f->config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	assert_put(f, 1, false);
	f->facts.gateway_count = 0;
	assert_put(f, 1, false);
	assert_put(f, 0, false);
	assert_int_equal(lan_recover(f->folder, false, f->why), 0);
}

static void table_of_somebody_else_is_left_alone(void **state)
{
	struct fixture *f = *state;

	if (!has_own_network)
		skip();
	run("add table inet " SIDE_TABLE "\n");
	assert_put(f, ERR_FOREIGN, false);
	assert_non_null(strstr(f->why, "not ours"));
	assert_int_equal(lan_recover(f->folder, false, f->why), 0);
	run("delete table inet " SIDE_TABLE "\n");
}

static void assert_elements(const char *expected)
{
	char error[NFT_ERROR_SIZE];
	struct nft *nft;
	char *text;

	assert_int_equal(nft_open(&nft), 0);
	assert_int_equal(nft_show(nft, "list table inet " SIDE_TABLE "\n",
				  false, &text, error),
			 0);
	if (!strstr(text, expected)) {
		print_error("missing: %s\nin:\n%s", expected, text);
		fail();
	}
	free(text);
	nft_close(nft);
}

static void addresses_come_and_go_at_once(void **state)
{
	struct fixture *f = *state;
	const struct addr addrs[] = {addr_of("192.0.2.1"),
				     addr_of("2001:db8::1"),
				     addr_of("192.0.2.2")};

	if (!has_own_network)
		skip();
	assert_int_equal(lan_change_directs(&f->lan, NULL, 0, addrs, 3), 0);
	assert_put(f, 1, false);
	assert_int_equal(lan_change_directs(&f->lan, NULL, 0, addrs, 3), 0);
	assert_elements("elements = { 192.0.2.1, 192.0.2.2 }");
	assert_elements("elements = { 2001:db8::1 }");
	assert_int_equal(lan_change_directs(&f->lan, addrs, 2, addrs, 1), 0);
	assert_elements("elements = { 192.0.2.1, 192.0.2.2 }");
	assert_int_equal(lan_change_directs(&f->lan, &addrs[2], 1, NULL, 0), 0);
	assert_elements("elements = { 192.0.2.1 }");
	/* Nobody has it: all of it is made anew. */
	assert_int_equal(lan_change_directs(&f->lan, &addrs[2], 1, NULL, 0),
			 -ENOENT);
	assert_put(f, 1, false);
	assert_put(f, 0, true);
	assert_int_equal(lan_recover(f->folder, false, f->why), 1);
}

static void addresses_are_there_with_the_table(void **state)
{
	struct fixture *f = *state;
	const struct prefix directs[] = {prefix_of("192.0.2.1/32"),
					 prefix_of("2001:db8::1/128")};
	const struct lan_table table = {
		.text = make(f),
		.directs = directs,
		.direct_count = 2,
	};

	if (!has_own_network)
		skip();
	assert_int_equal(lan_put(&f->lan, &table, f->why), 1);
	assert_elements("elements = { 192.0.2.1 }");
	assert_elements("elements = { 2001:db8::1 }");
	assert_int_equal(lan_remove(&f->lan, f->why), 1);
}

static void setting_is_put_back_unless_somebody_changed_it(void **state)
{
	struct fixture *f = *state;
	struct sysctls *sysctls = &f->lan.sysctls;

	if (!has_own_network)
		skip();
	assert_int_equal(sysctls_put(FORWARDING, 0), 0);
	assert_int_equal(sysctls_set(sysctls, FORWARDING, 1), 1);
	assert_int_equal(sysctls_set(sysctls, FORWARDING, 1), 0);
	assert_int_equal(sysctls_get(FORWARDING), 1);
	assert_int_equal(sysctls_restore(sysctls), 1);
	assert_int_equal(sysctls_get(FORWARDING), 0);
	assert_int_equal(sysctls_set(sysctls, "net/ipv4/conf/lo/rp_filter", 2),
			 1);
	assert_int_equal(sysctls_put("net/ipv4/conf/lo/rp_filter", 1), 0);
	assert_int_equal(sysctls_restore(sysctls), 0);
	assert_int_equal(sysctls_get("net/ipv4/conf/lo/rp_filter"), 1);
	assert_int_equal(
		sysctls_set(sysctls, "net/ipv4/conf/none/rp_filter", 1),
		-ENOENT);
}

static void setting_comes_back_after_a_crash(void **state)
{
	struct fixture *f = *state;

	if (!has_own_network)
		skip();
	assert_int_equal(sysctls_put(FORWARDING, 0), 0);
	assert_int_equal(sysctls_set(&f->lan.sysctls, FORWARDING, 1), 1);
	sysctls_fini(&f->lan.sysctls); /* as if nobody were left to know */
	assert_int_equal(lan_recover(f->folder, false, f->why), 1);
	assert_int_equal(sysctls_get(FORWARDING), 0);
	assert_int_equal(lan_recover(f->folder, false, f->why), 0);
}

static bool plans(struct fixture *f, const char *path, int value)
{
	struct forwarding forwarding;
	bool does = false;

	assert_int_equal(forwarding_plan(&forwarding, &f->config,
					 &f->model.state, &f->facts),
			 0);
	for (size_t i = 0; i < forwarding.count; i++)
		does |= strcmp(forwarding.list[i].path, path) == 0 &&
			forwarding.list[i].value == value;
	forwarding_fini(&forwarding);
	return does;
}

static void forwarding_is_on_only_where_it_is_needed(void **state)
{
	struct fixture *f = *state;

	assert_true(plans(f, "net/ipv4/conf/br0/forwarding", 1));
	assert_true(plans(f, "net/ipv4/conf/eth0/forwarding", 1));
	assert_true(plans(f, "net/ipv4/conf/ersatz0/rp_filter", 2));
	assert_false(plans(f, "net/ipv6/conf/all/forwarding", 1));
	assert_false(plans(f, "net/ipv6/conf/eth0/accept_ra", 2));
	fib_model_addr(&f->model, BRIDGE, "2001:db8:77::1/64");
	assert_true(plans(f, "net/ipv6/conf/all/forwarding", 1));
	assert_true(plans(f, "net/ipv6/conf/eth0/accept_ra", 2));
	assert_false(plans(f, "net/ipv6/conf/br0/accept_ra", 2));
	f->config.routed.is_ipv6_refused = true;
	assert_false(plans(f, "net/ipv6/conf/all/forwarding", 1));
	f->facts.gateway_count = 0;
	assert_false(plans(f, "net/ipv4/conf/eth0/forwarding", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_to_serve_is_no_table),
		cmocka_unit_test(closed_host_keeps_no_earlier_flow_outside),
		cmocka_unit_test(bridge_that_was_found_is_not_masqueraded),
		cmocka_unit_test(table_comes_stays_and_goes),
		cmocka_unit_test(table_of_somebody_else_is_left_alone),
		cmocka_unit_test(addresses_come_and_go_at_once),
		cmocka_unit_test(addresses_are_there_with_the_table),
		cmocka_unit_test(
			setting_is_put_back_unless_somebody_changed_it),
		cmocka_unit_test(setting_comes_back_after_a_crash),
		cmocka_unit_test(forwarding_is_on_only_where_it_is_needed),
	};
	struct CMUnitTest with_fixture[ARRAY_LEN(tests)];

	memcpy(with_fixture, tests, sizeof(tests));
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		with_fixture[i].setup_func = setup;
		with_fixture[i].teardown_func = teardown;
	}
	return cmocka_run_group_tests(with_fixture, own_network_enter, NULL);
}
