// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/egress.h"

#include "tests/unit/fib_model.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int way(const struct fib_model *model, struct outbound_conf *outbound,
	       const char *to)
{
	const struct egress egress = {.outbound = outbound};
	const struct addr addr = addr_of(to);
	char name[IFNAMSIZ];

	return egress_find(&egress, &model->state, &addr, name);
}

static void interface_without_a_way_refuses_strangers(void **state)
{
	struct outbound_conf wlan = {.type = OUTBOUND_TYPE_INTERFACE,
				     .interface = "wlan0"};
	struct outbound_conf direct = {.type = OUTBOUND_TYPE_DIRECT};
	struct fib_model model;

	(void)state;
	fib_model_laptop(&model);
	assert_int_equal(way(&model, &direct, "203.0.113.9"), ETH);
	assert_int_equal(way(&model, &wlan, "203.0.113.9"), -ENODEV);
	fib_model_link(&model, WLAN);
	fib_model_addr(&model, WLAN, "10.9.0.2/24");
	assert_int_equal(way(&model, &wlan, "10.9.0.77"), WLAN);
	assert_int_equal(way(&model, &wlan, "203.0.113.9"), -ENETUNREACH);
	assert_int_equal(way(&model, &wlan, "2001:db8:9::9"), -ENETUNREACH);
	/* The last of all in main is enough; the uplink is not asked. */
	fib_model_route(&model, "0.0.0.0/0", WLAN, "10.9.0.1")->metric = 10000;
	assert_int_equal(way(&model, &wlan, "203.0.113.9"), WLAN);
	assert_int_equal(way(&model, &direct, "203.0.113.9"), ETH);
	assert_int_equal(way(&model, &wlan, "10.9.0.2"), 0);
}

static void flow_ends_with_its_link_its_address_or_its_heir(void **state)
{
	const struct addr local = addr_of("192.168.7.2");
	const struct addr other = addr_of("192.168.7.3");
	struct fib_model model;

	(void)state;
	fib_model_laptop(&model);
	assert_true(egress_is_alive(&model.state, 0, &other));
	assert_true(egress_is_alive(&model.state, ETH, &local));
	assert_false(egress_is_alive(&model.state, ETH, &other));
	assert_false(egress_is_alive(&model.state, WLAN, &local));
	/* Without a carrier: it may come back. */
	for (size_t i = 0; i < model.state.link_count; i++) {
		if (model.links[i].ifindex == ETH)
			model.links[i].has_carrier = false;
	}
	assert_true(egress_is_alive(&model.state, ETH, &local));
	fib_model_link(&model, WLAN);
	fib_model_addr(&model, WLAN, "10.9.0.2/24");
	assert_true(egress_is_alive(&model.state, ETH, &local));
	fib_model_route(&model, "0.0.0.0/0", WLAN, "10.9.0.1")->metric = 600;
	assert_false(egress_is_alive(&model.state, ETH, &local));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interface_without_a_way_refuses_strangers),
		cmocka_unit_test(
			flow_ends_with_its_link_its_address_or_its_heir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
