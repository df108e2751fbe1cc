// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rule lines as people have them: what they mean, or what they are told.
 */
#include "tests/unit/fixture_rules.h"

#include "common/err.h"
#include "common/rules/parse.h"

/* Adds one rule at rules.yaml:7:5 and returns all that was told. */
static int told(const char *text, char *out, size_t size)
{
	struct rules *rules = rules_new();
	struct rule_place place = {
		.file = "rules.yaml", .line = 7, .column = 5};
	struct diag diag;
	FILE *stream;
	int ret;

	assert_non_null(rules);
	diag_init(&diag);
	place.diag = &diag;
	ret = rules_add(rules, text, &fixture_names, &place);
	assert_int_equal(ret, diag.errors > 0 ? ERR_CONFIG : 0);
	stream = fmemopen(out, size, "w");
	assert_non_null(stream);
	diag_print(&diag, stream);
	fclose(stream);
	diag_fini(&diag);
	rules_free(rules);
	return ret;
}

#define TYPES "expected " RULE_WORDS "\n"
static const struct {
	const char *text, *expected;
} wrong[] = {
	/* Types. */
	{"", "5: rule has no type, " TYPES},
	{"DOMIAN-SUFFIX,example.com,proxy",
	 "5: unknown rule type 'DOMIAN-SUFFIX', did you mean "
	 "'DOMAIN-SUFFIX'?\n"},
	{"DOMAIN_SUFFIX,example.com,proxy",
	 "5: unknown rule type 'DOMAIN_SUFFIX', did you mean "
	 "'DOMAIN-SUFFIX'?\n"},
	{"example.com,proxy", "5: unknown rule type 'example.com', " TYPES},
	{"FINAL,proxy",
	 "5: unknown rule type 'FINAL', did you mean 'MATCH'?\n"},
	{"host-suffix,example.com,proxy",
	 "5: unknown rule type 'host-suffix', did you mean "
	 "'DOMAIN-SUFFIX'?\n"},
	{"DEST-PORT,80,proxy", "5: unknown rule type 'DEST-PORT', did "
			       "you mean 'DST-PORT'?\n"},
	{"GEOIP,CN,DIRECT",
	 "11: 'CN' is looked up in a database, but none is set, expected 'geo: "
	 "{country: FILE.mmdb}'\n"},
	{"IP-ASN,64496,DIRECT",
	 "12: '64496' is looked up in a database, but none is set, expected "
	 "'geo: {asn: FILE.mmdb}'\n"},
	{"IP-ASN,AS64496,DIRECT",
	 "12: 'AS64496' is wrong, expected the number of an autonomous system "
	 "such as 64496\n"},
	{"geosite,cn,DIRECT",
	 "13: GEOSITE is looked up in a file, but none is set, expected 'geo: "
	 "{site: geosite.dat}'\n"},
	{"IN-PORT,7890,DIRECT",
	 "5: rule type 'IN-PORT' cannot be served here, expected "
	 "SRC-IP-CIDR, UID or DST-PORT (there are no inbounds here)\n"},
	{"URL-REGEX,^http,DIRECT",
	 "5: rule type 'URL-REGEX' cannot be served here, expected "
	 "DOMAIN-REGEX (nobody here sees URLs)\n"},

	/* Logic. */
	{"AND,(DOMAIN,a.example),DIRECT",
	 "10: a rule is not in parentheses, expected each rule in parentheses "
	 "and all of them in another pair, as in "
	 "AND,((DOMAIN-SUFFIX,example.com),(NETWORK,udp))\n"},
	{"AND,((DOMAIN,a.example),(NETWORK,UDP),DIRECT",
	 "9: the parentheses of 'AND' are not in pairs, expected "
	 "AND,((DOMAIN-SUFFIX,example.com),(NETWORK,udp))\n"},
	{"NOT,((DOMAIN,a.example),(NETWORK,UDP)),DIRECT",
	 "9: NOT is of one rule, expected each rule in parentheses and all of "
	 "them in another pair, as in "
	 "AND,((DOMAIN-SUFFIX,example.com),(NETWORK,udp))\n"},
	{"OR,((DST-PORT,53),(DST-PORT,x)),DIRECT",
	 "33: 'x' is wrong, expected ports such as 443, 80/443 or 8000-9000\n"},
	{"OR,((DST-PORT,53),(MATCH)),DIRECT",
	 "24: 'MATCH' cannot stand here, only in 'rules:' and 'sub-rules:'\n"},
	{"OR,((DST-PORT,53),(IN-PORT,1)),DIRECT",
	 "24: rule type 'IN-PORT' cannot be served here, expected "
	 "SRC-IP-CIDR, UID or DST-PORT (there are no inbounds here)\n"},
	{"AND,((DOMAIN,a.example)(NETWORK,UDP)),DIRECT",
	 "10: a comma is missing, expected each rule in parentheses and all of "
	 "them in another pair, as in "
	 "AND,((DOMAIN-SUFFIX,example.com),(NETWORK,udp))\n"},
	{"SUB-RULE,(NETWORK,tcp)",
	 "5: 'SUB-RULE' names no rules, expected SUB-RULE,(condition),NAME "
	 "with one of 'sub-rules:'\n"},
	{"SUB-RULE,NETWORK,tcp,inner",
	 "14: the parentheses of 'SUB-RULE' are not in pairs, expected "
	 "SUB-RULE,(NETWORK,udp)\n"},

	/* Regular expressions, owners. */
	{"DOMAIN-REGEX,^a(b,proxy",
	 "18: '^a(b' is no regular expression: missing closing parenthesis at "
	 "character 5\n"},
	{"PROCESS-NAME,/usr/bin/curl,proxy",
	 "18: '/usr/bin/curl' is wrong, expected the name of a program without "
	 "a folder (with one: PROCESS-PATH)\n"},
	{"PROCESS-PATH,curl,proxy",
	 "18: 'curl' is wrong, expected the whole path of a program such as "
	 "/usr/bin/curl\n"},
	{"UID,root,proxy", "9: 'root' is wrong, expected user numbers such as "
			   "1000 or 1000-1999\n"},

	/* Outbounds, upstreams, options. */
	{"DOMAIN,example.com", "5: rule has no outbound, expected "
			       "DOMAIN,argument,OUTBOUND\n"},
	{"MATCH", "5: rule has no outbound, expected MATCH,OUTBOUND\n"},
	{"MATCH,", "5: rule has no outbound, expected MATCH,OUTBOUND\n"},
	{"DOMAIN,,proxy", "5: 'DOMAIN' has no argument, expected one such as "
			  "DOMAIN,www.example.com\n"},
	{"ip-cidr6", "5: 'ip-cidr6' has no argument, expected one such as "
		     "IP-CIDR6,2001:db8::/32\n"},
	{"MATCH,prxoy", "11: unknown outbound 'prxoy', did you mean "
			"'proxy'?\n"},
	{"MATCH,direct", "11: unknown outbound 'direct', did you mean "
			 "'DIRECT'?\n"},
	{"DOMAIN,a.example,Auto Select",
	 "22: unknown outbound 'Auto Select', expected one of "
	 "'outbounds:' or DIRECT, REJECT, REJECT-DROP, PASS\n"},
	{"DOMAIN,a.example,proxy,upstream=hoem",
	 "28: unknown upstream 'hoem', did you mean 'home'?\n"},
	{"DOMAIN,a.example,proxy,upstream=",
	 "28: unknown upstream '', expected one of 'upstreams:'\n"},
	{"IP-CIDR,10.0.0.0/8,DIRECT,no-reslove",
	 "31: unknown option 'no-reslove', did you mean "
	 "'no-resolve'?\n"},
	{"DST-PORT,22,DIRECT,src",
	 "24: option 'src' does not go with 'DST-PORT', expected it behind "
	 "IP-CIDR, IP-ASN or GEOIP\n"},
	{"DOMAIN,a.example,proxy,fast",
	 "28: unknown option 'fast', expected no-resolve, src or "
	 "upstream=NAME\n"},
	{"MATCH,a,b,c", "11: unknown outbound 'a', expected one of "
			"'outbounds:' or DIRECT, REJECT, REJECT-DROP, "
			"PASS\n"
			"rules.yaml:7:13: unknown option 'b', expected "
			"no-resolve, src or upstream=NAME\n"
			"rules.yaml:7:15: unknown option 'c', expected "
			"no-resolve, src or upstream=NAME\n"},
	{"MATCH,proxy,,,,,,,,", "5: rule has too many options, expected at "
				"most no-resolve, src and upstream=NAME\n"},

	/* Names. */
	{"DOMAIN,a..example,proxy",
	 "12: 'a..example' is wrong, expected a domain name such as "
	 "example.com\n"},
	{"DOMAIN,https://example.com/,proxy",
	 "12: 'https://example.com/' is wrong, expected a domain name "
	 "such as example.com\n"},
	{"DOMAIN,a.example:443,proxy",
	 "12: 'a.example:443' is wrong, expected a domain name such as "
	 "example.com\n"},
	{"DOMAIN,*.example.com,proxy",
	 "12: '*.example.com' is wrong, expected a name without "
	 "wildcards: DOMAIN-SUFFIX,example.com is that name and all "
	 "below it\n"},
	{"DOMAIN-SUFFIX,+.example.com,proxy",
	 "19: '+.example.com' is wrong, expected a name without "
	 "wildcards: DOMAIN-SUFFIX,example.com is that name and all "
	 "below it\n"},
	{"DOMAIN,192.0.2.1,proxy",
	 "12: warning: '192.0.2.1' is an address, which no name "
	 "matches; IP-CIDR is meant?\n"},

	/* Addresses, ports, networks. */
	{"IP-CIDR,10.0.0.0/33,DIRECT",
	 "13: '10.0.0.0/33' is wrong, expected a prefix such as "
	 "10.0.0.0/8 or 2001:db8::/32\n"},
	{"IP-CIDR,10.0.0,DIRECT",
	 "13: '10.0.0' is wrong, expected a prefix such as 10.0.0.0/8 "
	 "or 2001:db8::/32\n"},
	{"IP-CIDR,example.com,DIRECT",
	 "13: 'example.com' is wrong, expected a prefix such as "
	 "10.0.0.0/8 or 2001:db8::/32\n"},
	{"IP-CIDR,192.168.1.1/24,DIRECT",
	 "13: warning: '192.168.1.1/24' is taken as 192.168.1.0/24\n"},
	{"DST-PORT,ssh,DIRECT",
	 "14: 'ssh' is wrong, expected ports such as 443, 80/443 or "
	 "8000-9000\n"},
	{"DST-PORT,65536,DIRECT",
	 "14: '65536' is wrong, expected ports such as 443, 80/443 or "
	 "8000-9000\n"},
	{"DST-PORT,9000-8000,DIRECT",
	 "14: '9000-8000' is wrong, expected ports such as 443, 80/443 "
	 "or 8000-9000\n"},
	{"DST-PORT,80/,DIRECT",
	 "14: '80/' is wrong, expected ports such as 443, 80/443 or "
	 "8000-9000\n"},
	{"NETWORK,icmp,DIRECT", "13: 'icmp' is wrong, expected tcp or udp\n"},
};

