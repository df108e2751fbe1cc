// SPDX-License-Identifier: BSD-2-Clause
/*
 * The text, and whether the real nft takes it: that in a network namespace of
 * this process alone, if it may have one.
 */
#include "routed/table.h"

#include "routed/nft.h"
#include "tests/unit/fib_model.h"
#include "tests/unit/own_network.h"

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct fib_model model;
	struct config config;
	struct plan_facts facts;
	struct prefix exempt[2], include[2];
	struct uid_range uids[2];
	struct mark_match marks[1];
	const char *interfaces[1];
	const char *gateways[1];
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fib_model_laptop(&f.model);
	fib_model_link(&f.model, WG);
	fib_model_route(&f.model, "10.8.0.0/16", WG, NULL);
	fib_model_route(&f.model, "10.8.4.0/24", WG, NULL);
	fib_model_route(&f.model, "10.8.5.0/24", ETH, "192.168.7.66");
	f.config.dnsd.fake = fake_pool_default();
	f.config.routed.tun = "ersatz0";
	f.facts.tun_ifindex = TUN;
	f.facts.has_own_uid = true;
	f.facts.own_uid = 995;
	*state = &f;
	return 0;
}

/* The text, once nft has taken it. */
static char *make(struct fixture *f)
{
	char error[NFT_ERROR_SIZE] = "";
	char *commands;
	char *text;

	assert_int_equal(
		table_make(&text, &f->config, &f->model.state, &f->facts), 0);
	if (has_own_network) {
		assert_true(asprintf(&commands, "table inet x {\n%s}\n", text) >
			    0);
		if (nft_run(commands, error, sizeof(error)) < 0) {
			print_error("%s\n%s\n", error, text);
			fail();
		}
		free(commands);
		assert_int_equal(
			nft_run("delete table inet x\n", error, sizeof(error)),
			0);
	}
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part))
		return;
	print_error("missing: %s\nin:\n%s", part, text);
	fail();
}

static void open_profile_knows_the_pools_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	char *text = make(f);

	assert_has(text, "comment \"" TABLE_COMMENT_OPEN "\"\n");
	assert_has(text, "ip daddr 198.18.0.0/15 iifname != { \"lo\", "
			 "\"ersatz0\" } counter name pool_in goto refuse_in\n");
	assert_has(text, "ip6 daddr 2001:2::/48 counter name pool_out goto "
			 "refuse\n");
	assert_has(text, "ip saddr 198.18.0.0/15 oifname != { \"lo\", "
			 "\"ersatz0\" } counter name pool_out drop\n");
	assert_null(strstr(text, "\tct "));
	assert_null(strstr(text, "closed"));
	free(text);
	f->config.dnsd.fake.ipv6 = (struct prefix){0};
	text = make(f);
	assert_null(strstr(text, "ip6"));
	free(text);
}

static void gateway_interfaces_may_send_to_the_pools(void **state)
{
	struct fixture *f = *state;
	char *text;

	f->gateways[0] = "br0";
	f->facts.gateways = f->gateways;
	f->facts.gateway_count = 1;
	text = make(f);
	assert_has(text, "iifname != { \"lo\", \"ersatz0\", \"br0\" } counter "
			 "name pool_in");
	assert_has(text, "iifname != { \"lo\", \"ersatz0\" } counter name "
			 "pool_out drop");
	free(text);
}

static void wish_everything(struct fixture *f)
{
	f->config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	f->exempt[0] = prefix_of("203.0.113.0/24");
	f->exempt[1] = prefix_of("2001:db8:77::/48");
	f->config.routed.exempt.prefixes = f->exempt;
	f->config.routed.exempt.prefix_count = 2;
	f->uids[0] = (struct uid_range){1000, 1999};
	f->uids[1] = (struct uid_range){1500, 2500};
	f->config.routed.exempt.uids = f->uids;
	f->config.routed.exempt.uid_count = 2;
	f->marks[0] = (struct mark_match){0x80000, 0xff0000};
	f->config.routed.exempt.marks = f->marks;
	f->config.routed.exempt.mark_count = 1;
	f->interfaces[0] = "br0";
	f->config.routed.exempt.interfaces = f->interfaces;
	f->config.routed.exempt.interface_count = 1;
}

