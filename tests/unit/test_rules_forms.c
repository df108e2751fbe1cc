// SPDX-License-Identifier: BSD-2-Clause
/*
 * An excerpt of each form of list that people have, tests/golden/rules/NAME,
 * and in NAME.expect what is to come of it:
 *
 *	adblock list, 8 entries		the form that is recognised
 *	13: warning: ...		what is told of it
 *	ads.example.com 4		a name or address, and the line that
 *					matches it ("-": none does), and the
 *					file if it is another one
 */
#include "tests/unit/fixture_rules.h"

#include "common/err.h"

#include <glob.h>

struct list {
	const char *file;
	struct rules *rules;
	struct diag diag;
	size_t told; /* lines of the diag that were expected */
	size_t asked;
};

static void load(struct list *list, const char *file)
{
	char rule[512];

	snprintf(rule, sizeof(rule), "RULE-SET,%s,proxy", file);
	list->file = file;
	list->rules = rules_of_file("rules.yaml", rule, &list->diag);
	if (list->diag.errors > 0)
		fail_msg("%s", list->diag.lines[0]);
	assert_int_equal(rules_seal(list->rules), 0);
}

static void check_form(const struct list *list, const char *expected)
{
	struct rules_file file = rules_file_at(list->rules, 0);
	char form[256];

	snprintf(form, sizeof(form), "%s, %zu entries", file.form,
		 file.entries);
	assert_string_equal(file.file, list->file);
	if (strcmp(form, expected) != 0)
		fail_msg("%s: %s, not %s", list->file, form, expected);
}

static void check_told(struct list *list, const char *expected)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s:%s", list->file, expected);
	assert_true(list->told < list->diag.count);
	assert_string_equal(list->diag.lines[list->told++], line);
}

static void check_answer(const struct list *list, const char *what,
			 const char *expected)
{
	struct addr addr;
	struct verdict verdict =
		addr_parse(&addr, what) == 0
			? ask_address(list->rules, NULL, what)
			: ask_flow(list->rules, what, NULL, NETWORK_ICMP, 0);
	char answer[256] = "-";

	if (verdict.kind == VERDICT_MATCH) {
		const char *file = strrchr(verdict.list_file, '/');

		if (strcmp(verdict.list_file, list->file) == 0)
			snprintf(answer, sizeof(answer), "%u",
				 verdict.list_line);
		else
			snprintf(answer, sizeof(answer), "%u %s",
				 verdict.list_line, file ? file + 1 : "?");
	}
	if (strcmp(answer, expected) != 0)
		fail_msg("%s: %s is %s, not %s", list->file, what, answer,
			 expected);
}

static void check_line(struct list *list, char *line, unsigned number)
{
	char *blank;

	line[strcspn(line, "\n")] = '\0';
	if (number == 1) {
		check_form(list, line);
		return;
	}
	if (strstr(line, ": warning: ")) {
		check_told(list, line);
		return;
	}
	blank = strchr(line, ' ');
	assert_non_null(blank);
	*blank = '\0';
	check_answer(list, line, blank + 1);
	list->asked++;
}

static void check_list(const char *expect)
{
	char file[256], line[512];
	struct list list = {.file = file};
	FILE *in = fopen(expect, "r");

	assert_non_null(in);
	snprintf(file, sizeof(file), "%.*s",
		 (int)(strlen(expect) - strlen(".expect")), expect);
	load(&list, file);
	for (unsigned number = 1; fgets(line, sizeof(line), in); number++)
		check_line(&list, line, number);
	fclose(in);
	assert_int_equal(list.told, list.diag.count);
	assert_true(list.asked > 0);
	diag_fini(&list.diag);
	rules_free(list.rules);
}

static void each_form_is_recognised_and_means_what_it_says(void **state)
{
	const char *top = getenv("ERSATZ_SOURCE");
	char folder[4096];
	glob_t files;

	(void)state;
	assert_non_null(top);
	snprintf(folder, sizeof(folder), "%s/tests/golden/rules", top);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(glob("*.expect", 0, NULL, &files), 0);
	assert_int_equal(glob("*/*.expect", GLOB_APPEND, NULL, &files), 0);
	assert_true(files.gl_pathc >= 12);
	for (size_t i = 0; i < files.gl_pathc; i++)
		check_list(files.gl_pathv[i]);
	globfree(&files);
}

/* Whatever a download does to a list: told, or a list; and nobody dies. */
static void check_broken(const char *expect)
{
	char file[256], text[4096];
	struct folder folder;
	size_t size;
	FILE *in;

	snprintf(file, sizeof(file), "%.*s",
		 (int)(strlen(expect) - strlen(".expect")), expect);
	in = fopen(file, "r");
	assert_non_null(in);
	size = fread(text, 1, sizeof(text), in);
	fclose(in);
	folder_open(&folder);
	for (int i = 0; i < 100; i++) {
		size_t left = i % 2 ? size : (size_t)rand() % (size + 1);
		struct diag diag;
		struct rules *rules;
		char broken[4096];
		int ret;

		memcpy(broken, text, size);
		for (int k = i % 5; k > 0; k--)
			broken[(size_t)rand() % size] = (char)rand();
		folder_write(&folder, "list", broken, left);
		rules = rules_of_file(folder_file(&folder, "rules.yaml"),
				      "RULE-SET,list,proxy", &diag);
		ret = rules_seal(rules);
		assert_int_equal(ret, diag.errors > 0 ? ERR_CONFIG : 0);
		if (ret == 0)
			(void)ask_name(rules, "a.example.com");
		diag_fini(&diag);
		rules_free(rules);
	}
	folder_close(&folder, "list", NULL);
}

static void broken_lists_are_told_or_read(void **state)
{
	glob_t files;

	(void)state;
	srand(5);
	assert_int_equal(glob("*.expect", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		check_broken(files.gl_pathv[i]);
	globfree(&files);
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
		cmocka_unit_test(
			each_form_is_recognised_and_means_what_it_says),
		cmocka_unit_test(broken_lists_are_told_or_read),
	};

	if (SKIPPED)
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
