// SPDX-License-Identifier: BSD-2-Clause
#include "routed/plan.h"

#include "routed/plan_print.h"
#include "tests/unit/fib_model.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct config config_default(void)
{
	struct config config = {0};

	config.dnsd.fake = fake_pool_default();
	config.routed.tun = "ersatz0";
	return config;
}

static char *plan_text(const struct config *config,
		       const struct fib_model *model,
		       const struct plan_facts *facts)
{
	const struct plan_names names = {&model->state, "ersatz0",
					 facts->tun_ifindex};
	struct plan plan;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(plan_make(&plan, config, &model->state, facts), 0);
	plan_print(&plan, NULL, &names, out);
	assert_int_equal(fclose(out), 0);
	plan_fini(&plan);
	return text;
}

/* What is done to routes and rules, without the table and the way back. */
static char *steps_text(const struct config *config,
			const struct fib_model *model,
			const struct plan_facts *facts)
{
	char *text = plan_text(config, model, facts);
	char *end = strstr(text, "\n# what a stop would do");
	char *start = strstr(text, "END\n\n");

	assert_non_null(start);
	assert_non_null(end);
	*end = '\0';
	start += strlen("END\n\n");
	memmove(text, start, strlen(start) + 1);
	return text;
}

static void assert_has(const char *text, const char *line)
{
	size_t length = strlen(line);
	const char *at = text;

	while ((at = strstr(at, line))) {
		if ((at == text || at[-1] == '\n') && at[length] == '\n')
			return;
		at += length;
	}
	print_error("missing: %s\nin:\n%s", line, text);
	fail();
}

static const char figure[] =
	"# exits: the way out for sockets bound to an interface\n"
	"ip route add default via 192.168.7.1 dev eth0 table 210"
	" proto 198 scope global\n"
	"ip -6 route add default via 2001:db8:7::1 dev eth0 table 210"
	" proto 198 metric 1024\n"
	"\n"
	"# prefixes that stay out of the TUN\n"
	"ip route add throw 169.254.0.0/16 table 197 proto 198\n"
	"ip route add throw 192.168.7.0/24 table 197 proto 198\n"
	"ip route add throw 224.0.0.0/4 table 197 proto 198\n"
	"ip route add throw 255.255.255.255/32 table 197 proto 198\n"
	"ip -6 route add throw 2001:db8:7::/64 table 197 proto 198"
	" metric 1024\n"
	"ip -6 route add throw fe80::/10 table 197 proto 198"
	" metric 1024\n"
	"ip -6 route add throw ff00::/8 table 197 proto 198"
	" metric 1024\n"
	"\n"
	"# senders that stay out of the TUN\n"
	"ip rule add priority 4998 oif eth0 protocol 198 lookup main"
	" suppress_prefixlength 1\n"
	"ip -6 rule add priority 4998 oif eth0 protocol 198 lookup main"
	" suppress_prefixlength 1\n"
	"\n"
	"# where those end\n"
	"ip rule add priority 4999 oif eth0 protocol 198 lookup 210\n"
	"ip -6 rule add priority 4999 oif eth0 protocol 198 lookup"
	" 210\n"
	"\n"
	"# the TUN\n"
	"ip tuntap add dev ersatz0 mode tun\n"
	"ip link set dev ersatz0 up\n"
	"ip addr add local 198.18.0.1/32 dev ersatz0 noprefixroute\n"
	"ip addr add local 2001:2::1/128 dev ersatz0 nodad"
	" noprefixroute\n"
	"\n"
	"# routes into the TUN; no rule leads to them yet\n"
	"ip route add 198.18.0.0/15 dev ersatz0 table 196 proto 198"
	" scope global src 198.18.0.1 congctl cubic\n"
	"ip route add unreachable 198.18.0.0/15 table 196 proto 198"
	" metric 65535\n"
	"ip -6 route add 2001:2::/48 dev ersatz0 table 196 proto 198"
	" src 2001:2::1 metric 1024 congctl cubic\n"
	"ip -6 route add unreachable 2001:2::/48 table 196 proto 198"
	" metric 65535\n"
	"ip route add 0.0.0.0/1 dev ersatz0 table 199 proto 198"
	" scope global src 198.18.0.1 congctl cubic\n"
	"ip route add 128.0.0.0/1 dev ersatz0 table 199 proto 198"
	" scope global src 198.18.0.1 congctl cubic\n"
	"ip route add 0.0.0.0/1 dev ersatz0 table 197 proto 198"
	" scope global src 198.18.0.1 congctl cubic\n"
	"ip route add 128.0.0.0/1 dev ersatz0 table 197 proto 198"
	" scope global src 198.18.0.1 congctl cubic\n"
	"ip -6 route add ::/1 dev ersatz0 table 199 proto 198"
	" src 2001:2::1 metric 1024 congctl cubic\n"
	"ip -6 route add 8000::/1 dev ersatz0 table 199 proto 198"
	" src 2001:2::1 metric 1024 congctl cubic\n"
	"ip -6 route add ::/1 dev ersatz0 table 197 proto 198"
	" src 2001:2::1 metric 1024 congctl cubic\n"
	"ip -6 route add 8000::/1 dev ersatz0 table 197 proto 198"
	" src 2001:2::1 metric 1024 congctl cubic\n"
	"\n"
	"# what has a source address already stays where it is\n"
	"ip rule add priority 5000 from 198.18.0.1/32 iif lo"
	" protocol 198 lookup 199\n"
	"ip -6 rule add priority 5000 from 2001:2::1/128 iif lo"
	" protocol 198 lookup 199\n"
	"ip -6 rule add priority 5001 from ::/1 iif lo protocol 198"
	" lookup main\n"
	"ip -6 rule add priority 5001 from 8000::/1 iif lo"
	" protocol 198 lookup main\n"
	"\n"
	"# from here on new connections enter the TUN\n"
	"ip rule add priority 4990 to 198.18.0.0/15 protocol 198"
	" lookup 196\n"
	"ip rule add priority 5001 from 0.0.0.0/32 iif lo protocol 198"
	" lookup 197\n"
	"ip -6 rule add priority 4990 to 2001:2::/48 protocol 198"
	" lookup 196\n"
	"ip -6 rule add priority 5002 iif lo protocol 198 lookup 197\n";

