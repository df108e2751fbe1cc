// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/rules_model.h"

#define ROUNDS 400
#define QUESTIONS 60
#define PREFIXES_MAX 512

struct found {
	struct prefix at[PREFIXES_MAX];
	size_t count;
};

static int keep(void *ctx, const struct prefix *prefix)
{
	struct found *found = ctx;

	assert_true(found->count < PREFIXES_MAX);
	found->at[found->count++] = *prefix;
	return 0;
}

/* "10.0.0.0/8 2001:db8::/32" */
static const char *direct_of(const char *text, bool has_names)
{
	static char out[4096];
	struct rules *rules = rules_of(text);
	struct found found = {.count = 0};

	assert_int_equal(rules_direct_prefixes(rules, has_names, keep, &found),
			 0);
	out[0] = '\0';
	for (size_t i = 0; i < found.count; i++) {
		char prefix[PREFIX_TEXT_SIZE];

		prefix_format(&found.at[i], prefix, sizeof(prefix));
		strcat(out, i ? " " : "");
		strcat(out, prefix);
	}
	rules_free(rules);
	return out;
}

static void direct_prefixes_are_joined(void **state)
{
	(void)state;
	assert_string_equal(direct_of("IP-CIDR,10.0.0.0/9,DIRECT\n"
				      "IP-CIDR,10.128.0.0/9,DIRECT\n"
				      "IP-CIDR,10.1.0.0/16,DIRECT\n"
				      "IP-CIDR,192.0.2.1,DIRECT\n"
				      "IP-CIDR6,2001:db8::/32,DIRECT\n"
				      "MATCH,proxy\n",
				      false),
			    "10.0.0.0/8 192.0.2.1/32 2001:db8::/32");
}

static void without_rules_all_is_direct(void **state)
{
	(void)state;
	assert_non_null(strstr(direct_of("", false), "0.0.0.0/0"));
	assert_non_null(strstr(direct_of("MATCH,DIRECT\n", true), "0.0.0.0/0"));
	assert_string_equal(direct_of("MATCH,proxy\n", false), "");
	assert_string_equal(direct_of("MATCH,REJECT\nMATCH,DIRECT\n", false),
			    "");
}

static void earlier_rule_takes_its_part(void **state)
{
	(void)state;
	assert_string_equal(direct_of("IP-CIDR,10.0.0.0/9,proxy\n"
				      "IP-CIDR,10.0.0.0/8,DIRECT\n"
				      "MATCH,proxy\n",
				      false),
			    "10.128.0.0/9");
	assert_string_equal(direct_of("DST-PORT,22,backup\n"
				      "IP-CIDR,10.0.0.0/8,DIRECT\n"
				      "MATCH,proxy\n",
				      false),
			    "");
	assert_string_equal(
		direct_of("AND,((IP-CIDR,10.0.0.0/9),(DST-PORT,22)),backup\n"
			  "IP-CIDR,10.0.0.0/8,DIRECT\n"
			  "MATCH,proxy\n",
			  false),
		"10.128.0.0/9");
	assert_string_equal(direct_of("SRC-IP-CIDR,192.168.1.7/32,proxy\n"
				      "IP-CIDR,10.0.0.0/8,DIRECT\n"
				      "MATCH,proxy\n",
				      false),
			    "");
}

static void rule_that_may_be_direct_leaves_it_to_the_next(void **state)
{
	(void)state;
	assert_string_equal(
		direct_of("AND,((IP-CIDR,10.0.0.0/8),(DST-PORT,22)),DIRECT\n"
			  "IP-CIDR,10.0.0.0/9,DIRECT\n"
			  "MATCH,proxy\n",
			  false),
		"10.0.0.0/9");
	assert_string_equal(
		direct_of("NOT,((IP-CIDR,10.0.0.0/8)),proxy\n", false),
		"10.0.0.0/8");
	assert_string_equal(
		direct_of("NOT,((AND,((IP-CIDR,10.0.0.0/8),(NETWORK,tcp)))),"
			  "proxy\n",
			  false),
		"");
}

