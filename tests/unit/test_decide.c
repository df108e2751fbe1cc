// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rules are a fake: every name gets the verdict that the test set.
 */
#include "dnsd/decide.h"

#include "dnsd/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TYPE_NS 2
#define TYPE_MX 15

static struct verdict said;
static unsigned asked;

struct verdict rules_decide(const struct rules *rules,
			    const struct facts *facts)
{
	(void)rules;
	assert_non_null(facts->name);
	assert_int_equal(facts->src.family, ADDR_IPV4);
	assert_false(facts->is_final);
	asked++;
	return said;
}

enum { PROXY = OUTBOUND_FIRST, CAMPUS, AWAY };

static struct outbound_conf outbounds[] = {
	{.name = "DIRECT", .type = OUTBOUND_TYPE_DIRECT},
	{.name = "REJECT", .type = OUTBOUND_TYPE_REJECT},
	{.name = "REJECT-DROP", .type = OUTBOUND_TYPE_REJECT_DROP},
	{.name = "PASS", .type = OUTBOUND_TYPE_PASS},
	{.name = "proxy", .type = OUTBOUND_TYPE_SOCKS5},
	{.name = "campus", .type = OUTBOUND_TYPE_INTERFACE},
	{.name = "away", .type = OUTBOUND_TYPE_REJECT},
};

static struct config config_of(bool has_ipv6)
{
	struct config config = {
		.outbounds = outbounds,
		.outbound_count = 7,
		.dnsd = {.fake = fake_pool_default(), .upstream = 2},
	};

	if (!has_ipv6)
		config.dnsd.fake.ipv6 = (struct prefix){0};
	return config;
}

static struct decision ask(const struct config *config, const char *name,
			   uint16_t type)
{
	const struct addr client = {ADDR_IPV4, {127, 0, 0, 1}};
	struct question question = {.type = type, .klass = DNS_CLASS_IN};

	assert_int_equal(name_parse(&question.name, name), 0);
	return decide(config, &question, &client);
}

static enum decision_kind kind(bool has_ipv6, uint16_t type)
{
	const struct config config = config_of(has_ipv6);

	return ask(&config, "www.example.com", type).kind;
}

static void match(int outbound)
{
	said = (struct verdict){.kind = VERDICT_MATCH,
				.outbound = outbound,
				.upstream = UPSTREAM_DEFAULT};
}

/* What else there is of it comes from the upstream, made to fit. */
static void assert_carried(void)
{
	const struct config config = config_of(true);

	assert_true(ask(&config, "a.example", TYPE_MX).is_carried);
	assert_false(ask(&config, ".", TYPE_MX).is_carried);
	assert_int_equal(kind(true, DNS_TYPE_HTTPS), DECISION_FORWARD);
	assert_int_equal(kind(true, DNS_TYPE_SVCB), DECISION_FORWARD);
	assert_int_equal(kind(true, TYPE_MX), DECISION_FORWARD);
}

static void assert_faked(void)
{
	assert_int_equal(kind(true, DNS_TYPE_A), DECISION_FAKE);
	assert_int_equal(kind(true, DNS_TYPE_AAAA), DECISION_FAKE);
	assert_int_equal(kind(false, DNS_TYPE_A), DECISION_FAKE);
	assert_int_equal(kind(false, DNS_TYPE_AAAA), DECISION_NODATA);
	assert_int_equal(kind(true, DNS_TYPE_ANY), DECISION_NODATA);
}

static void proxy_interface_and_drop_are_carried(void **state)
{
	(void)state;
	match(PROXY);
	assert_faked();
	assert_carried();
	match(CAMPUS);
	assert_faked();
	assert_carried();
	match(OUTBOUND_REJECT_DROP);
	assert_faked();
	assert_int_equal(kind(true, TYPE_MX), DECISION_NODATA);
}

static void what_needs_a_port_is_carried(void **state)
{
	(void)state;
	said = (struct verdict){.kind = VERDICT_NEEDS_FLOW,
				.upstream = UPSTREAM_DEFAULT};
	assert_faked();
	assert_carried();
}