static void laptop_gets_the_figure(void **state)
{
	const struct config config = config_default();
	const struct plan_facts facts = {.tun_ifindex = PLAN_TUN_UNBORN};
	struct fib_model model;
	char *text;

	(void)state;
	fib_model_laptop(&model);
	text = steps_text(&config, &model, &facts);
	assert_string_equal(text, figure);
	free(text);
}

static void senders_are_exempt_in_pairs(void **state)
{
	struct uid_range uids[] = {{107, 107}, {1000, 1999}};
	struct mark_match marks[] = {{0x2a, UINT32_MAX}};
	const char *groups[] = {"/system.slice/tor.service", "/guests"};
	uint16_t ports[] = {5060};
	const struct uid_range learnt[] = {{107, 107}, {120, 120}};
	const struct endpoint server = {{ADDR_IPV6, {0}}, 500};
	const struct plan_facts facts = {
		.tun_ifindex = TUN,
		.uids = learnt,
		.uid_count = 2,
		.udp_servers = &server,
		.udp_server_count = 1,
	};
	struct config config = config_default();
	struct fib_model model;
	char *text;

	(void)state;
	config.routed.exempt.uids = uids;
	config.routed.exempt.uid_count = 2;
	config.routed.exempt.marks = marks;
	config.routed.exempt.mark_count = 1;
	config.routed.exempt.cgroups = groups;
	config.routed.exempt.cgroup_count = 2;
	config.routed.serve = ports;
	config.routed.serve_count = 1;
	fib_model_laptop(&model);
	text = steps_text(&config, &model, &facts);
	assert_has(text, "ip rule add priority 4991 iif lo ipproto udp sport "
			 "5060 protocol 198 lookup main");
	assert_has(text, "ip -6 rule add priority 4991 iif lo ipproto udp "
			 "sport 500 protocol 198 lookup main");
	assert_null(strstr(text, "ip rule add priority 4991 iif lo ipproto "
				 "udp sport 500 "));
	assert_has(text, "ip rule add priority 4992 fwmark 0x2a protocol 198 "
			 "lookup main");
	assert_has(text, "ip rule add priority 4993 fwmark 0x2a protocol 198 "
			 "unreachable");
	assert_has(text, "ip rule add priority 4992 fwmark "
			 "0x40000000/0x40000000 protocol 198 lookup main");
	assert_has(text, "ip -6 rule add priority 4993 fwmark "
			 "0x40000000/0x40000000 protocol 198 unreachable");
	assert_has(text, "ip -6 rule add priority 4992 uidrange 1000-1999 "
			 "protocol 198 lookup main");
	assert_has(text, "ip -6 rule add priority 4993 uidrange 120-120 "
			 "protocol 198 unreachable");
	/* Configured and learnt is one. */
	assert_null(strstr(strstr(text, "ip rule add priority 4992 uidrange "
					"107-107") +
				   1,
			   "ip rule add priority 4992 uidrange 107-107"));
	free(text);
}