static void names_count_only_where_flows_have_them(void **state)
{
	static const char rules[] = "DOMAIN-SUFFIX,example.com,proxy\n"
				    "IP-CIDR,10.0.0.0/8,DIRECT\n"
				    "MATCH,proxy\n";

	(void)state;
	assert_string_equal(direct_of(rules, false), "10.0.0.0/8");
	assert_string_equal(direct_of(rules, true), "");
}

static void sub_rules_are_looked_into(void **state)
{
	struct rules *rules = rules_new();
	struct diag diag;
	struct rule_place place = {.diag = &diag, .file = "rules.yaml"};
	struct found found = {.count = 0};
	static const char *const texts[] = {
		"SUB-RULE,(IP-CIDR,10.0.0.0/8),inner",
		"IP-CIDR,11.0.0.0/8,DIRECT",
		"MATCH,proxy",
	};

	(void)state;
	diag_init(&diag);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(
			rules_add(rules, texts[i], &fixture_names, &place), 0);
	place.list = "inner";
	assert_int_equal(rules_add(rules, "IP-CIDR,10.1.0.0/16,proxy",
				   &fixture_names, &place),
			 0);
	assert_int_equal(rules_add(rules, "IP-CIDR,0.0.0.0/4,DIRECT",
				   &fixture_names, &place),
			 0);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(rules_direct_prefixes(rules, false, keep, &found), 0);
	/* 10/8 without 10.1/16, and 11/8. */
	assert_int_equal(found.count, 9);
	assert_int_equal(addr_to_ipv4(&found.at[0].addr), 0x0a000000);
	assert_int_equal(found.at[0].length, 16);
	assert_int_equal(addr_to_ipv4(&found.at[8].addr), 0x0b000000);
	rules_free(rules);
	diag_fini(&diag);
}

static bool is_in(const struct found *found, const struct addr *addr)
{
	for (size_t i = 0; i < found->count; i++) {
		if (prefix_has(&found->at[i], addr))
			return true;
	}
	return false;
}

static struct facts random_facts(const struct addr *addr)
{
	return (struct facts){
		.dst = *addr,
		.src = rand() % 3 ? model_random_addr() : (struct addr){0},
		.network = (enum network)(rand() % 4),
		.dst_port = (uint16_t)(rand() % 6),
		.owner = (enum flow_owner)(rand() % 4),
		.uid = (uint32_t)(rand() % 6),
		.is_final = rand() % 2,
	};
}

/* Whatever the rest is: no way leads elsewhere. */
static void ask(const struct rules *rules, const struct found *found,
		bool has_names)
{
	struct addr addr = model_random_addr();
	struct facts facts = random_facts(&addr);
	struct verdict verdict;
	struct name name;
	char text[64];

	model_random_text(text, 4);
	name = name_of(text);
	if (has_names && rand() % 4)
		facts.name = &name;
	verdict = rules_decide(rules, &facts);
	if (!is_in(found, &addr))
		return;
	assert_true(verdict.kind == VERDICT_MATCH ||
		    verdict.kind == VERDICT_NO_RULE);
	assert_int_equal(verdict.outbound, OUTBOUND_DIRECT);
}

static void what_is_told_is_direct_for_every_flow(void **state)
{
	struct folder folder;
	size_t told = 0;

	(void)state;
	srand(11);
	folder_open(&folder);
	for (int round = 0; round < ROUNDS; round++) {
		bool has_names = rand() % 2;
		struct found found = {.count = 0};
		struct model model;
		struct rules *rules;

		model_random(&model);
		rules = model_build(&model, &folder);
		assert_int_equal(
			rules_direct_prefixes(rules, has_names, keep, &found),
			0);
		told += found.count > 0;
		for (int i = 0; i < QUESTIONS; i++)
			ask(rules, &found, has_names);
		rules_free(rules);
		model_free(&model);
	}
	assert_true(told > ROUNDS / 10);
	folder_close(&folder, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(direct_prefixes_are_joined),
		cmocka_unit_test(without_rules_all_is_direct),
		cmocka_unit_test(earlier_rule_takes_its_part),
		cmocka_unit_test(rule_that_may_be_direct_leaves_it_to_the_next),
		cmocka_unit_test(names_count_only_where_flows_have_them),
		cmocka_unit_test(sub_rules_are_looked_into),
		cmocka_unit_test(what_is_told_is_direct_for_every_flow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
