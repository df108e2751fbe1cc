// SPDX-License-Identifier: BSD-2-Clause
#include "routed/gateway.h"

#include "tests/unit/fib_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct fib_model model;
	struct config config;
	const char *names[3];
	const char *exempt[1];
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fib_model_laptop(&f.model);
	fib_model_link(&f.model, BRIDGE);
	fib_model_addr(&f.model, BRIDGE, "172.17.0.1/16");
	f.config.routed.gateways = f.names;
	*state = &f;
	return 0;
}

static struct nl_link *link_of(struct fixture *f, int ifindex)
{
	size_t i = 0;

	while (f->model.links[i].ifindex != ifindex)
		assert_true(++i < f->model.state.link_count);
	return &f->model.links[i];
}

static void configure(struct fixture *f, const char *name)
{
	f->names[f->config.routed.gateway_count++] = name;
}

/* "br0 lan0 ": what is found. */
static void assert_found(struct fixture *f, const char *expected)
{
	struct gateways gateways;
	char text[128] = "";

	assert_int_equal(gateways_find(&gateways, &f->config, &f->model.state),
			 0);
	for (size_t i = 0; i < gateways.count; i++) {
		assert_true(gateways_have(&gateways, gateways.names[i]));
		strcat(text, gateways.names[i]);
		strcat(text, " ");
	}
	assert_string_equal(text, expected);
	assert_false(gateways_have(&gateways, "eth9"));
	gateways_fini(&gateways);
}

static void bridge_of_guests_is_found_and_a_lan_is_not(void **state)
{
	struct fixture *f = *state;

	assert_found(f, "");
	configure(f, "auto");
	assert_found(f, "br0 ");
	/* A container's end, then a card of this host. */
	fib_model_link(&f->model, WLAN)->master = BRIDGE;
	strcpy(link_of(f, WLAN)->kind, "veth");
	assert_found(f, "br0 ");
	link_of(f, WLAN)->kind[0] = '\0';
	assert_found(f, "");
}

static void bridge_that_is_down_or_has_no_address_is_none(void **state)
{
	struct fixture *f = *state;

	configure(f, "auto");
	link_of(f, BRIDGE)->is_up = false;
	assert_found(f, "");
	link_of(f, BRIDGE)->is_up = true;
	for (size_t i = 0; i < f->model.state.addr_count; i++) {
		if (f->model.addrs[i].ifindex == BRIDGE)
			f->model.addrs[i].prefix = prefix_of("169.254.0.0/16");
	}
	assert_found(f, "");
}

static void bridge_that_is_the_uplink_is_none(void **state)
{
	struct fixture *f = *state;

	configure(f, "auto");
	fib_model_route(&f->model, "0.0.0.0/0", BRIDGE, "172.17.0.254")
		->metric = 0;
	f->config.routed.uplink = "br0";
	assert_found(f, "");
}

static void exempt_bridge_is_left_alone(void **state)
{
	struct fixture *f = *state;

	configure(f, "auto");
	f->exempt[0] = "br0";
	f->config.routed.exempt.interfaces = f->exempt;
	f->config.routed.exempt.interface_count = 1;
	assert_found(f, "");
}

static void names_need_not_exist_and_none_is_there_twice(void **state)
{
	struct fixture *f = *state;

	configure(f, "lan0");
	configure(f, "br0");
	configure(f, "auto");
	assert_found(f, "lan0 br0 ");
	assert_true(config_names_gateway(&f->config, "lan0"));
	assert_false(config_names_gateway(&f->config, "eth0"));
}

static void off_is_nobody(void **state)
{
	struct fixture *f = *state;

	configure(f, "off");
	assert_found(f, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			bridge_of_guests_is_found_and_a_lan_is_not, setup),
		cmocka_unit_test_setup(
			bridge_that_is_down_or_has_no_address_is_none, setup),
		cmocka_unit_test_setup(bridge_that_is_the_uplink_is_none,
				       setup),
		cmocka_unit_test_setup(exempt_bridge_is_left_alone, setup),
		cmocka_unit_test_setup(
			names_need_not_exist_and_none_is_there_twice, setup),
		cmocka_unit_test_setup(off_is_nobody, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