static void closed_profile_names_what_it_lets_out(void **state)
{
	struct fixture *f = *state;
	struct nl_rule *rule;
	char *text;

	wish_everything(f);
	rule = fib_model_rule(&f->model, ADDR_IPV4, 5210, RT_TABLE_MAIN);
	rule->mark = 0x77;
	rule->mark_mask = 0xff;
	text = make(f);
	assert_has(text, "comment \"" TABLE_COMMENT_CLOSED "\"\n");
	assert_has(text, "meta skuid 995 accept\n");
	assert_has(text, "meta skuid 1500-2500 accept\n");
	assert_has(text, "meta mark & 0xff0000 == 0x80000 accept\n");
	assert_has(text, "meta mark & 0xff == 0x77 accept\n");
	assert_has(text, "iifname \"br0\" accept\n");
	assert_has(text, "203.0.113.0/24");
	assert_has(text, "\"eth0\" . 192.168.7.0/24");
	assert_has(text, "\"wg0\" . 10.8.0.0/16");
	/* By that link alone, and once. */
	assert_null(strstr(text, "10.8.4.0/24"));
	assert_has(text, "\"eth0\" . 10.8.5.0/24");
	assert_has(text, "goto closed_output\n");
	assert_has(text, "goto closed_forward\n");
	assert_true(table_is_closed(&f->config));
	free(text);
}

static void with_capture_fake_only_what_is_included_is_closed(void **state)
{
	struct fixture *f = *state;
	char *text;

	f->config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	f->config.routed.capture = ROUTED_CAPTURE_FAKE;
	assert_false(table_is_closed(&f->config));
	text = make(f);
	assert_null(strstr(text, "closed"));
	free(text);
	f->include[0] = prefix_of("203.0.113.0/24");
	f->include[1] = prefix_of("2001:db8:66::/48");
	f->config.routed.include.prefixes = f->include;
	f->config.routed.include.prefix_count = 2;
	assert_true(table_is_closed(&f->config));
	text = make(f);
	assert_has(text, "ip daddr @included4 goto closed_output\n");
	assert_null(strstr(text, "\t\tgoto closed_output\n"));
	free(text);
}

static void ipv6_that_is_off_is_closed(void **state)
{
	struct fixture *f = *state;
	char *text;

	f->config.routed.is_ipv6_refused = true;
	text = make(f);
	assert_has(text, "comment \"" TABLE_COMMENT_OPEN "\"\n");
	assert_has(text, "\t\tmeta nfproto ipv6 goto closed_output\n");
	assert_has(text, "\t\tmeta nfproto ipv6 goto closed_forward\n");
	free(text);
}

static void guard_ends_by_itself(void **state)
{
	struct fixture *f = *state;
	char error[NFT_ERROR_SIZE] = "";
	char *commands;
	char *text;

	f->config.routed.guard_ms = 600000;
	assert_int_equal(table_make_guard(&text, &f->config), 0);
	assert_has(text, "elements = { 198.18.0.0/15 timeout 600s }");
	assert_has(text, "ip6 daddr @guarded6 goto refuse");
	assert_true(asprintf(&commands, "table inet x {\n%s}\n", text) > 0);
	if (has_own_network)
		assert_int_equal(nft_run(commands, error, sizeof(error)), 0);
	free(commands);
	free(text);
}

static void odd_names_of_links_do_not_become_commands(void **state)
{
	struct fixture *f = *state;
	char *text;

	f->config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	strcpy(f->model.links[1].name, "a\"}flush");
	text = make(f);
	assert_null(strstr(text, "flush"));
	free(text);
}

#define CLAIM(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(open_profile_knows_the_pools_and_nothing_else),
		CLAIM(gateway_interfaces_may_send_to_the_pools),
		CLAIM(closed_profile_names_what_it_lets_out),
		CLAIM(with_capture_fake_only_what_is_included_is_closed),
		CLAIM(ipv6_that_is_off_is_closed),
		CLAIM(guard_ends_by_itself),
		CLAIM(odd_names_of_links_do_not_become_commands),
	};
	return cmocka_run_group_tests(tests, own_network_enter, NULL);
}