static void without_a_tun_nothing_leads_there(void **state)
{
	const struct config config = config_default();
	const struct plan_facts facts = {.tun_ifindex = 0};
	struct fib_model model;
	struct plan plan;

	(void)state;
	fib_model_laptop(&model);
	assert_int_equal(plan_make(&plan, &config, &model.state, &facts), 0);
	for (size_t i = 0; i < plan.count; i++) {
		const struct nl_object *object = &plan.objects[i];

		assert_true(object->kind == NL_OBJECT_RULE ||
			    object->kind == NL_OBJECT_ROUTE);
		if (object->kind == NL_OBJECT_ROUTE &&
		    object->route.type == RTN_UNICAST)
			assert_int_equal(object->route.oif, ETH);
	}
	for (size_t i = 0; i < plan.probe_count; i++)
		assert_int_equal(plan.probes[i].way, PLAN_WAY_NOT_TUN);
	plan_fini(&plan);
}

static void capture_fake_takes_the_pools_alone(void **state)
{
	struct config config = config_default();
	const struct plan_facts facts = {.tun_ifindex = TUN};
	struct fib_model model;
	struct plan plan;
	size_t rules = 0;

	(void)state;
	config.routed.capture = ROUTED_CAPTURE_FAKE;
	fib_model_laptop(&model);
	assert_int_equal(plan_make(&plan, &config, &model.state, &facts), 0);
	for (size_t i = 0; i < plan.count; i++) {
		const struct nl_object *object = &plan.objects[i];

		if (object->kind == NL_OBJECT_RULE) {
			assert_int_equal(object->rule.priority, 4990);
			rules++;
		} else if (object->kind == NL_OBJECT_ROUTE) {
			assert_int_equal(object->route.table, PLAN_TABLE_POOL);
		}
	}
	assert_int_equal(rules, 2);
	plan_fini(&plan);
}

static void ipv6_without_a_pool_is_captured_all_the_same(void **state)
{
	struct config config = config_default();
	const struct plan_facts facts = {.tun_ifindex = TUN};
	struct fib_model model;
	char *text;

	(void)state;
	config.dnsd.fake.ipv6 = (struct prefix){0};
	fib_model_laptop(&model);
	model.state.route_count--; /* no IPv6 uplink either */
	text = steps_text(&config, &model, &facts);
	assert_has(text, "ip -6 route add ::/1 dev ersatz0 table 197 proto 198"
			 " src 2001:2::1 metric 1024 congctl cubic");
	assert_has(text, "ip -6 rule add priority 5002 iif lo protocol 198"
			 " lookup 197");
	assert_null(strstr(text, "ip -6 rule add priority 4990"));
	assert_null(strstr(text, "ip -6 route add default"));
	free(text);
}

static void ipv6_that_is_not_there_is_left_alone(void **state)
{
	struct config config = config_default();
	const struct plan_facts facts = {.tun_ifindex = TUN,
					 .has_no_ipv6 = true};
	struct fib_model model;
	char *text;

	(void)state;
	fib_model_laptop(&model);
	text = steps_text(&config, &model, &facts);
	assert_null(strstr(text, "-6"));
	assert_null(strstr(text, "2001:"));
	free(text);
}

/* (Without one the figure above has no such table.) */
static void gateway_sees_the_fixed_table(void **state)
{
	static const char *const gateways[] = {"br0"};
	struct config config = config_default();
	const struct plan_facts facts = {
		.tun_ifindex = TUN,
		.gateways = gateways,
		.gateway_count = 1,
	};
	struct fib_model model;
	char *text;

	(void)state;
	fib_model_laptop(&model);
	text = steps_text(&config, &model, &facts);
	assert_has(text, "ip rule add priority 5003 iif br0 protocol 198"
			 " lookup 198");
	assert_has(text, "ip route add throw 224.0.0.0/4 table 198 proto 198");
	assert_has(text, "ip route add 128.0.0.0/1 dev ersatz0 table 198 proto "
			 "198 scope global src 198.18.0.1 congctl cubic");
	free(text);
}