static void direct_and_no_rule_are_forwarded(void **state)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA,
					 DNS_TYPE_HTTPS, TYPE_MX};
	const struct config config = config_of(true);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		match(OUTBOUND_DIRECT);
		assert_int_equal(kind(true, types[i]), DECISION_FORWARD);
		assert_false(ask(&config, "a.example", types[i]).is_carried);
		said.kind = VERDICT_NO_RULE;
		assert_int_equal(kind(true, types[i]), DECISION_FORWARD);
	}
}

static void reject_is_nxdomain_or_fake_as_configured(void **state)
{
	struct config config = config_of(true);

	(void)state;
	match(OUTBOUND_REJECT);
	assert_int_equal(ask(&config, "x.example", DNS_TYPE_A).kind,
			 DECISION_REJECT);
	assert_int_equal(ask(&config, "x.example", TYPE_MX).kind,
			 DECISION_REJECT);
	/* An outbound of that type has something to say itself. */
	match(AWAY);
	assert_int_equal(ask(&config, "x.example", DNS_TYPE_A).kind,
			 DECISION_FAKE);
	match(OUTBOUND_REJECT);
	config.dnsd.reject_is_fake = true;
	assert_int_equal(ask(&config, "x.example", DNS_TYPE_A).kind,
			 DECISION_FAKE);
	assert_int_equal(ask(&config, "x.example", DNS_TYPE_HTTPS).kind,
			 DECISION_NODATA);
}

static void what_needs_an_address_is_resolved_first(void **state)
{
	(void)state;
	said = (struct verdict){.kind = VERDICT_NEEDS_ADDRESS,
				.upstream = UPSTREAM_DEFAULT};
	assert_int_equal(kind(true, DNS_TYPE_A), DECISION_RESOLVE);
	assert_int_equal(kind(false, DNS_TYPE_AAAA), DECISION_RESOLVE);
	assert_carried();
}

/* What a name gets from a MATCH, and from a rule that means it. */
static struct decision by_match(const char *name, uint16_t type, int outbound,
				bool is_any)
{
	struct config config = config_of(true);

	config.dnsd.has_builtin_direct = true;
	match(outbound);
	said.is_any = is_any;
	return ask(&config, name, type);
}

static void special_names_come_before_rules(void **state)
{
	unsigned before = asked;

	(void)state;
	assert_int_equal(by_match("localhost", DNS_TYPE_A, PROXY, false).kind,
			 DECISION_SPECIAL);
	assert_int_equal(by_match("a.invalid", DNS_TYPE_A, PROXY, false).kind,
			 DECISION_SPECIAL);
	assert_int_equal(asked, before);
}

static void names_of_this_network_give_way_to_who_means_them(void **state)
{
	const uint16_t a = DNS_TYPE_A;
	struct config config = config_of(true);

	(void)state;
	assert_int_equal(by_match("a.local", a, PROXY, true).kind,
			 DECISION_SITE);
	assert_int_equal(by_match("a.local", a, OUTBOUND_DIRECT, true).kind,
			 DECISION_SITE);
	assert_int_equal(by_match("a.local", a, OUTBOUND_DIRECT, false).kind,
			 DECISION_SITE);
	assert_int_equal(by_match("a.local", a, PROXY, false).kind,
			 DECISION_FAKE);
	said = (struct verdict){.kind = VERDICT_NEEDS_FLOW,
				.upstream = UPSTREAM_DEFAULT};
	assert_int_equal(ask(&config, "a.local", a).kind, DECISION_SITE);
	said.kind = VERDICT_NO_RULE;
	assert_int_equal(ask(&config, "a.local", a).kind, DECISION_SITE);
	/* A rule that names an upstream for it is obeyed. */
	match(OUTBOUND_DIRECT);
	said.upstream = 1;
	assert_int_equal(ask(&config, "a.local", a).kind, DECISION_FORWARD);
}

static void onions_are_carried_or_nowhere(void **state)
{
	const uint16_t a = DNS_TYPE_A;

	(void)state;
	assert_int_equal(by_match("x.onion", a, PROXY, true).kind,
			 DECISION_SPECIAL);
	assert_int_equal(by_match("x.onion", a, OUTBOUND_DIRECT, false).kind,
			 DECISION_SPECIAL);
	assert_int_equal(by_match("x.onion", a, PROXY, false).kind,
			 DECISION_FAKE);
	assert_int_equal(by_match("x.onion", TYPE_MX, PROXY, false).kind,
			 DECISION_NODATA);
}

