// SPDX-License-Identifier: BSD-2-Clause
#include "common/uplink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ETH = 2, WLAN = 3, WG = 4, TUN = 5, TAP = 6 };

/* A laptop: Ethernet and radio up, a VPN, our own TUN. */
struct host {
	struct nl_link links[8];
	struct nl_ifaddr addrs[8];
	struct nl_route routes[16];
	struct nl_state state;
};

static struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	return addr;
}

static struct nl_route *add_route(struct host *host, const char *dst, int oif,
				  uint32_t metric)
{
	struct nl_route *route = &host->routes[host->state.route_count++];

	memset(route, 0, sizeof(*route));
	assert_int_equal(prefix_parse(&route->dst, dst), 0);
	route->family = route->dst.addr.family;
	route->type = RTN_UNICAST;
	route->table = RT_TABLE_MAIN;
	route->protocol = RTPROT_STATIC;
	route->oif = oif;
	route->metric = metric;
	return route;
}

static void add_addr(struct host *host, int ifindex, const char *addr)
{
	struct nl_ifaddr *own = &host->addrs[host->state.addr_count++];

	memset(own, 0, sizeof(*own));
	own->ifindex = ifindex;
	own->addr = addr_of(addr);
}

static void add_link(struct host *host, int ifindex, const char *name,
		     const char *kind, bool is_ethernet)
{
	struct nl_link *link = &host->links[host->state.link_count++];

	memset(link, 0, sizeof(*link));
	link->ifindex = ifindex;
	strcpy(link->name, name);
	strcpy(link->kind, kind);
	link->is_ethernet = is_ethernet;
	link->is_up = true;
	link->has_carrier = true;
	link->mtu = 1500;
}

static void host_make(struct host *host)
{
	memset(host, 0, sizeof(*host));
	host->state.links = host->links;
	host->state.addrs = host->addrs;
	host->state.routes = host->routes;
	add_link(host, ETH, "eth0", "", true);
	add_link(host, WLAN, "wlan0", "", true);
	add_link(host, WG, "wg0", "wireguard", false);
	add_link(host, TUN, "ersatz0", "tun", false);
	add_link(host, TAP, "tap0", "tun", true);
	add_addr(host, ETH, "192.0.2.10");
	add_addr(host, WG, "10.9.0.2");
	add_route(host, "0.0.0.0/0", WLAN, 600)->gateway =
		addr_of("198.51.100.1");
	add_route(host, "0.0.0.0/0", ETH, 100)->gateway = addr_of("192.0.2.1");
	add_route(host, "192.0.2.0/24", ETH, 100);
}

static void lowest_metric_wins(void **state)
{
	struct host host;
	struct uplink uplink;

	(void)state;
	host_make(&host);
	assert_int_equal(uplink_find(&host.state, ADDR_IPV4, NULL, &uplink), 0);
	assert_int_equal(uplink.ifindex, ETH);
	assert_string_equal(uplink.name, "eth0");
	assert_int_equal(uplink.mtu, 1500);
	assert_int_equal(uplink_find(&host.state, ADDR_IPV6, NULL, &uplink),
			 -ENETUNREACH);
}

static void link_without_carrier_is_passed_over(void **state)
{
	struct host host;
	struct uplink uplink;

	(void)state;
	host_make(&host);
	host.links[0].has_carrier = false;
	assert_int_equal(uplink_find(&host.state, ADDR_IPV4, NULL, &uplink), 0);
	assert_int_equal(uplink.ifindex, WLAN);
	host.links[1].is_up = false;
	assert_int_equal(uplink_find(&host.state, ADDR_IPV4, NULL, &uplink),
			 -ENETUNREACH);
}

