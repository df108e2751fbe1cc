// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/fixture_rules.h"

#include "common/err.h"

static void assert_match(struct verdict verdict, int outbound, unsigned line)
{
	assert_int_equal(verdict.kind, VERDICT_MATCH);
	assert_int_equal(verdict.outbound, outbound);
	assert_non_null(verdict.rule);
	assert_int_equal(verdict.rule->line, line);
	assert_string_equal(verdict.rule->file, "rules.yaml");
}

static void assert_needs(struct verdict verdict, enum verdict_kind kind,
			 unsigned line)
{
	assert_int_equal(verdict.kind, kind);
	assert_non_null(verdict.rule);
	assert_int_equal(verdict.rule->line, line);
}

static void assert_no_rule(struct verdict verdict)
{
	assert_int_equal(verdict.kind, VERDICT_NO_RULE);
	assert_int_equal(verdict.outbound, OUTBOUND_DIRECT);
	assert_int_equal(verdict.upstream, UPSTREAM_DEFAULT);
	assert_null(verdict.rule);
}

static void no_rules_mean_direct(void **state)
{
	struct rules *rules = rules_of("");

	(void)state;
	assert_int_equal(rules_count(rules), 0);
	assert_no_rule(ask_name(rules, "example.com"));
	assert_no_rule(ask_flow(rules, NULL, "192.0.2.1", NETWORK_TCP, 80));
	rules_free(rules);
	rules_free(NULL);
}

static void first_match_wins(void **state)
{
	struct rules *rules = rules_of("DOMAIN,www.example.com,DIRECT\n"
				       "DOMAIN-KEYWORD,xamp,backup\n"
				       "DOMAIN-SUFFIX,example.com,proxy\n"
				       "DOMAIN-SUFFIX,org,REJECT\n"
				       "MATCH,campus\n");

	(void)state;
	assert_match(ask_name(rules, "www.example.com"), OUTBOUND_DIRECT, 1);
	assert_match(ask_name(rules, "example.com"), BACKUP, 2);
	assert_match(ask_name(rules, "WWW.example.com."), OUTBOUND_DIRECT, 1);
	assert_match(ask_name(rules, "debian.org"), OUTBOUND_REJECT, 4);
	assert_match(ask_name(rules, "debian.net"), CAMPUS, 5);
	rules_free(rules);
}

static void match_tells_that_it_asked_for_nothing(void **state)
{
	struct rules *rules = rules_of("DOMAIN,a.example,DIRECT\n"
				       "IP-CIDR,0.0.0.0/0,backup,no-resolve\n"
				       "MATCH,proxy\n");
	struct facts facts = {.dst = addr_ipv4(0x01020304)};

	(void)state;
	assert_false(ask_name(rules, "a.example").is_any);
	assert_true(ask_name(rules, "b.example").is_any);
	assert_false(rules_decide(rules, &facts).is_any);
	rules_free(rules);
}

static void rule_can_be_read_back(void **state)
{
	struct rules *rules = rules_of(
		"domain-suffix , Example.com , proxy , upstream=clean\n"
		"MATCH,DIRECT\n");
	const struct rule *rule = rules_at(rules, 0);

	(void)state;
	assert_int_equal(rules_count(rules), 2);
	assert_string_equal(rule->text, "domain-suffix , Example.com , proxy , "
					"upstream=clean");
	assert_int_equal(rule->line, 1);
	assert_int_equal(rule->outbound, PROXY);
	assert_int_equal(rule->upstream, CLEAN);
	assert_int_equal(rules_at(rules, 1)->upstream, UPSTREAM_DEFAULT);
	rules_free(rules);
}

static void keyword_may_cross_labels_and_ignores_case(void **state)
{
	struct rules *rules = rules_of("DOMAIN-KEYWORD,E.Com,proxy\n"
				       "DOMAIN-KEYWORD,ads-,REJECT\n");

	(void)state;
	assert_match(ask_name(rules, "EXAMPLE.com"), PROXY, 1);
	assert_match(ask_name(rules, "x.ads-1.net"), OUTBOUND_REJECT, 2);
	assert_no_rule(ask_name(rules, "com"));
	assert_no_rule(ask_name(rules, "."));
	assert_no_rule(ask_name(rules, "e.net"));
	rules_free(rules);
}

static void names_do_not_match_flows_without_a_name(void **state)
{
	struct rules *rules = rules_of("DOMAIN-SUFFIX,.,proxy\n"
				       "DOMAIN-KEYWORD,0,proxy\n"
				       "MATCH,DIRECT\n");

	(void)state;
	assert_match(ask_flow(rules, NULL, "192.0.2.1", NETWORK_TCP, 80),
		     OUTBOUND_DIRECT, 3);
	rules_free(rules);
}

