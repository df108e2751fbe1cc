// SPDX-License-Identifier: BSD-2-Clause
/*
 * What rules make of names and flows: patterns, sources, owners.
 */
#include "tests/unit/fixture_rules.h"

static void wildcards_go_over_dots(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool is_match;
	} rows[] = {
		{"*.example.com", "a.example.com", true},
		{"*.example.com", "b.a.example.com", true},
		{"*.example.com", "example.com", false},
		{"ad?.example.com", "ads.example.com", true},
		{"ad?.example.com", "adss.example.com", false},
		{"*ads*", "my-ads-server.example", true},
		{"*a*b*c*d", "aXbXcXcXd", true},
		{"*a*b*c*d", "abcabcabcabc", false},
		{"EXAMPLE.*", "example.net", true},
		{"*", "x", true},
		{"?", "xy", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rules *rules;
		char rule[128];

		snprintf(rule, sizeof(rule), "DOMAIN-WILDCARD,%s,proxy",
			 rows[i].pattern);
		rules = rules_of(rule);
		assert_int_equal(ask_name(rules, rows[i].name).kind,
				 rows[i].is_match ? VERDICT_MATCH
						  : VERDICT_NO_RULE);
		rules_free(rules);
	}
}

#ifdef HAVE_PCRE2
static void regular_expressions_may_have_commas(void **state)
{
	struct rules *rules = rules_of(
		"DOMAIN-REGEX,^AD[0-9]{1,2}\\.,proxy,upstream=clean\n"
		"AND,((DOMAIN-REGEX,(a|b),c?\\(*),(NETWORK,udp)),backup\n");

	(void)state;
	assert_int_equal(ask_name(rules, "ad12.example").outbound, PROXY);
	assert_int_equal(ask_name(rules, "ad12.example").upstream, CLEAN);
	assert_int_equal(ask_name(rules, "ad123.example").kind,
			 VERDICT_NO_RULE);
	rules_free(rules);
}

/* Backtracks for ages if nobody stops it; it is no match then. */
static void wild_expression_is_no_match(void **state)
{
	struct rules *rules = rules_of("DOMAIN-REGEX,^(a+)+(a+)+$,proxy\n");
	char name[64 * 3];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[60] = name[121] = '.';
	strcpy(name + 182, "b");
	assert_int_equal(ask_name(rules, name).kind, VERDICT_NO_RULE);
	assert_int_equal(ask_name(rules, "aaaa").kind, VERDICT_MATCH);
	rules_free(rules);
}
#endif

static enum verdict_kind ask_owner(const struct rules *rules,
				   enum flow_owner owner, uint32_t uid,
				   const char *process, const char *cgroup)
{
	const struct facts facts = {
		.network = NETWORK_TCP,
		.owner = owner,
		.uid = uid,
		.process = process,
		.cgroup = cgroup,
		.is_final = true,
	};

	return rules_decide(rules, &facts).kind;
}

static void owner_is_asked_for_only_where_it_matters(void **state)
{
	struct rules *rules = rules_of("DST-PORT,22,DIRECT\n"
				       "UID,1000-1999/0,proxy\n"
				       "MATCH,backup\n");
	struct facts facts = {
		.network = NETWORK_TCP,
		.dst_port = 22,
		.owner = OWNER_ASKABLE,
		.is_final = true,
	};

	(void)state;
	assert_int_equal(rules_decide(rules, &facts).outbound, OUTBOUND_DIRECT);
	facts.dst_port = 80;
	assert_int_equal(rules_decide(rules, &facts).kind, VERDICT_NEEDS_FLOW);
	facts.owner = OWNER_KNOWN;
	facts.uid = 1999;
	assert_int_equal(rules_decide(rules, &facts).outbound, PROXY);
	facts.uid = 2000;
	assert_int_equal(rules_decide(rules, &facts).outbound, BACKUP);
	facts.owner = OWNER_NONE;
	facts.uid = 0;
	assert_int_equal(rules_decide(rules, &facts).outbound, BACKUP);
	assert_int_equal(ask_name(rules, "a.example").kind, VERDICT_NEEDS_FLOW);
	rules_free(rules);
}