static void direct_names_are_thrown_where_only_new_flows_ask(void **state)
{
	const struct prefix directs[] = {prefix_of("203.0.113.9"),
					 prefix_of("192.168.7.200"),
					 prefix_of("2001:db8:9::9")};
	struct plan_facts facts = {
		.tun_ifindex = TUN, .directs = directs, .direct_count = 3};
	struct config config = config_default();
	struct fib_model model;
	char *text;

	(void)state;
	fib_model_laptop(&model);
	text = steps_text(&config, &model, &facts);
	assert_has(text, "ip route add throw 203.0.113.9/32 table 197 proto "
			 "198");
	assert_has(text, "ip -6 route add throw 2001:db8:9::9/128 table 197 "
			 "proto 198 metric 1024");
	assert_null(strstr(text, "203.0.113.9/32 table 198"));
	/* The link's own prefix has it. */
	assert_null(strstr(text, "192.168.7.200"));
	free(text);
	facts.has_no_ipv6 = true;
	text = steps_text(&config, &model, &facts);
	assert_null(strstr(text, "2001:db8:9::9"));
	free(text);
	config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	text = steps_text(&config, &model, &facts);
	assert_null(strstr(text, "203.0.113.9"));
	free(text);
	config.routed.on_crash = ROUTED_ON_CRASH_OPEN;
	config.routed.capture = ROUTED_CAPTURE_FAKE;
	text = steps_text(&config, &model, &facts);
	assert_null(strstr(text, "throw"));
	free(text);
}

static void stop_is_a_function_that_takes_it_back(void **state)
{
	const struct config config = config_default();
	const struct plan_facts facts = {.tun_ifindex = PLAN_TUN_UNBORN};
	struct fib_model model;
	char *text, *undo;

	(void)state;
	fib_model_laptop(&model);
	text = plan_text(&config, &model, &facts);
	assert_has(text, "nft -f - <<'END'");
	assert_has(text, "table inet ersatz {");
	undo = strstr(text, "ersatz_undo() {\n");
	assert_non_null(undo);
	assert_int_equal(strncmp(undo, "ersatz_undo() {\nip -6 rule del ", 31),
			 0);
	assert_has(undo, "ip rule del priority 4990 to 198.18.0.0/15 protocol "
			 "198 lookup 196");
	assert_has(undo, "nft delete table inet ersatz");
	assert_has(undo, "ip tuntap del dev ersatz0 mode tun");
	assert_has(undo, "}");
	free(text);
}

static void closed_host_has_an_end_behind_the_tun(void **state)
{
	struct config config = config_default();
	static const char *const gateways[] = {"br0"};
	const struct plan_facts facts = {
		.gateways = gateways,
		.gateway_count = 1,
	};
	struct fib_model model;
	char *text;

	(void)state;
	config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	fib_model_laptop(&model);
	text = steps_text(&config, &model, &facts);
	for (uint32_t table = 197; table <= 199; table++) {
		char line[128];

		snprintf(line, sizeof(line),
			 "ip route add unreachable 128.0.0.0/1 table %u proto "
			 "198 metric 65535",
			 table);
		assert_has(text, line);
	}
	assert_has(text, "ip -6 route add unreachable ::/1 table 197 proto 198"
			 " metric 65535");
	free(text);
}

static void ipv6_that_is_off_is_prohibited(void **state)
{
	struct config config = config_default();
	struct plan_facts facts = {.tun_ifindex = TUN};
	struct fib_model model;
	char *text;

	(void)state;
	fib_model_laptop(&model);
	for (int i = 0; i < 2; i++) {
		config.routed.is_ipv6_refused = i == 0;
		facts.is_ipv6_off = i == 1;
		text = steps_text(&config, &model, &facts);
		assert_has(text, "ip -6 route add prohibit ::/1 table 197 proto"
				 " 198 metric 65535");
		assert_has(text, "ip -6 route add prohibit 2001:2::/48 table "
				 "196 proto 198 metric 65535");
		assert_has(text, "ip -6 rule add priority 5002 iif lo protocol "
				 "198 lookup 197");
		assert_null(strstr(text, "-6 route add ::/1 dev ersatz0"));
		assert_null(strstr(text, "local 2001:2::1"));
		free(text);
	}
}

static void included_prefixes_enter_the_tun(void **state)
{
	struct prefix includes[] = {prefix_of("10.1.0.0/16")};
	struct config config = config_default();
	const struct plan_facts facts = {.tun_ifindex = TUN};
	struct fib_model model;
	char *text;

	(void)state;
	config.routed.include.prefixes = includes;
	config.routed.include.prefix_count = 1;
	fib_model_laptop(&model);
	fib_model_route(&model, "10.0.0.0/8", ETH, "192.168.7.66");
	fib_model_route(&model, "10.1.2.0/24", ETH, "192.168.7.66");
	text = steps_text(&config, &model, &facts);
	assert_has(text, "ip route add throw 10.0.0.0/8 table 197 proto 198");
	assert_null(strstr(text, "throw 10.1.2.0/24"));
	assert_has(text, "ip route add 10.1.0.0/16 dev ersatz0 table 197 proto "
			 "198 scope global src 198.18.0.1 congctl cubic");
	free(text);
	config.routed.capture = ROUTED_CAPTURE_FAKE;
	text = steps_text(&config, &model, &facts);
	assert_has(text, "ip route add 10.1.0.0/16 dev ersatz0 table 197 proto "
			 "198 scope global src 198.18.0.1 congctl cubic");
	assert_has(text, "ip rule add priority 5001 from 0.0.0.0/32 iif lo "
			 "protocol 198 lookup 197");
	assert_null(strstr(text, "0.0.0.0/1 "));
	assert_null(strstr(text, "priority 5002"));
	free(text);
}