static void unknown_address_is_needed_unless_no_resolve(void **state)
{
	struct rules *rules = rules_of("IP-CIDR,10.0.0.0/8,campus,no-resolve\n"
				       "IP-CIDR,192.0.2.0/24,DIRECT\n"
				       "MATCH,proxy\n");

	(void)state;
	assert_needs(ask_name(rules, "example.com"), VERDICT_NEEDS_ADDRESS, 2);
	assert_match(ask_address(rules, "example.com", "192.0.2.1"),
		     OUTBOUND_DIRECT, 2);
	assert_match(ask_address(rules, "example.com", "10.0.0.1"), CAMPUS, 1);
	assert_match(ask_address(rules, "example.com", "2001:db8::1"), PROXY,
		     3);
	assert_match(ask_flow(rules, "example.com", NULL, NETWORK_TCP, 80),
		     PROXY, 3);
	assert_match(ask_flow(rules, NULL, "10.0.0.1", NETWORK_UDP, 53), CAMPUS,
		     1);
	rules_free(rules);
}

static void name_before_the_address_rule_needs_no_address(void **state)
{
	struct rules *rules = rules_of("DOMAIN-SUFFIX,example.com,proxy\n"
				       "IP-CIDR,10.0.0.0/8,DIRECT\n"
				       "DOMAIN-SUFFIX,example.org,proxy\n");

	(void)state;
	assert_match(ask_name(rules, "example.com"), PROXY, 1);
	assert_needs(ask_name(rules, "example.org"), VERDICT_NEEDS_ADDRESS, 2);
	assert_match(ask_address(rules, "example.org", "192.0.2.1"), PROXY, 3);
	rules_free(rules);
}

static void port_and_network_are_needed_from_the_flow(void **state)
{
	struct rules *rules = rules_of("DST-PORT,22/8000-8002,campus\n"
				       "NETWORK,UDP,REJECT\n"
				       "MATCH,proxy\n");

	(void)state;
	assert_needs(ask_name(rules, "example.com"), VERDICT_NEEDS_FLOW, 1);
	assert_match(ask_flow(rules, "example.com", NULL, NETWORK_TCP, 22),
		     CAMPUS, 1);
	assert_match(ask_flow(rules, NULL, "192.0.2.1", NETWORK_UDP, 8001),
		     CAMPUS, 1);
	assert_match(ask_flow(rules, NULL, "192.0.2.1", NETWORK_UDP, 8003),
		     OUTBOUND_REJECT, 2);
	assert_match(ask_flow(rules, NULL, "192.0.2.1", NETWORK_TCP, 7999),
		     PROXY, 3);
	assert_match(ask_flow(rules, NULL, "192.0.2.1", NETWORK_ICMP, 22),
		     PROXY, 3);
	assert_match(ask_flow(rules, "example.com", NULL, NETWORK_UNKNOWN, 22),
		     PROXY, 3);
	rules_free(rules);
}

static void need_that_cannot_change_the_outbound_is_no_need(void **state)
{
	struct rules *rules = rules_of("DST-PORT,22,proxy\n"
				       "IP-CIDR,10.0.0.0/8,proxy\n"
				       "DOMAIN,a.example,DIRECT\n"
				       "DOMAIN,b.example,proxy,upstream=home\n"
				       "NETWORK,udp,REJECT\n"
				       "MATCH,proxy\n");

	(void)state;
	assert_needs(ask_name(rules, "a.example"), VERDICT_NEEDS_FLOW, 1);
	assert_match(ask_name(rules, "b.example"), PROXY, 4);
	assert_int_equal(ask_name(rules, "b.example").upstream, HOME);
	assert_needs(ask_name(rules, "c.example"), VERDICT_NEEDS_FLOW, 1);
	rules_free(rules);
}

static void end_of_the_list_counts_as_direct(void **state)
{
	struct rules *rules = rules_of("DST-PORT,22,DIRECT\n"
				       "DOMAIN,a.example,proxy\n");

	(void)state;
	assert_no_rule(ask_name(rules, "b.example"));
	assert_needs(ask_name(rules, "a.example"), VERDICT_NEEDS_FLOW, 1);
	rules_free(rules);
}

static void first_need_is_the_one_told(void **state)
{
	struct rules *rules = rules_of("IP-CIDR,10.0.0.0/8,DIRECT,"
				       "upstream=home\n"
				       "DST-PORT,22,campus\n"
				       "MATCH,proxy\n");
	struct verdict verdict = ask_name(rules, "example.com");

	(void)state;
	assert_needs(verdict, VERDICT_NEEDS_ADDRESS, 1);
	assert_int_equal(verdict.upstream, HOME);
	assert_needs(ask_address(rules, "example.com", "192.0.2.1"),
		     VERDICT_NEEDS_FLOW, 2);
	rules_free(rules);
}