static void programs_and_groups_are_told_by_their_paths(void **state)
{
	static const struct {
		const char *rule, *process, *cgroup;
		bool is_match;
	} rows[] = {
		{"PROCESS-NAME,curl,proxy", "/usr/bin/curl", "/", true},
		{"PROCESS-NAME,CURL,proxy", "/usr/bin/curl", "/", true},
		{"PROCESS-NAME,url,proxy", "/usr/bin/curl", "/", false},
		{"PROCESS-NAME,curl,proxy", NULL, "/", false},
		{"NOT,((PROCESS-NAME,curl)),proxy", NULL, "/", false},
		{"NOT,((PROCESS-NAME,curl)),proxy", "/bin/wget", "/", true},
		{"PROCESS-PATH,/usr/bin/curl,proxy", "/usr/bin/curl", "/",
		 true},
		{"PROCESS-PATH,/usr/bin/curl,proxy", "/bin/curl", "/", false},
		{"CGROUP,/user.slice,proxy", "", "/user.slice", true},
		{"CGROUP,/user.slice,proxy", "", "/user.slice/a.scope", true},
		{"CGROUP,/user.slice,proxy", "", "/user.slices", false},
		{"CGROUP,/,proxy", "", "/any", true},
		{"CGROUP,a.scope,proxy", "", "/user.slice/a.scope/b", true},
		{"CGROUP,scope,proxy", "", "/user.slice/a.scope", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rules *rules = rules_of(rows[i].rule);

		assert_int_equal(ask_owner(rules, OWNER_KNOWN, 0,
					   rows[i].process, rows[i].cgroup),
				 rows[i].is_match ? VERDICT_MATCH
						  : VERDICT_NO_RULE);
		rules_free(rules);
	}
}

/* A query from this host says nothing of where its flow will come from. */
static void source_of_a_local_query_is_not_known(void **state)
{
	struct rules *rules = rules_of("SRC-IP-CIDR,192.168.1.0/24,proxy\n"
				       "SRC-IP-CIDR,127.0.0.0/8,backup\n");
	struct name name = name_of("a.example");
	struct facts facts = {.name = &name, .src = addr_ipv4(0x7f000001)};

	(void)state;
	assert_true(rules_decide(rules, &facts).is_personal);
	assert_int_equal(rules_decide(rules, &facts).kind, VERDICT_NEEDS_FLOW);
	facts.src = addr_ipv4(0xc0a80107);
	assert_int_equal(rules_decide(rules, &facts).outbound, PROXY);
	facts.src = addr_ipv4(0xc0a80207);
	assert_int_equal(rules_decide(rules, &facts).kind, VERDICT_NO_RULE);
	rules_free(rules);
}

static void cards_of_devices_are_asked(void **state)
{
	struct rules *rules =
		rules_of("NOT,((SRC-MAC,02:00:00:00:00:01)),proxy\n"
			 "SRC-MAC,02-00-00-00-00-01,backup\n");
	struct facts facts = {.network = NETWORK_TCP,
			      .has_mac = MAC_KNOWN,
			      .mac = {{2, 0, 0, 0, 0, 1}}};

	(void)state;
	assert_int_equal(rules_decide(rules, &facts).outbound, BACKUP);
	facts.mac.bytes[5] = 2;
	assert_int_equal(rules_decide(rules, &facts).outbound, PROXY);
	facts.has_mac = MAC_NONE;
	assert_int_equal(rules_decide(rules, &facts).outbound, PROXY);
	/* A question has none yet, and a flow may never have one. */
	facts.has_mac = MAC_UNKNOWN;
	assert_int_equal(rules_decide(rules, &facts).kind, VERDICT_NEEDS_FLOW);
	facts.is_final = true;
	assert_int_equal(rules_decide(rules, &facts).kind, VERDICT_NO_RULE);
	rules_free(rules);
}

/* Only rules that come before the one that decides are asked. */
static void verdict_tells_whether_the_source_had_a_say(void **state)
{
	struct rules *rules = rules_of("DOMAIN,a.example,proxy\n"
				       "SRC-IP-CIDR,192.168.1.0/24,backup\n"
				       "MATCH,proxy\n");
	struct name before = name_of("a.example"), after = name_of("b.example");
	struct facts facts = {.name = &before, .src = addr_ipv4(0xc0a80107)};

	(void)state;
	assert_false(rules_decide(rules, &facts).is_personal);
	facts.name = &after;
	assert_true(rules_decide(rules, &facts).is_personal);
	rules_free(rules);
}

static void ports_of_the_source_are_asked(void **state)
{
	struct rules *rules = rules_of("SRC-PORT,5000-5100,proxy\n");
	struct facts facts = {
		.network = NETWORK_UDP, .src_port = 5100, .is_final = true};

	(void)state;
	assert_int_equal(rules_decide(rules, &facts).outbound, PROXY);
	facts.src_port = 5101;
	assert_int_equal(rules_decide(rules, &facts).kind, VERDICT_NO_RULE);
	facts.network = NETWORK_ICMP;
	facts.src_port = 5100;
	assert_int_equal(rules_decide(rules, &facts).kind, VERDICT_NO_RULE);
	rules_free(rules);
}

/* The address of a carried name will never be known: NOT does not match. */
static void what_is_never_known_does_not_match_under_not(void **state)
{
	struct rules *rules =
		rules_of("AND,((NOT,((IP-CIDR,10.0.0.0/8))),(NETWORK,udp)),"
			 "REJECT\n"
			 "MATCH,proxy\n");

	(void)state;
	assert_int_equal(ask_name(rules, "a.example").kind,
			 VERDICT_NEEDS_ADDRESS);
	assert_int_equal(
		ask_flow(rules, "a.example", NULL, NETWORK_UDP, 1).outbound,
		PROXY);
	assert_int_equal(
		ask_flow(rules, NULL, "192.0.2.1", NETWORK_UDP, 1).outbound,
		OUTBOUND_REJECT);
	assert_int_equal(
		ask_flow(rules, NULL, "10.0.0.1", NETWORK_UDP, 1).outbound,
		PROXY);
	rules_free(rules);
}

static enum verdict_kind ask_for_name(const char *text, const char *dst)
{
	struct rules *rules = rules_of(text);
	struct facts facts = {.network = NETWORK_TCP,
			      .dst_port = 443,
			      .is_final = true,
			      .is_name_askable = true};
	enum verdict_kind kind;

	assert_int_equal(addr_parse(&facts.dst, dst), 0);
	kind = rules_decide(rules, &facts).kind;
	rules_free(rules);
	return kind;
}

static void a_name_that_may_come_is_waited_for_where_it_matters(void **state)
{
	static const struct {
		const char *rules;
		enum verdict_kind kind;
	} rows[] = {
		{"DOMAIN,a.example,proxy\nMATCH,backup\n", VERDICT_NEEDS_FLOW},
		{"DOMAIN-KEYWORD,a,proxy\nMATCH,backup\n", VERDICT_NEEDS_FLOW},
		{"DOMAIN-WILDCARD,*.a,proxy\n", VERDICT_NEEDS_FLOW},
		{"AND,((DOMAIN,a.example),(DST-PORT,443)),proxy\n",
		 VERDICT_NEEDS_FLOW},
		{"NOT,((DOMAIN,a.example)),proxy\n", VERDICT_NEEDS_FLOW},
		/* Whatever the name, the way is the same. */
		{"DOMAIN,a.example,proxy\nMATCH,proxy\n", VERDICT_MATCH},
		{"DOMAIN,a.example,DIRECT\n", VERDICT_NO_RULE},
		{"DOMAIN,a.example,PASS\nMATCH,backup\n", VERDICT_MATCH},
		/* It is too late for a name. */
		{"IP-CIDR,192.0.2.0/24,proxy\nDOMAIN,a.example,backup\n",
		 VERDICT_MATCH},
		{"DST-PORT,443,proxy\nDOMAIN,a.example,backup\n",
		 VERDICT_MATCH},
		{"AND,((DOMAIN,a.example),(DST-PORT,80)),proxy\n",
		 VERDICT_NO_RULE},
		{"MATCH,backup\n", VERDICT_MATCH},
		/* Each outbound counts, not only the first one's names. */
		{"DOMAIN,a.example,proxy\nDOMAIN,b.example,backup\n"
		 "DOMAIN,c.example,proxy\nMATCH,proxy\n",
		 VERDICT_NEEDS_FLOW},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(ask_for_name(rows[i].rules, "192.0.2.1"),
				 rows[i].kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards_go_over_dots),
#ifdef HAVE_PCRE2
		cmocka_unit_test(regular_expressions_may_have_commas),
		cmocka_unit_test(wild_expression_is_no_match),
#endif
		cmocka_unit_test(owner_is_asked_for_only_where_it_matters),
		cmocka_unit_test(programs_and_groups_are_told_by_their_paths),
		cmocka_unit_test(source_of_a_local_query_is_not_known),
		cmocka_unit_test(cards_of_devices_are_asked),
		cmocka_unit_test(verdict_tells_whether_the_source_had_a_say),
		cmocka_unit_test(ports_of_the_source_are_asked),
		cmocka_unit_test(what_is_never_known_does_not_match_under_not),
		cmocka_unit_test(
			a_name_that_may_come_is_waited_for_where_it_matters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