static void wrong_rules_are_told_what_is_wrong(void **state)
{
	char out[2048], expected[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		(void)told(wrong[i].text, out, sizeof(out));
		snprintf(expected, sizeof(expected), "rules.yaml:7:%s",
			 wrong[i].expected);
		assert_string_equal(out, expected);
	}
}

static void odd_but_right_rules_are_understood(void **state)
{
	static const struct {
		const char *text, *name;
		int outbound;
	} rows[] = {
		{"DOMAIN-SUFFIX,google.com,proxy", "mail.google.com", PROXY},
		{"  domain-suffix ,\tGoogle.COM , proxy ", "GOOGLE.com", PROXY},
		{"DOMAIN-SUFFIX,google.com.,proxy", "google.com", PROXY},
		{"DOMAIN-SUFFIX,.google.com,proxy", "google.com", PROXY},
		{"DOMAIN-SUFFIX,cn,DIRECT", "a.b.cn", OUTBOUND_DIRECT},
		{"DOMAIN-SUFFIX,xn--fiqs8s,DIRECT", "a.xn--fiqs8s",
		 OUTBOUND_DIRECT},
		{"DOMAIN-SUFFIX,.,proxy", "anything.example", PROXY},
		{"DOMAIN,B\xc3\x9c"
		 "cher.example,proxy",
		 "xn--bcher-kva.example", PROXY},
		{"DOMAIN-KEYWORD,\xe4\xb8\xad\xe5\x9b\xbd,proxy",
		 "a.xn--fiqs8s", PROXY},
		{"DOMAIN,localhost,DIRECT", "localhost", OUTBOUND_DIRECT},
		{"DOMAIN,_sip._tcp.example,proxy", "_sip._tcp.example", PROXY},
		{"DOMAIN,a\\.b.example,proxy", "a\\.b.example", PROXY},
		{"DOMAIN-KEYWORD,-ads.,REJECT", "x-ads.example",
		 OUTBOUND_REJECT},
		{"DOMAIN-KEYWORD,google,proxy,no-resolve", "google.com", PROXY},
		{"DOMAIN,a.example,proxy,", "a.example", PROXY},
		{"DOMAIN,a.example,PASS,upstream=home", "b.example", -1},
		{"MATCH,REJECT-DROP", "a.example", OUTBOUND_REJECT_DROP},
		{"MATCH,REJECT-NO-DROP", "a.example", OUTBOUND_REJECT},
		{"MATCH,REJECT-TINYGIF", "a.example", OUTBOUND_REJECT},
		{"Match , backup , upstream=clean , no-resolve", "a.example",
		 BACKUP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rules *rules = rules_of(rows[i].text);
		struct verdict verdict = ask_name(rules, rows[i].name);

		if (rows[i].outbound < 0)
			assert_int_equal(verdict.kind, VERDICT_NO_RULE);
		else
			assert_int_equal(verdict.kind, VERDICT_MATCH);
		if (rows[i].outbound >= 0)
			assert_int_equal(verdict.outbound, rows[i].outbound);
		rules_free(rules);
	}
}

static void odd_but_right_address_rules_are_understood(void **state)
{
	static const struct {
		const char *text, *address;
		bool is_match;
	} rows[] = {
		{"IP-CIDR,10.0.0.0/8,proxy", "10.1.2.3", true},
		{"IP-CIDR,10.0.0.1,proxy", "10.0.0.1", true},
		{"IP-CIDR,10.0.0.1,proxy", "10.0.0.2", false},
		{"IP-CIDR,2001:db8::/32,proxy", "2001:db8::1", true},
		{"IP-CIDR6,2001:DB8::/32,proxy", "2001:db8::1", true},
		{"IP-CIDR6,10.0.0.0/8,proxy,no-resolve", "10.1.2.3", true},
		{"ip-cidr,0.0.0.0/0,proxy,NO-RESOLVE", "192.0.2.1", true},
		{"IP-CIDR,::/0,proxy", "192.0.2.1", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rules *rules = rules_of(rows[i].text);
		struct verdict verdict =
			ask_address(rules, NULL, rows[i].address);

		assert_int_equal(verdict.kind, rows[i].is_match
						       ? VERDICT_MATCH
						       : VERDICT_NO_RULE);
		rules_free(rules);
	}
}

static void odd_but_right_port_rules_are_understood(void **state)
{
	static const struct {
		const char *text;
		uint16_t port;
		bool is_match;
	} rows[] = {
		{"DST-PORT,443,proxy", 443, true},
		{"DST-PORT,443,proxy", 80, false},
		{"DST-PORT,80/443,proxy", 443, true},
		{"DST-PORT,22/8000-9000,proxy", 8999, true},
		{"DST-PORT,22/8000-9000,proxy", 9001, false},
		{"DST-PORT,0-65535,proxy", 65535, true},
		{"DST-PORT,0080,proxy", 80, true},
		{"NETWORK,TCP,proxy", 1, true},
		{"network,Udp,proxy", 1, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rules *rules = rules_of(rows[i].text);
		struct verdict verdict = ask_flow(rules, NULL, "192.0.2.1",
						  NETWORK_TCP, rows[i].port);

		assert_int_equal(verdict.kind, rows[i].is_match
						       ? VERDICT_MATCH
						       : VERDICT_NO_RULE);
		rules_free(rules);
	}
}

static void columns_count_characters(void **state)
{
	char out[512];

	(void)state;
	assert_int_equal(told("DOMAIN,\xe4\xb8\xad\xe6\x96\x87.example,nope",
			      out, sizeof(out)),
			 ERR_CONFIG);
	assert_string_equal(out, "rules.yaml:7:23: unknown outbound 'nope', "
				 "expected one of 'outbounds:' or DIRECT, "
				 "REJECT, REJECT-DROP, PASS\n");
}

static void longest_rule_fits_and_one_more_byte_does_not(void **state)
{
	char text[RULE_TEXT_MAX + 2], out[64];

	(void)state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "MATCH,DIRECT", 12);
	text[RULE_TEXT_MAX] = '\0';
	assert_int_equal(told(text, out, sizeof(out)), 0);
	text[RULE_TEXT_MAX] = ' ';
	text[RULE_TEXT_MAX + 1] = '\0';
	assert_int_equal(told(text, out, sizeof(out)), ERR_CONFIG);
}

static void rule_behind_a_match_is_warned_of_once(void **state)
{
	struct diag diag;
	struct rules *rules = rules_of_file("rules.yaml",
					    "MATCH,PASS\n"
					    "MATCH,proxy\n"
					    "DOMAIN,a.example,proxy\n"
					    "MATCH,DIRECT\n",
					    &diag);

	(void)state;
	assert_int_equal(diag.count, 1);
	assert_string_equal(diag.lines[0],
			    "rules.yaml:3:3: warning: rule is never reached, "
			    "MATCH in line 2 comes before it");
	diag_fini(&diag);
	rules_free(rules);
}

static void rule_behind_a_late_match_is_warned_of(void **state)
{
	char text[1024] = "";
	struct diag diag;
	struct rules *rules;

	(void)state;
	for (int i = 0; i < 15; i++)
		strcat(text, "DOMAIN,a.example,proxy\n");
	strcat(text, "MATCH,proxy\nDOMAIN,b.example,proxy\n");
	rules = rules_of_file("rules.yaml", text, &diag);
	assert_int_equal(diag.count, 1);
	assert_string_equal(diag.lines[0],
			    "rules.yaml:17:3: warning: rule is never reached, "
			    "MATCH in line 16 comes before it");
	diag_fini(&diag);
	rules_free(rules);
}

/* What it expects is that of a build with everything in it. */
#if defined(HAVE_PCRE2)
enum { SKIPPED = 0 };
#else
enum { SKIPPED = 77 }; /* of automake */
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_rules_are_told_what_is_wrong),
		cmocka_unit_test(odd_but_right_rules_are_understood),
		cmocka_unit_test(odd_but_right_address_rules_are_understood),
		cmocka_unit_test(odd_but_right_port_rules_are_understood),
		cmocka_unit_test(columns_count_characters),
		cmocka_unit_test(longest_rule_fits_and_one_more_byte_does_not),
		cmocka_unit_test(rule_behind_a_match_is_warned_of_once),
		cmocka_unit_test(rule_behind_a_late_match_is_warned_of),
	};

	if (SKIPPED)
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
