// SPDX-License-Identifier: BSD-2-Clause
#include "routed/icmp_exits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void an_exit_is_up_and_has_an_address(void **state)
{
	struct nl_link links[] = {
		{.ifindex = 1, .name = "lo", .is_up = true},
		{.ifindex = 2, .name = "eth0", .is_up = true},
		{.ifindex = 3, .name = "eth1"},
		{.ifindex = 4, .name = "ersatz0", .is_up = true},
		{.ifindex = 5, .name = "veth0", .is_up = true},
	};
	struct nl_ifaddr addrs[] = {
		{.ifindex = 1, .addr = addr_ipv4(0x7f000001)},
		{.ifindex = 2, .addr = addr_ipv4(0xc0000201)},
		{.ifindex = 2, .addr = addr_ipv4(0xc0000202)},
		{.ifindex = 2, .addr = {.family = ADDR_IPV6, .bytes = {0x20}}},
		{.ifindex = 3, .addr = addr_ipv4(0xc0000301)},
		{.ifindex = 4, .addr = addr_ipv4(0xc6120001)},
		{.ifindex = 9, .addr = addr_ipv4(0xc0000901)},
	};
	const struct nl_state found = {
		.links = links,
		.link_count = ARRAY_LEN(links),
		.addrs = addrs,
		.addr_count = ARRAY_LEN(addrs),
	};
	struct icmp_exits exits;

	(void)state;
	icmp_exits_find(&exits, &found, "ersatz0");
	assert_int_equal(exits.count, 2);
	for (size_t i = 0; i < exits.count; i++)
		assert_int_equal(exits.list[i].ifindex, 2);
	assert_int_equal(exits.list[0].family, ADDR_IPV4);
	assert_int_equal(exits.list[1].family, ADDR_IPV6);
}

static void there_are_never_too_many(void **state)
{
	static struct nl_link links[2 * ICMP_EXITS_MAX];
	static struct nl_ifaddr addrs[2 * ICMP_EXITS_MAX];
	const struct nl_state found = {
		.links = links,
		.link_count = ARRAY_LEN(links),
		.addrs = addrs,
		.addr_count = ARRAY_LEN(addrs),
	};
	struct icmp_exits exits;

	(void)state;
	for (int i = 0; i < 2 * ICMP_EXITS_MAX; i++) {
		links[i] = (struct nl_link){.ifindex = i + 1, .is_up = true};
		addrs[i] = (struct nl_ifaddr){
			.ifindex = i + 1,
			.addr = addr_ipv4(0x0a000000U + (uint32_t)i)};
	}
	icmp_exits_find(&exits, &found, "ersatz0");
	assert_int_equal(exits.count, ICMP_EXITS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exit_is_up_and_has_an_address),
		cmocka_unit_test(there_are_never_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
