// SPDX-License-Identifier: BSD-2-Clause
#include "routed/band.h"

#include "routed/plan.h"
#include "tests/unit/fib_model.h"

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define VPN_TABLE 51820

static void laptop_with_vpn(struct fib_model *model)
{
	fib_model_laptop(model);
	fib_model_link(model, WG);
	fib_model_route(model, "0.0.0.0/0", WG, NULL)->table = VPN_TABLE;
}

static struct nl_rule *add(struct fib_model *model, uint32_t priority,
			   uint32_t table)
{
	return fib_model_rule(model, ADDR_IPV4, priority, table);
}

/* What `ip rule add` without a priority does to us. */
static void ours_go_before_a_rule_that_takes_everything(void **state)
{
	struct fib_model model;
	struct nl_rule *rule;

	(void)state;
	laptop_with_vpn(&model);
	assert_int_equal(band_find(&model.state), 0);
	rule = add(&model, 4989, VPN_TABLE);
	rule->mark = VPN_TABLE;
	rule->mark_mask = UINT32_MAX;
	rule->is_inverted = true;
	assert_int_equal(band_find(&model.state), 100);
	add(&model, 4889, RT_TABLE_MAIN)->suppress_prefixlength = 0;
	assert_int_equal(band_find(&model.state), 200);
	add(&model, 220, VPN_TABLE);
	assert_int_equal(band_find(&model.state), 4800);
	/* There is no place before it. */
	add(&model, 50, VPN_TABLE);
	assert_int_equal(band_find(&model.state), 0);
}

static void ours_stay_behind_what_is_about_some_only(void **state)
{
	struct fib_model model;
	struct nl_rule *rule;

	(void)state;
	laptop_with_vpn(&model);
	/* No default route there. */
	add(&model, 220, 220);
	fib_model_route(&model, "10.9.0.0/16", WG, NULL)->table = 220;
	rule = add(&model, 100, VPN_TABLE);
	rule->src.addr = addr_ipv4(0x0a000000);
	rule->src.length = 8;
	strcpy(add(&model, 101, VPN_TABLE)->iif, "br0");
	add(&model, 102, VPN_TABLE)->mark_mask = 1;
	add(&model, 103, VPN_TABLE)->has_uid = true;
	add(&model, 104, VPN_TABLE)->has_more = true;
	add(&model, 105, VPN_TABLE)->protocol = NL_PROTOCOL;
	add(&model, 5270, VPN_TABLE);
	assert_int_equal(band_find(&model.state), 0);
}

static void every_band_has_the_same_figure(void **state)
{
	(void)state;
	for (uint32_t p = BAND_FIRST; p <= BAND_LAST; p++) {
		assert_int_equal(band_home(p), p);
		assert_int_equal(band_home(p - 100), p);
		assert_int_equal(band_home(p - 4900), p);
	}
	assert_int_equal(BAND_FIRST + 1, PLAN_PRIORITY_SERVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_go_before_a_rule_that_takes_everything),
		cmocka_unit_test(ours_stay_behind_what_is_about_some_only),
		cmocka_unit_test(every_band_has_the_same_figure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