static void marks_that_others_exempt_are_adopted(void **state)
{
	struct config config = config_default();
	const struct plan_facts facts = {.tun_ifindex = TUN};
	struct fib_model model;
	struct nl_rule *rule;
	char *text;

	(void)state;
	fib_model_laptop(&model);
	rule = fib_model_rule(&model, ADDR_IPV4, 5210, RT_TABLE_MAIN);
	rule->mark = 0x80000;
	rule->mark_mask = 0xff0000;
	rule = fib_model_rule(&model, ADDR_IPV6, 32765, 51820);
	rule->mark = 51820;
	rule->mark_mask = UINT32_MAX;
	rule->is_inverted = true;
	/* Leads elsewhere, or says more than the mark: no exemption. */
	rule = fib_model_rule(&model, ADDR_IPV4, 5220, 52);
	rule->mark = 7;
	rule->mark_mask = UINT32_MAX;
	rule = fib_model_rule(&model, ADDR_IPV4, 5221, RT_TABLE_MAIN);
	rule->mark = 8;
	rule->mark_mask = UINT32_MAX;
	rule->has_more = true;
	text = steps_text(&config, &model, &facts);
	assert_has(text, "ip rule add priority 4992 fwmark 0x80000/0xff0000 "
			 "protocol 198 lookup main");
	assert_has(text, "ip rule add priority 4993 fwmark 0x80000/0xff0000 "
			 "protocol 198 unreachable");
	assert_has(text, "ip -6 rule add priority 4992 fwmark 0xca6c protocol "
			 "198 lookup main");
	assert_null(strstr(text, "fwmark 0x7 "));
	assert_null(strstr(text, "fwmark 0x8 "));
	free(text);
}

static void ranks_never_go_back(void **state)
{
	const struct config config = config_default();
	const struct plan_facts facts = {.tun_ifindex = TUN};
	struct fib_model model;
	struct plan plan;

	(void)state;
	fib_model_laptop(&model);
	assert_int_equal(plan_make(&plan, &config, &model.state, &facts), 0);
	for (size_t i = 1; i < plan.count; i++)
		assert_true(plan_rank_of(&plan.objects[i - 1]) <=
			    plan_rank_of(&plan.objects[i]));
	plan_fini(&plan);
}

static void mtu_is_the_smallest_of_the_uplinks(void **state)
{
	const struct config config = config_default();
	struct fib_model model;

	(void)state;
	fib_model_laptop(&model);
	assert_int_equal(plan_tun_mtu(&config, &model.state), 1500);
	model.routes[3].mtu = 1400;
	assert_int_equal(plan_tun_mtu(&config, &model.state), 1400);
	/* With less the kernel takes IPv6 away from the device. */
	model.routes[3].mtu = 576;
	assert_int_equal(plan_tun_mtu(&config, &model.state), 1280);
	fib_model_init(&model);
	assert_int_equal(plan_tun_mtu(&config, &model.state), 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(laptop_gets_the_figure),
		cmocka_unit_test(senders_are_exempt_in_pairs),
		cmocka_unit_test(without_a_tun_nothing_leads_there),
		cmocka_unit_test(capture_fake_takes_the_pools_alone),
		cmocka_unit_test(ipv6_without_a_pool_is_captured_all_the_same),
		cmocka_unit_test(ipv6_that_is_not_there_is_left_alone),
		cmocka_unit_test(gateway_sees_the_fixed_table),
		cmocka_unit_test(
			direct_names_are_thrown_where_only_new_flows_ask),
		cmocka_unit_test(stop_is_a_function_that_takes_it_back),
		cmocka_unit_test(closed_host_has_an_end_behind_the_tun),
		cmocka_unit_test(ipv6_that_is_off_is_prohibited),
		cmocka_unit_test(included_prefixes_enter_the_tun),
		cmocka_unit_test(marks_that_others_exempt_are_adopted),
		cmocka_unit_test(ranks_never_go_back),
		cmocka_unit_test(mtu_is_the_smallest_of_the_uplinks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