static void pass_is_skipped_whatever_it_needs(void **state)
{
	struct rules *rules = rules_of("DOMAIN,a.example,PASS\n"
				       "DST-PORT,22,PASS\n"
				       "IP-CIDR,10.0.0.0/8,PASS\n"
				       "MATCH,PASS\n"
				       "DOMAIN-SUFFIX,example,proxy\n");

	(void)state;
	assert_match(ask_name(rules, "a.example"), PROXY, 5);
	assert_match(ask_name(rules, "b.example"), PROXY, 5);
	assert_no_rule(ask_name(rules, "c.test"));
	rules_free(rules);
}

static void nothing_known_needs_no_address(void **state)
{
	struct rules *rules = rules_of("IP-CIDR,10.0.0.0/8,proxy\n");
	struct facts facts = {0};

	(void)state;
	assert_no_rule(rules_decide(rules, &facts));
	rules_free(rules);
}

struct steps {
	char text[256];
};

static void note_step(void *ctx, const struct rule *rule, enum rule_says says)
{
	static const char *const words[] = {"no", "match", "needs", "pass"};
	struct steps *steps = ctx;
	size_t used = strlen(steps->text);

	snprintf(steps->text + used, sizeof(steps->text) - used, "%u:%s ",
		 rule->line, words[says]);
}

static const char *explain(const struct rules *rules, const char *text,
			   struct steps *steps)
{
	struct name name = name_of(text);
	struct facts facts = {.name = &name};
	struct verdict told, said = rules_decide(rules, &facts);

	*steps = (struct steps){0};
	told = rules_explain(rules, &facts, note_step, steps);
	assert_int_equal(told.kind, said.kind);
	assert_int_equal(told.outbound, said.outbound);
	assert_ptr_equal(told.rule, said.rule);
	return steps->text;
}

static void explanation_tells_each_rule_in_order(void **state)
{
	struct rules *rules = rules_of("DOMAIN,a.example,PASS\n"
				       "DOMAIN,b.example,proxy\n"
				       "DOMAIN-KEYWORD,xyz,PASS\n"
				       "DST-PORT,22,DIRECT\n"
				       "DST-PORT,23,PASS\n"
				       "DOMAIN-SUFFIX,example,proxy\n"
				       "MATCH,backup\n");
	struct steps steps;

	(void)state;
	assert_string_equal(explain(rules, "a.example", &steps),
			    "1:pass 2:no 3:no 4:needs 5:needs 6:match ");
	assert_string_equal(explain(rules, "b.example", &steps),
			    "1:no 2:match ");
	assert_string_equal(explain(rules, "xyz.test", &steps),
			    "1:no 2:no 3:pass 4:needs 5:needs 6:no 7:match ");
	rules_free(rules);
}

static void rules_with_a_hole_are_not_sealed(void **state)
{
	struct diag diag;
	struct rules *rules = rules_of_file(
		"rules.yaml", "DOMAIN,a..b,proxy\nMATCH,proxy\n", &diag);

	(void)state;
	assert_int_equal(diag.errors, 1);
	assert_int_equal(rules_count(rules), 1);
	assert_int_equal(rules_seal(rules), ERR_CONFIG);
	diag_fini(&diag);
	rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rules_mean_direct),
		cmocka_unit_test(first_match_wins),
		cmocka_unit_test(match_tells_that_it_asked_for_nothing),
		cmocka_unit_test(rule_can_be_read_back),
		cmocka_unit_test(keyword_may_cross_labels_and_ignores_case),
		cmocka_unit_test(names_do_not_match_flows_without_a_name),
		cmocka_unit_test(unknown_address_is_needed_unless_no_resolve),
		cmocka_unit_test(name_before_the_address_rule_needs_no_address),
		cmocka_unit_test(port_and_network_are_needed_from_the_flow),
		cmocka_unit_test(
			need_that_cannot_change_the_outbound_is_no_need),
		cmocka_unit_test(end_of_the_list_counts_as_direct),
		cmocka_unit_test(first_need_is_the_one_told),
		cmocka_unit_test(pass_is_skipped_whatever_it_needs),
		cmocka_unit_test(nothing_known_needs_no_address),
		cmocka_unit_test(explanation_tells_each_rule_in_order),
		cmocka_unit_test(rules_with_a_hole_are_not_sealed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