static void what_breaks_when_faked_is_not(void **state)
{
	const uint16_t a = DNS_TYPE_A;
	struct decision decision = by_match("ntp.example.com", a, PROXY, true);
	struct config config = config_of(true);

	(void)state;
	assert_int_equal(decision.kind, DECISION_FORWARD);
	assert_non_null(decision.special);
	assert_false(decision.is_carried);
	/* A rule that means it, and the switch. */
	assert_int_equal(by_match("ntp.example.com", a, PROXY, false).kind,
			 DECISION_FAKE);
	assert_int_equal(
		by_match("ntp.example.com", a, OUTBOUND_REJECT, true).kind,
		DECISION_REJECT);
	match(PROXY);
	said.is_any = true;
	assert_int_equal(ask(&config, "ntp.example.com", a).kind,
			 DECISION_FAKE);
	config.dnsd.has_builtin_direct = true;
	said = (struct verdict){.kind = VERDICT_NEEDS_FLOW,
				.upstream = UPSTREAM_DEFAULT};
	assert_int_equal(ask(&config, "ntp.example.com", a).kind,
			 DECISION_FORWARD);
}

static void the_root_is_no_host(void **state)
{
	const struct config config = config_of(true);

	(void)state;
	match(PROXY);
	assert_int_equal(ask(&config, ".", DNS_TYPE_A).kind, DECISION_NODATA);
	assert_int_equal(ask(&config, ".", DNS_TYPE_AAAA).kind,
			 DECISION_NODATA);
	assert_int_equal(ask(&config, ".", TYPE_NS).kind, DECISION_FORWARD);
	match(OUTBOUND_DIRECT);
	assert_int_equal(ask(&config, ".", DNS_TYPE_A).kind, DECISION_FORWARD);
}

static void the_upstream_is_the_rules_or_the_default(void **state)
{
	const struct config config = config_of(true);

	(void)state;
	match(OUTBOUND_DIRECT);
	assert_int_equal(ask(&config, "x.example", DNS_TYPE_A).upstream, 2);
	said.upstream = 1;
	assert_int_equal(ask(&config, "x.example", DNS_TYPE_A).upstream, 1);
	said.kind = VERDICT_NO_RULE;
	assert_int_equal(ask(&config, "x.example", DNS_TYPE_A).upstream, 2);
}

static void reverse_names_of_the_pool_are_ours(void **state)
{
	const struct config config = config_of(true);
	struct decision decision;

	(void)state;
	match(PROXY);
	asked = 0;
	decision = ask(&config, "103.18.18.198.in-addr.arpa", DNS_TYPE_PTR);
	assert_int_equal(decision.kind, DECISION_REVERSE);
	assert_int_equal(decision.reverse_slot, 4711);
	decision = ask(&config, "0.0.18.198.in-addr.arpa", DNS_TYPE_PTR);
	assert_int_equal(decision.kind, DECISION_REVERSE);
	assert_true(decision.reverse_slot < 0);
	decision = ask(&config,
		       "7.6.2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		       "2.0.0.0.1.0.0.2.ip6.arpa",
		       DNS_TYPE_PTR);
	assert_int_equal(decision.kind, DECISION_REVERSE);
	assert_int_equal(decision.reverse_slot, 4711);
	assert_int_equal(asked, 0);
	decision = ask(&config, "1.2.0.192.in-addr.arpa", DNS_TYPE_PTR);
	assert_int_equal(decision.kind, DECISION_FORWARD);
	assert_int_equal(asked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proxy_interface_and_drop_are_carried),
		cmocka_unit_test(what_needs_a_port_is_carried),
		cmocka_unit_test(direct_and_no_rule_are_forwarded),
		cmocka_unit_test(reject_is_nxdomain_or_fake_as_configured),
		cmocka_unit_test(what_needs_an_address_is_resolved_first),
		cmocka_unit_test(the_root_is_no_host),
		cmocka_unit_test(special_names_come_before_rules),
		cmocka_unit_test(
			names_of_this_network_give_way_to_who_means_them),
		cmocka_unit_test(onions_are_carried_or_nowhere),
		cmocka_unit_test(what_breaks_when_faked_is_not),
		cmocka_unit_test(the_upstream_is_the_rules_or_the_default),
		cmocka_unit_test(reverse_names_of_the_pool_are_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
