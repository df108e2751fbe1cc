// SPDX-License-Identifier: BSD-2-Clause
#include "routed/rule_directs.h"

#include "routed/plan.h"
#include "tests/unit/fib_model.h"
#include "tests/unit/fixture_rules.h"

#include <linux/rtnetlink.h>
#include <string.h>

static const char *found(struct config *config, const char *text)
{
	static char out[512];
	struct rule_directs directs;

	config->rules = rules_of(text);
	assert_int_equal(rule_directs_find(&directs, config), 0);
	out[0] = '\0';
	for (size_t i = 0; i < directs.count; i++) {
		char prefix[PREFIX_TEXT_SIZE];

		prefix_format(&directs.list[i], prefix, sizeof(prefix));
		strcat(out, i ? " " : "");
		strcat(out, prefix);
	}
	rule_directs_fini(&directs);
	rules_free(config->rules);
	return out;
}

#define TEXT                              \
	"IP-CIDR,192.0.2.0/25,DIRECT\n"   \
	"IP-CIDR,192.0.2.128/25,DIRECT\n" \
	"IP-CIDR6,2001:db8::/32,DIRECT\n" \
	"MATCH,proxy\n"

static void whole_prefixes_of_the_rules_are_found(void **state)
{
	struct config config = {0};

	(void)state;
	assert_string_equal(found(&config, TEXT), "192.0.2.0/24 2001:db8::/32");
	assert_string_equal(found(&config, "DST-PORT,22,proxy\n" TEXT), "");
}

static void default_of_direct_stays_in_the_tun(void **state)
{
	struct config config = {0};

	(void)state;
	assert_string_equal(found(&config, "MATCH,DIRECT\n"), "");
	assert_string_equal(found(&config, "IP-CIDR,10.0.0.0/8,DIRECT\n"
					   "IP-CIDR,12.0.0.0/7,DIRECT\n"
					   "MATCH,proxy\n"),
			    "10.0.0.0/8");
}

/* Such a flow may say a name that an earlier rule has. */
static void where_names_are_sniffed_they_count(void **state)
{
	static enum routed_sniff tls = ROUTED_SNIFF_TLS;
	struct config config = {.routed = {.sniff = &tls, .sniff_count = 1}};

	(void)state;
	assert_string_equal(found(&config, "DOMAIN,a.example,proxy\n" TEXT),
			    "");
	assert_string_not_equal(found(&config, TEXT), "");
	config.routed.sniff_count = 0;
	assert_string_not_equal(found(&config, "DOMAIN,a.example,proxy\n" TEXT),
				"");
}

static void no_throw_stands_for_what_it_is_not(void **state)
{
	struct config config = {0};

	(void)state;
	config.routed.capture = ROUTED_CAPTURE_FAKE;
	assert_string_equal(found(&config, TEXT), "");
	config.routed.capture = ROUTED_CAPTURE_ALL;
	config.routed.mode = ROUTED_MODE_MAIN;
	assert_string_equal(found(&config, TEXT), "");
	config.routed.mode = ROUTED_MODE_POLICY;
	config.routed.on_crash = ROUTED_ON_CRASH_CLOSED;
	assert_string_equal(found(&config, TEXT), "");
	config.routed.on_crash = ROUTED_ON_CRASH_OPEN;
	config.routed.uplink = "eth1";
	assert_string_equal(found(&config, TEXT), "");
	config.routed.uplink = NULL;
	assert_string_not_equal(found(&config, TEXT), "");
}

struct fixture {
	struct fib_model model;
	struct config config;
	struct plan_facts facts;
};

/* Is there a throw in `fixed`?  Then there has to be one in `local` too. */
static bool is_in_plan(const struct fixture *f, const char *prefix)
{
	struct nl_object wanted;
	struct prefix parsed;
	struct plan plan;
	int seen[2] = {0, 0};

	assert_int_equal(prefix_parse(&parsed, prefix), 0);
	wanted = plan_throw(&parsed, PLAN_TABLE_FIXED);
	assert_int_equal(
		plan_make(&plan, &f->config, &f->model.state, &f->facts), 0);
	for (size_t i = 0; i < plan.count; i++) {
		const struct nl_route *route = &plan.objects[i].route;

		if (plan.objects[i].kind == NL_OBJECT_ROUTE &&
		    route->type == RTN_THROW &&
		    route->dst.length == wanted.route.dst.length &&
		    addr_equal(&route->dst.addr, &wanted.route.dst.addr))
			seen[route->table == PLAN_TABLE_LOCAL]++;
	}
	plan_fini(&plan);
	assert_true(seen[0] <= 1 && seen[0] <= seen[1]);
	return seen[1];
}

static void plan_throws_them_for_the_whole_run(void **state)
{
	const struct prefix wholes[] = {prefix_of("192.168.6.0/23"),
					prefix_of("203.0.113.0/24"),
					prefix_of("2001:db8:9::/48")};
	struct prefix include = prefix_of("203.0.113.0/24");
	const struct prefix direct = prefix_of("203.0.113.9");
	struct fixture f = {0};

	(void)state;
	fib_model_laptop(&f.model);
	f.config.dnsd.fake = fake_pool_default();
	f.config.routed.tun = "ersatz0";
	f.facts.tun_ifindex = TUN;
	f.facts.directs = &direct;
	f.facts.direct_count = 1;
	assert_false(is_in_plan(&f, "203.0.113.0/24"));
	assert_true(is_in_plan(&f, "203.0.113.9/32"));
	assert_true(is_in_plan(&f, "192.168.7.0/24"));
	f.facts.rule_directs = wholes;
	f.facts.rule_direct_count = 3;
	assert_true(is_in_plan(&f, "203.0.113.0/24"));
	assert_true(is_in_plan(&f, "2001:db8:9::/48"));
	/* One throw is enough. */
	assert_false(is_in_plan(&f, "203.0.113.9/32"));
	assert_true(is_in_plan(&f, "192.168.6.0/23"));
	assert_false(is_in_plan(&f, "192.168.7.0/24"));
	/* What is to be in the TUN is wanted there more. */
	f.config.routed.include.prefixes = &include;
	f.config.routed.include.prefix_count = 1;
	assert_false(is_in_plan(&f, "203.0.113.0/24"));
	assert_true(is_in_plan(&f, "2001:db8:9::/48"));
	f.facts.has_no_ipv6 = true;
	assert_false(is_in_plan(&f, "2001:db8:9::/48"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_prefixes_of_the_rules_are_found),
		cmocka_unit_test(default_of_direct_stays_in_the_tun),
		cmocka_unit_test(where_names_are_sniffed_they_count),
		cmocka_unit_test(no_throw_stands_for_what_it_is_not),
		cmocka_unit_test(plan_throws_them_for_the_whole_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