static void ours_tunnels_and_other_tables_are_no_uplink(void **state)
{
	struct host host;
	struct uplink uplink;

	(void)state;
	host_make(&host);
	add_route(&host, "0.0.0.0/0", WG, 1);
	add_route(&host, "0.0.0.0/1", WG, 1);
	add_route(&host, "0.0.0.0/0", WLAN, 2)->protocol = NL_PROTOCOL;
	add_route(&host, "0.0.0.0/0", WLAN, 3)->table = 100;
	add_route(&host, "0.0.0.0/0", WLAN, 4)->type = RTN_UNREACHABLE;
	assert_int_equal(uplink_find(&host.state, ADDR_IPV4, NULL, &uplink), 0);
	assert_int_equal(uplink.ifindex, ETH);
	add_route(&host, "0.0.0.0/0", TAP, 5);
	assert_int_equal(uplink_find(&host.state, ADDR_IPV4, NULL, &uplink), 0);
	assert_int_equal(uplink.ifindex, TAP);
}

static void pinned_link_is_taken_whatever_its_kind(void **state)
{
	struct host host;
	struct uplink uplink;

	(void)state;
	host_make(&host);
	assert_int_equal(uplink_find(&host.state, ADDR_IPV4, "wlan0", &uplink),
			 0);
	assert_int_equal(uplink.ifindex, WLAN);
	/* Without a default route in main: on link, from its address. */
	assert_int_equal(uplink_find(&host.state, ADDR_IPV4, "wg0", &uplink),
			 0);
	assert_int_equal(uplink.ifindex, WG);
	assert_int_equal(uplink.gateway.family, ADDR_NONE);
	assert_int_equal(uplink_find(&host.state, ADDR_IPV6, "wg0", &uplink),
			 -ENETUNREACH);
	assert_int_equal(uplink_find(&host.state, ADDR_IPV4, "none0", &uplink),
			 -ENETUNREACH);
}

static int toward(const struct host *host, const char *addr, const char *pinned)
{
	struct addr dst = addr_of(addr);
	struct uplink uplink;
	int ret = uplink_toward(&host->state, &dst, pinned, &uplink);

	return ret ? (ret > 0 ? 0 : ret) : uplink.ifindex;
}

static void own_addresses_need_no_link(void **state)
{
	struct host host;

	(void)state;
	host_make(&host);
	assert_int_equal(toward(&host, "127.0.0.1", NULL), 0);
	assert_int_equal(toward(&host, "::1", NULL), 0);
	assert_int_equal(toward(&host, "192.0.2.10", "wlan0"), 0);
}

static void longest_prefix_wins(void **state)
{
	struct host host;

	(void)state;
	host_make(&host);
	add_route(&host, "203.0.113.0/24", WLAN, 0);
	add_route(&host, "203.0.113.7/32", WG, 0);
	add_route(&host, "10.0.0.0/8", ETH, 0)->type = RTN_UNREACHABLE;
	assert_int_equal(toward(&host, "203.0.113.6", NULL), WLAN);
	assert_int_equal(toward(&host, "203.0.113.7", NULL), WG);
	assert_int_equal(toward(&host, "10.1.2.3", NULL), -ENETUNREACH);
	assert_int_equal(toward(&host, "1.1.1.1", NULL), ETH);
	assert_int_equal(toward(&host, "203.0.113.7", "eth0"), ETH);
	assert_int_equal(toward(&host, "2001:db8::1", NULL), -ENETUNREACH);
}

static void everything_by_a_vpn_is_not_the_way(void **state)
{
	struct host host;

	(void)state;
	host_make(&host);
	add_route(&host, "0.0.0.0/1", WG, 0);
	add_route(&host, "128.0.0.0/1", WG, 0);
	add_route(&host, "2000::/3", WG, 0);
	assert_int_equal(toward(&host, "1.1.1.1", NULL), ETH);
	assert_int_equal(toward(&host, "203.0.113.1", NULL), ETH);
	assert_int_equal(toward(&host, "2001:db8::1", NULL), -ENETUNREACH);
	assert_int_equal(toward(&host, "1.1.1.1", "wg0"), WG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lowest_metric_wins),
		cmocka_unit_test(link_without_carrier_is_passed_over),
		cmocka_unit_test(ours_tunnels_and_other_tables_are_no_uplink),
		cmocka_unit_test(pinned_link_is_taken_whatever_its_kind),
		cmocka_unit_test(own_addresses_need_no_link),
		cmocka_unit_test(longest_prefix_wins),
		cmocka_unit_test(everything_by_a_vpn_is_not_the_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
