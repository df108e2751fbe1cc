// SPDX-License-Identifier: BSD-2-Clause
#include "routed/throws.h"

#include "tests/unit/fib_model.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct fib_model model;
	struct config config;
	struct plan_facts facts;
	struct throws throws;
};

static int setup(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	fib_model_laptop(&fixture.model);
	fixture.facts.tun_ifindex = TUN;
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	throws_fini(&f->throws);
	return 0;
}

static void collect(struct fixture *f)
{
	assert_int_equal(throws_collect(&f->throws, &f->config, &f->model.state,
					&f->facts),
			 0);
}

static bool covers(const struct fixture *f, const char *text)
{
	struct addr addr = addr_of(text);

	return throws_cover(&f->throws, &addr);
}

static void links_and_multicast_are_out(void **state)
{
	struct fixture *f = *state;

	collect(f);
	assert_true(covers(f, "169.254.1.1"));
	assert_true(covers(f, "239.255.255.250"));
	assert_true(covers(f, "255.255.255.255"));
	assert_true(covers(f, "fe80::1"));
	assert_true(covers(f, "ff02::fb"));
	assert_true(covers(f, "192.168.7.9"));
	assert_true(covers(f, "2001:db8:7::9"));
	assert_false(covers(f, "192.168.8.1"));
	assert_false(covers(f, "1.1.1.1"));
	assert_false(covers(f, "2001:db8:8::1"));
}

static void connected_claim_on_the_world_does_not_win(void **state)
{
	struct fixture *f = *state;

	fib_model_link(&f->model, WLAN);
	fib_model_addr(&f->model, WLAN, "1.2.3.4/1");
	fib_model_addr(&f->model, ETH, "203.0.113.9/22");
	fib_model_addr(&f->model, ETH, "198.51.96.9/21");
	fib_model_addr(&f->model, ETH, "10.1.2.3/8");
	fib_model_addr(&f->model, WLAN, "2001:db8:9::1/48");
	fib_model_addr(&f->model, WLAN, "fd00::1/8");
	collect(f);
	assert_false(covers(f, "1.1.1.1"));
	assert_true(covers(f, "203.0.112.1"));
	assert_false(covers(f, "198.51.100.1"));
	assert_true(covers(f, "10.200.0.1"));
	assert_false(covers(f, "2001:db8:9::2"));
	assert_true(covers(f, "fdff::1"));
}

/* RFC 3442 routes, and route information of RFC 4191. */
static void pushed_routes_do_not_win(void **state)
{
	struct fixture *f = *state;

	fib_model_route(&f->model, "203.0.113.0/24", ETH, "192.168.7.66")
		->protocol = RTPROT_DHCP;
	fib_model_route(&f->model, "10.0.0.0/8", ETH, "192.168.7.66")
		->protocol = RTPROT_DHCP;
	fib_model_route(&f->model, "198.51.100.0/24", ETH, NULL)->protocol =
		RTPROT_DHCP;
	fib_model_route(&f->model, "2001:db8:66::/48", ETH, "fe80::66")
		->protocol = RTPROT_RA;
	fib_model_route(&f->model, "203.0.114.0/24", ETH, "192.168.7.66");
	collect(f);
	assert_false(covers(f, "203.0.113.1"));
	assert_false(covers(f, "10.1.1.1"));
	assert_false(covers(f, "198.51.100.1"));
	assert_false(covers(f, "2001:db8:66::1"));
	assert_false(covers(f, "203.0.114.1"));
}

static void private_routes_made_by_hand_win(void **state)
{
	struct fixture *f = *state;

	fib_model_route(&f->model, "10.8.0.0/16", ETH, "192.168.7.66");
	fib_model_route(&f->model, "172.20.0.0/16", ETH, "192.168.7.66")
		->protocol = RTPROT_BOOT;
	fib_model_route(&f->model, "fd12::/16", ETH, "fe80::66");
	collect(f);
	assert_true(covers(f, "10.8.1.1"));
	assert_true(covers(f, "172.20.1.1"));
	assert_true(covers(f, "fd12::1"));
	assert_false(covers(f, "10.9.1.1"));
}

