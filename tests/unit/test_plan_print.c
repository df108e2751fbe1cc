// SPDX-License-Identifier: BSD-2-Clause
#include "routed/plan_print.h"

#include "tests/unit/fib_model.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fib_model model;

static void assert_text(const struct nl_object *object, bool is_removal,
			const char *wanted)
{
	const struct plan_names names = {&model.state, "ersatz0", TUN};
	char text[PLAN_PRINT_SIZE];

	assert_string_equal(plan_print_object(object, is_removal, &names, text,
					      sizeof(text)),
			    wanted);
}

static void routes_are_commands_of_ip(void **state)
{
	struct nl_object object = {.kind = NL_OBJECT_ROUTE};

	(void)state;
	fib_model_laptop(&model);
	object.route = model.routes[2];
	object.route.table = 210;
	object.route.protocol = NL_PROTOCOL;
	object.route.metric = 5;
	object.route.mtu = 1400;
	object.route.is_onlink = true;
	object.route.prefsrc = addr_of("192.168.7.2");
	assert_text(&object, true,
		    "ip route del default via 192.168.7.1 dev eth0 table 210 "
		    "proto 198 scope global src 192.168.7.2 metric 5 mtu 1400 "
		    "onlink");
	object.route.gateway = addr_of("fe80::1");
	object.route.oif = 77;
	object.route.mtu = 0;
	object.route.is_onlink = false;
	assert_text(&object, false,
		    "ip route add default via inet6 fe80::1 dev if77 table 210 "
		    "proto 198 scope global src 192.168.7.2 metric 5");
}

static void rules_are_commands_of_ip(void **state)
{
	struct nl_object object = {.kind = NL_OBJECT_RULE};
	struct nl_rule *rule = &object.rule;

	(void)state;
	rule->family = ADDR_IPV6;
	rule->priority = 77;
	rule->protocol = 4;
	rule->action = FR_ACT_TO_TBL;
	rule->table = 52;
	rule->suppress_prefixlength = -1;
	rule->is_inverted = true;
	rule->mark = 1;
	rule->mark_mask = 0xff;
	rule->sport_first = 10;
	rule->sport_last = 20;
	rule->ip_protocol = IPPROTO_TCP;
	assert_text(&object, true,
		    "ip -6 rule del priority 77 not ipproto 6 sport 10-20 "
		    "fwmark 0x1/0xff protocol 4 lookup 52");
}

static void links_and_addresses_too(void **state)
{
	struct nl_object object = {.kind = NL_OBJECT_LINK_UP};

	(void)state;
	fib_model_laptop(&model);
	object.ifindex = TUN;
	assert_text(&object, false, "ip link set dev ersatz0 up");
	assert_text(&object, true, "ip link set dev ersatz0 down");
	object.kind = NL_OBJECT_IFADDR;
	object.ifaddr = model.addrs[0];
	assert_text(&object, true, "ip addr del local 192.168.7.2/24 dev eth0");
}

static void odd_names_do_not_reach_the_terminal(void **state)
{
	struct nl_object object = {.kind = NL_OBJECT_RULE};

	(void)state;
	object.rule.family = ADDR_IPV4;
	object.rule.action = FR_ACT_UNREACHABLE;
	object.rule.suppress_prefixlength = -1;
	strcpy(object.rule.oif, "a\033[2J");
	assert_text(&object, false,
		    "ip rule add priority 0 oif a?[2J protocol 0 unreachable");
}

static void short_room_cuts_the_text(void **state)
{
	const struct plan_names names = {&model.state, "ersatz0", TUN};
	struct nl_object object = {.kind = NL_OBJECT_LINK_UP, .ifindex = TUN};
	char text[12];

	(void)state;
	fib_model_laptop(&model);
	assert_string_equal(
		plan_print_object(&object, false, &names, text, sizeof(text)),
		"ip link set");
}

static void every_step_is_an_object_for_programs(void **state)
{
	struct nl_object objects[] = {
		{.kind = NL_OBJECT_LINK_UP, .ifindex = PLAN_TUN_UNBORN},
		{.kind = NL_OBJECT_RULE,
		 .rule = {.family = ADDR_IPV4,
			  .priority = 4991,
			  .protocol = NL_PROTOCOL,
			  .action = FR_ACT_TO_TBL,
			  .table = RT_TABLE_MAIN,
			  .suppress_prefixlength = -1}},
	};
	char table[] = "# ours\n";
	const struct plan plan = {
		.objects = objects, .count = 2, .table = table};
	const struct plan_names names = {&model.state, "ersatz0",
					 PLAN_TUN_UNBORN};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fib_model_laptop(&model);
	assert_non_null(out);
	assert_int_equal(plan_print_json(&plan, NULL, &names, out), 0);
	fclose(out);
	assert_string_equal(
		text,
		"{\"step\":0,\"phase\":\"nftables\",\"why\":\"what must not "
		"leave, whatever routes say\",\"do\":\"nft -f - <<'END'\\n"
		"table inet ersatz {\\n# ours\\n}\\nEND\\n\","
		"\"undo\":\"nft delete table inet ersatz\"}\n"
		"{\"step\":1,\"phase\":\"tun\",\"why\":\"the TUN\","
		"\"do\":\"ip tuntap add dev ersatz0 mode tun\","
		"\"undo\":\"ip tuntap del dev ersatz0 mode tun\"}\n"
		"{\"step\":2,\"phase\":\"tun\",\"why\":\"the TUN\","
		"\"do\":\"ip link set dev ersatz0 up\",\"undo\":null}\n"
		"{\"step\":3,\"phase\":\"exemption\",\"why\":\"senders that "
		"stay out of the TUN\",\"do\":\"ip rule add priority 4991 "
		"protocol 198 lookup main\",\"undo\":\"ip rule del priority "
		"4991 protocol 198 lookup main\"}\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_are_commands_of_ip),
		cmocka_unit_test(rules_are_commands_of_ip),
		cmocka_unit_test(links_and_addresses_too),
		cmocka_unit_test(odd_names_do_not_reach_the_terminal),
		cmocka_unit_test(short_room_cuts_the_text),
		cmocka_unit_test(every_step_is_an_object_for_programs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
