// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/fixture_rules.h"

#include "common/err.h"
#include "common/rules/list.h"

#include <sys/stat.h>

/* Loads `bytes` as the list of "RULE-SET,list.txt,proxy<options>". */
static struct rules *rules_of_list(const struct folder *folder,
				   const void *bytes, size_t length,
				   const char *options, struct diag *diag)
{
	char rule[64];

	folder_write(folder, "list.txt", bytes, length);
	snprintf(rule, sizeof(rule), "RULE-SET,list.txt,proxy%s", options);
	return rules_of_file(folder_file(folder, "rules.yaml"), rule, diag);
}

/* The line of the list that has the name, or 0. */
static unsigned line_of(const struct rules *rules, const char *name)
{
	struct verdict verdict = ask_name(rules, name);

	if (verdict.kind != VERDICT_MATCH)
		return 0;
	assert_int_equal(verdict.outbound, PROXY);
	assert_non_null(verdict.list_file);
	return verdict.list_line;
}

static void domain_list_has_the_wildcards_of_clash(void **state)
{
	static const char list[] = "exact.example\n"
				   "+.suffix.example\n"
				   ".below.example\n"
				   "*.child.example\n"
				   "a.*.middle.example\n"
				   "*.*.two.example\n"
				   "+.*.any.example\n"
				   "*\n"
				   "UPPER.Example\n"
				   "dot.example.\n";
	static const struct {
		const char *name;
		unsigned line;
	} rows[] = {
		{"exact.example", 1},        {"www.exact.example", 0},
		{"suffix.example", 2},       {"a.b.suffix.example", 2},
		{"notsuffix.example", 0},    {"below.example", 0},
		{"a.below.example", 3},      {"b.a.below.example", 3},
		{"child.example", 0},        {"a.child.example", 4},
		{"b.a.child.example", 0},    {"a.x.middle.example", 5},
		{"b.x.middle.example", 0},   {"a.middle.example", 0},
		{"z.a.x.middle.example", 0}, {"b.a.two.example", 6},
		{"a.two.example", 0},        {"c.b.a.two.example", 0},
		{"any.example", 0},          {"a.any.example", 7},
		{"c.b.a.any.example", 7},    {"localhost", 8},
		{"upper.example", 9},        {"dot.example", 10},
		{"example.com", 0},
	};
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	rules = rules_of_list(&folder, list, strlen(list), "", &diag);
	assert_int_equal(diag.errors + diag.warnings, 0);
	assert_int_equal(rules_seal(rules), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(line_of(rules, rows[i].name), rows[i].line);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

/* A line of a list, and a name that it may be about. */
static void draw_line(char *line, char *name)
{
	static const char *const marks[] = {"", "", "", "+.", ".", "*."};
	static const char *const labels[] = {"a", "B-c", "x_1", "www", "10"};
	static const char *const ends[] = {"example", "Example.com", "co2",
					   "10", "example."};
	const char *label = labels[rand() % 5], *end = ends[rand() % 5];

	sprintf(line, "%s%s.%s", marks[rand() % 6], label, end);
	sprintf(name, "%s%s.%s", rand() % 2 ? "sub." : "", label, end);
}

/*
 * What is nothing but a name is read at one go; with a comment behind it the
 * same line takes the long way, and means the same.
 */
static void the_quick_way_means_what_the_long_way_means(void **state)
{
	static const char *const line_ends[] = {"\n", "\r\n"};
	unsigned found = 0;

	(void)state;
	srand(6);
	for (int round = 0; round < 200; round++) {
		char quick[2048] = "", slow[2048] = "", names[12][64];
		struct rules *rules[2];
		struct folder folder;
		struct diag diag;

		folder_open(&folder);
		for (size_t i = 0; i < 12; i++) {
			char line[64];

			draw_line(line, names[i]);
			strcat(strcat(quick, line), line_ends[rand() % 2]);
			strcat(strcat(slow, line), " # a note\n");
		}
		for (size_t i = 0; i < 2; i++) {
			const char *text = i ? slow : quick;

			rules[i] = rules_of_list(&folder, text, strlen(text),
						 ",no-resolve", &diag);
			assert_int_equal(diag.errors, 0);
			diag_fini(&diag);
			assert_int_equal(rules_seal(rules[i]), 0);
		}
		for (size_t i = 0; i < 12; i++) {
			unsigned line = line_of(rules[1], names[i]);

			assert_int_equal(line_of(rules[0], names[i]), line);
			found += line > 0;
		}
		rules_free(rules[0]);
		rules_free(rules[1]);
		folder_close(&folder, "list.txt", NULL);
	}
	assert_true(found > 500);
}

static void lone_plus_is_every_name(void **state)
{
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	rules = rules_of_list(&folder, "+", 1, "", &diag);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(line_of(rules, "a.b.example"), 1);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void comments_blanks_and_line_ends_do_not_count(void **state)
{
	static const char list[] = "\xef\xbb\xbf# a list\r\n"
				   "\r\n"
				   "   a.example\t\r\n"
				   "// b.example\r\n"
				   "\t# b.example\n"
				   "c.example # why\n"
				   "d.example // why\n"
				   "10.0.0.0/8 #why\n"
				   "e.example";
	struct folder folder;
	struct diag diag;
	struct rules *rules;
	struct verdict verdict;

	(void)state;
	folder_open(&folder);
	rules = rules_of_list(&folder, list, strlen(list), ",no-resolve",
			      &diag);
	assert_int_equal(diag.errors + diag.warnings, 0);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(line_of(rules, "a.example"), 3);
	assert_int_equal(line_of(rules, "b.example"), 0);
	assert_int_equal(line_of(rules, "c.example"), 6);
	assert_int_equal(line_of(rules, "d.example"), 7);
	assert_int_equal(line_of(rules, "e.example"), 9);
	verdict = ask_address(rules, NULL, "10.1.1.1");
	assert_int_equal(verdict.list_line, 8);
	assert_string_equal(verdict.list_file,
			    folder_file(&folder, "list.txt"));
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void prefix_list_needs_the_address_unless_no_resolve(void **state)
{
	static const char list[] = "10.0.0.0/8\n2001:db8::/32\n192.0.2.1\n";
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	rules = rules_of_list(&folder, list, strlen(list), "", &diag);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(ask_name(rules, "a.example").kind,
			 VERDICT_NEEDS_ADDRESS);
	assert_int_equal(
		ask_address(rules, "a.example", "2001:db8::1").list_line, 2);
	assert_int_equal(ask_address(rules, NULL, "192.0.2.1").list_line, 3);
	assert_int_equal(ask_address(rules, NULL, "192.0.2.2").kind,
			 VERDICT_NO_RULE);
	rules_free(rules);

	rules = rules_of_list(&folder, list, strlen(list), ",no-resolve",
			      &diag);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(ask_name(rules, "a.example").kind, VERDICT_NO_RULE);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void classical_list_may_mix_types(void **state)
{
	static const char list[] = "DOMAIN,a.example\n"
				   "DOMAIN-SUFFIX,b.example\n"
				   "domain-keyword , Track\n"
				   "IP-CIDR,10.0.0.0/8,no-resolve\n"
				   "DST-PORT,25/465\n"
				   "DOMAIN-SUFFIX,c.example,proxy\n";
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	rules = rules_of_list(&folder, list, strlen(list), "", &diag);
	assert_int_equal(diag.errors + diag.warnings, 0);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(line_of(rules, "a.example"), 1);
	assert_int_equal(line_of(rules, "x.b.example"), 2);
	assert_int_equal(line_of(rules, "tracker.test"), 3);
	assert_int_equal(line_of(rules, "c.example"), 6);
	assert_int_equal(ask_name(rules, "d.example").kind, VERDICT_NEEDS_FLOW);
	assert_int_equal(
		ask_flow(rules, NULL, "10.0.0.1", NETWORK_TCP, 80).list_line,
		4);
	assert_int_equal(
		ask_flow(rules, "d.example", NULL, NETWORK_TCP, 25).list_line,
		5);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void address_in_a_mixed_list_is_asked_before_the_flow(void **state)
{
	static const char list[] = "DST-PORT,25\nIP-CIDR,10.0.0.0/8\n";
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	rules = rules_of_list(&folder, list, strlen(list), "", &diag);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(ask_name(rules, "a.example").kind,
			 VERDICT_NEEDS_ADDRESS);
	assert_int_equal(ask_address(rules, "a.example", "10.0.0.1").kind,
			 VERDICT_MATCH);
	assert_int_equal(ask_address(rules, "a.example", "192.0.2.1").kind,
			 VERDICT_NEEDS_FLOW);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void list_with_pass_takes_no_name(void **state)
{
	struct folder folder;
	struct diag diag;
	struct rules *rules;
	static const char list[] = "+.example\nDST-PORT,25\n10.0.0.0/8\n";

	(void)state;
	folder_open(&folder);
	folder_write(&folder, "list.txt", list, strlen(list));
	rules = rules_of_file(folder_file(&folder, "rules.yaml"),
			      "RULE-SET,list.txt,PASS\nMATCH,backup\n", &diag);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(ask_name(rules, "a.example").outbound, BACKUP);
	assert_int_equal(ask_name(rules, "b.test").outbound, BACKUP);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void
types_that_cannot_be_served_are_left_out_with_one_warning(void **state)
{
	static const char list[] = "DOMAIN,a.example\n"
				   "IN-PORT,7890\n"
				   "in-user,somebody\n";
	char expected[256];
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	rules = rules_of_list(&folder, list, strlen(list), "", &diag);
	assert_int_equal(diag.count, 1);
	snprintf(expected, sizeof(expected),
		 "%s:2: warning: 2 entries that cannot be served here are left "
		 "out, the first is 'IN-PORT'",
		 folder_file(&folder, "list.txt"));
	assert_string_equal(diag.lines[0], expected);
	diag_fini(&diag);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(line_of(rules, "a.example"), 1);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void faults_in_a_list_are_told_with_their_place(void **state)
{
	static const char word[] = "expected a name such as example.com or "
				   "+.example.com, or a prefix such as "
				   "10.0.0.0/8";
	const struct {
		const char *line, *place, *text, *expected;
	} rows[] = {
		{"  a..example", "1:3", "'a..example' is wrong, ", word},
		{".", "1:1", "'.' is wrong, ", word},
		{"+.", "1:1", "'+.' is wrong, ", word},
		{"a.+.example", "1:1", "'a.+.example' is wrong, ", word},
		{"10.0.0.0/99", "1:1", "'10.0.0.0/99' is wrong, ", word},
		{"server=/a..example/192.0.2.1", "1:1",
		 "'a..example' is wrong, ",
		 "expected the name of a domain between slashes: "
		 "server=/example.com/192.0.2.1"},
		{"full:a..example", "1:1", "'a..example' is wrong, ",
		 "expected a line such as example.com, full:example.com, "
		 "keyword:example or regexp:^example"},
		{"include:/etc/passwd", "1:1", "'/etc/passwd' is wrong, ",
		 "expected the name of another list in the same folder, which "
		 "does not lead back to this one"},
		{"ads*.example", "1:1", "'ads*.example' is wrong, ",
		 "expected '*' as a whole label: *.example.com"},
		{"MATCH,proxy", "1:1", "'MATCH' cannot stand here, ",
		 "only in 'rules:' and 'sub-rules:'"},
		{"RULE-SET,other.txt", "1:1",
		 "'RULE-SET' cannot stand in a list, ", "only in 'rules:'"},
		{"DOMAIN-SUFIX,a.example", "1:1",
		 "unknown rule type 'DOMAIN-SUFIX', ",
		 "did you mean 'DOMAIN-SUFFIX'?"},
		{"\n\nDST-PORT,x", "3:10", "'x' is wrong, ",
		 "expected ports such as 443, 80/443 or 8000-9000"},
		{"payload:\n  - '+.example'\n  - a..example", "3:5",
		 "'a..example' is wrong, ", word},
		{"payload: ['+.example', \"b..example\"]", "1:25",
		 "'b..example' is wrong, ", word},
		{"\xef\xbb\xbfpayload: 1\n", "",
		 "list in YAML has no payload, ",
		 "expected 'payload:' with a list of entries"},
		{"IP-CIDR,", "1:1", "'IP-CIDR' has no argument, ",
		 "expected one such as IP-CIDR,10.0.0.0/8"},
	};
	struct folder folder;
	char expected[512];

	(void)state;
	folder_open(&folder);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct diag diag;
		struct rules *rules = rules_of_list(
			&folder, rows[i].line, strlen(rows[i].line), "", &diag);

		snprintf(expected, sizeof(expected), "%s%s%s: %s%s",
			 folder_file(&folder, "list.txt"),
			 rows[i].place[0] ? ":" : "", rows[i].place,
			 rows[i].text, rows[i].expected);
		assert_int_equal(diag.errors, 1);
		assert_string_equal(diag.lines[0], expected);
		assert_int_equal(rules_seal(rules), ERR_CONFIG);
		diag_fini(&diag);
		rules_free(rules);
	}
	folder_close(&folder, "list.txt", NULL);
}

static void bytes_that_are_no_text_are_told_once(void **state)
{
	static const char bytes[] = "\x28\xb5\x2f\xfd\0\0\na\0b\nc\0d\n";
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	rules = rules_of_list(&folder, bytes, sizeof(bytes), "", &diag);
	assert_int_equal(diag.errors, 1);
	assert_non_null(strstr(diag.lines[0], ":1: list is not text"));
	diag_fini(&diag);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void file_full_of_faults_is_given_up(void **state)
{
	char list[4 * 100 + 1] = "";
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcpy(list + 4 * i, "a:b\n");
	folder_open(&folder);
	rules = rules_of_list(&folder, list, strlen(list), "", &diag);
	assert_int_equal(diag.errors, LIST_ERRORS_MAX);
	diag_fini(&diag);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void list_that_cannot_be_read_is_an_error_of_its_rule(void **state)
{
	struct folder folder;
	struct diag diag;
	struct rules *rules;
	char expected[256];

	(void)state;
	folder_open(&folder);
	rules = rules_of_file(folder_file(&folder, "rules.yaml"),
			      "RULE-SET,none.txt,proxy\nRULE-SET,.,proxy\n",
			      &diag);
	assert_int_equal(diag.errors, 2);
	snprintf(expected, sizeof(expected),
		 "%s/rules.yaml:1:12: cannot read list '%s/none.txt': No such "
		 "file or directory, expected a text file with one entry a "
		 "line that our user can read",
		 folder.path, folder.path);
	assert_string_equal(diag.lines[0], expected);
	assert_non_null(strstr(diag.lines[1], "not a plain file"));
	diag_fini(&diag);
	rules_free(rules);
	folder_close(&folder, NULL);
}

static void absolute_path_is_taken_as_it_is(void **state)
{
	struct folder folder;
	struct diag diag;
	struct rules *rules;
	char rule[256];

	(void)state;
	folder_open(&folder);
	folder_write(&folder, "list.txt", "a.example", 9);
	snprintf(rule, sizeof(rule), "RULE-SET,%s,proxy",
		 folder_file(&folder, "list.txt"));
	rules = rules_of_file("/elsewhere/rules.yaml", rule, &diag);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(line_of(rules, "a.example"), 1);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

static void empty_list_matches_nothing(void **state)
{
	struct folder folder;
	struct diag diag;
	struct rules *rules;

	(void)state;
	folder_open(&folder);
	rules = rules_of_list(&folder, "", 0, "", &diag);
	assert_int_equal(rules_seal(rules), 0);
	assert_int_equal(ask_name(rules, "a.example").kind, VERDICT_NO_RULE);
	rules_free(rules);
	folder_close(&folder, "list.txt", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domain_list_has_the_wildcards_of_clash),
		cmocka_unit_test(the_quick_way_means_what_the_long_way_means),
		cmocka_unit_test(lone_plus_is_every_name),
		cmocka_unit_test(comments_blanks_and_line_ends_do_not_count),
		cmocka_unit_test(
			prefix_list_needs_the_address_unless_no_resolve),
		cmocka_unit_test(classical_list_may_mix_types),
		cmocka_unit_test(
			address_in_a_mixed_list_is_asked_before_the_flow),
		cmocka_unit_test(list_with_pass_takes_no_name),
		cmocka_unit_test(
			types_that_cannot_be_served_are_left_out_with_one_warning),
		cmocka_unit_test(faults_in_a_list_are_told_with_their_place),
		cmocka_unit_test(bytes_that_are_no_text_are_told_once),
		cmocka_unit_test(file_full_of_faults_is_given_up),
		cmocka_unit_test(
			list_that_cannot_be_read_is_an_error_of_its_rule),
		cmocka_unit_test(absolute_path_is_taken_as_it_is),
		cmocka_unit_test(empty_list_matches_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