static void prefixes_of_a_vpn_win_but_not_everything(void **state)
{
	struct fixture *f = *state;
	struct nl_route *route;

	fib_model_link(&f->model, WG);
	fib_model_route(&f->model, "203.0.113.0/24", WG, NULL);
	fib_model_route(&f->model, "0.0.0.0/1", WG, NULL);
	fib_model_route(&f->model, "2000::/3", WG, NULL);
	fib_model_route(&f->model, "203.0.114.0/24", WG, NULL)->protocol =
		RTPROT_DHCP;
	/* Of a table that a rule of somebody else names, and of one not. */
	fib_model_rule(&f->model, ADDR_IPV4, 5270, 52);
	route = fib_model_route(&f->model, "198.51.100.7/32", WG, NULL);
	route->table = 52;
	route = fib_model_route(&f->model, "198.51.100.8/32", WG, NULL);
	route->table = 53;
	collect(f);
	assert_true(covers(f, "203.0.113.1"));
	assert_true(covers(f, "198.51.100.7"));
	assert_false(covers(f, "198.51.100.8"));
	assert_false(covers(f, "203.0.114.1"));
	assert_false(covers(f, "1.1.1.1"));
	assert_false(covers(f, "2600::1"));
}

static void container_bridge_is_not_the_uplink(void **state)
{
	struct fixture *f = *state;

	fib_model_link(&f->model, BRIDGE);
	fib_model_addr(&f->model, BRIDGE, "203.0.0.1/16");
	collect(f);
	assert_true(covers(f, "203.0.113.1"));
	throws_fini(&f->throws);
	f->config.routed.uplink = "br0";
	fib_model_route(&f->model, "0.0.0.0/0", BRIDGE, "203.0.0.2");
	collect(f);
	assert_false(covers(f, "203.0.113.1"));
}

static void our_own_routes_and_dead_links_are_not_read(void **state)
{
	struct fixture *f = *state;

	fib_model_route(&f->model, "10.7.0.0/16", TUN, NULL);
	fib_model_route(&f->model, "10.8.0.0/16", ETH, NULL)->protocol =
		NL_PROTOCOL;
	fib_model_link(&f->model, WLAN)->is_up = false;
	fib_model_addr(&f->model, WLAN, "10.9.0.1/24");
	fib_model_route(&f->model, "10.10.0.0/16", ETH, NULL)->type =
		RTN_BLACKHOLE;
	collect(f);
	assert_false(covers(f, "10.7.0.1"));
	assert_false(covers(f, "10.8.0.1"));
	assert_false(covers(f, "10.9.0.1"));
	assert_false(covers(f, "10.10.0.1"));
}

static void what_is_configured_or_learnt_is_out(void **state)
{
	struct fixture *f = *state;
	struct prefix exempt[] = {prefix_of("203.0.113.0/24"),
				  prefix_of("2001:db8:9::/48")};
	const struct prefix far[] = {prefix_of("198.51.100.9"),
				     prefix_of("203.0.113.5")};

	f->config.routed.exempt.prefixes = exempt;
	f->config.routed.exempt.prefix_count = 2;
	f->facts.far_ends = far;
	f->facts.far_end_count = 2;
	collect(f);
	assert_true(covers(f, "203.0.113.1"));
	assert_true(covers(f, "2001:db8:9::1"));
	assert_true(covers(f, "198.51.100.9"));
	assert_false(covers(f, "198.51.100.8"));
	/* 203.0.113.5 lies in the first: ten in all. */
	assert_int_equal(f->throws.count, 10);
	for (size_t i = 1; i < f->throws.count; i++)
		assert_false(prefix_covers(&f->throws.prefixes[i - 1],
					   &f->throws.prefixes[i]));
}

static void everything_is_four_quarters(void **state)
{
	struct fixture *f = *state;
	struct prefix exempt[] = {prefix_of("0.0.0.0/0"),
				  prefix_of("8000::/1")};

	f->config.routed.exempt.prefixes = exempt;
	f->config.routed.exempt.prefix_count = 2;
	collect(f);
	/* Four and two, and ours below 8000::. */
	assert_int_equal(f->throws.count, 4 + 2 + 1);
	for (size_t i = 0; i < f->throws.count; i++)
		assert_true(f->throws.prefixes[i].length >= 2);
	assert_true(covers(f, "1.1.1.1"));
	assert_true(covers(f, "223.1.1.1"));
	assert_true(covers(f, "fe80::1"));
	assert_false(covers(f, "2600::1"));
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(links_and_multicast_are_out),
		CLAIM(connected_claim_on_the_world_does_not_win),
		CLAIM(pushed_routes_do_not_win),
		CLAIM(private_routes_made_by_hand_win),
		CLAIM(prefixes_of_a_vpn_win_but_not_everything),
		CLAIM(container_bridge_is_not_the_uplink),
		CLAIM(our_own_routes_and_dead_links_are_not_read),
		CLAIM(what_is_configured_or_learnt_is_out),
		CLAIM(everything_is_four_quarters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
