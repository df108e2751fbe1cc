// SPDX-License-Identifier: BSD-2-Clause
/*
 * What becomes of a list that is there already when a download breaks it: of
 * each form, the new version is refused, so that the old one goes on.
 */
#include "tests/unit/fixture_rules.h"

#include "common/rules/form.h"
#include "tests/unit/mmdb_fixture.h"

/* A list, how it is named, and what of it may not pass when it is cut. */
struct list {
	const char *what, *rule;
	int behavior, format;
	const char *good, *fewer; /* both are fine */
	const char *cut;          /* NULL: a cut leaves a line that is fine */
};

static const struct list lists[] = {
	{"text", "RULE-SET,list,proxy", FORM_AUTO, FORM_AUTO,
	 "# mine\na.example\nb.example\n", "b.example\n", NULL},
	{"text of names", "RULE-SET,set,proxy", FORM_DOMAIN, FORM_TEXT,
	 "+.a.example\n+.b.example\n", "+.b.example\n", NULL},
	{"text of prefixes", "RULE-SET,set,proxy", FORM_IPCIDR, FORM_TEXT,
	 "192.0.2.0/24\n198.51.100.0/24\n", "192.0.2.0/24\n", NULL},
	{"text of rules", "RULE-SET,set,proxy", FORM_CLASSICAL, FORM_TEXT,
	 "DOMAIN,a.example\nDOMAIN-SUFFIX,b.example\n", "DOMAIN,a.example\n",
	 NULL},
	{"names in YAML", "RULE-SET,set,proxy", FORM_DOMAIN, FORM_YAML,
	 "payload:\n  - '+.a.example'\n  - 'b.example'\n",
	 "payload:\n  - 'b.example'\n",
	 "payload:\n  - '+.a.example'\n  - 'b.exam"},
	{"prefixes in YAML", "RULE-SET,set,proxy", FORM_IPCIDR, FORM_YAML,
	 "payload:\n  - '192.0.2.0/24'\n  - '2001:db8::/32'\n",
	 "payload:\n  - '192.0.2.0/24'\n",
	 "payload:\n  - '192.0.2.0/24'\n  - '2001:d"},
	{"rules in YAML", "RULE-SET,set,proxy", FORM_CLASSICAL, FORM_YAML,
	 "payload:\n  - DOMAIN,a.example\n  - DOMAIN-SUFFIX,b.example\n",
	 "payload:\n  - DOMAIN,a.example\n", "payload:\n  - DOMAIN"},
	{"YAML by itself", "RULE-SET,list,proxy", FORM_AUTO, FORM_AUTO,
	 "payload:\n  - DOMAIN,a.example\n", "payload:\n  - b.example\n", NULL},
	{"dnsmasq", "RULE-SET,set,proxy", FORM_AUTO, FORM_DNSMASQ,
	 "server=/a.example/192.0.2.1\nserver=/b.example/192.0.2.1\n",
	 "server=/a.example/192.0.2.1\n",
	 "server=/a.example/192.0.2.1\nserver=/b.exam"},
	{"hosts", "RULE-SET,set,proxy", FORM_AUTO, FORM_HOSTS,
	 "# T\n127.0.0.1 localhost\n0.0.0.0 a.example\n0.0.0.0 b.example\n",
	 "0.0.0.0 a.example\n", "# T\n127.0.0.1 localhost\n0.0.0.0"},
	{"adblock", "RULE-SET,set,proxy", FORM_AUTO, FORM_ADBLOCK,
	 "! T\n||a.example^\n@@||b.a.example^\n||b.example^$third-party\n",
	 "||a.example^\n", "! T\n! Licen"},
	{"adblock by itself", "RULE-SET,list,proxy", FORM_AUTO, FORM_AUTO,
	 "! T\n||a.example^\n", "||a.example^\n", "! T\n! Licen"},
	{"v2fly", "RULE-SET,set,proxy", FORM_AUTO, FORM_V2FLY,
	 "full:a.example\nb.example @cn\n", "b.example\n", "ful:a"},
	{"v2fly in a folder", "GEOSITE,list,proxy", FORM_AUTO, FORM_AUTO,
	 "full:a.example\nb.example @cn\n", "b.example\n", "ful:a"},
};

static const struct list geosite = {.what = "geosite.dat",
				    .rule = "GEOSITE,cn,proxy"};
static const struct list country = {.what = "country",
				    .rule = "GEOIP,CN,proxy"};
static const struct list asn = {.what = "asn", .rule = "IP-ASN,64496,proxy"};

static const struct {
	const char *what, *bytes;
	size_t size;
} breaks[] = {
#define BREAK(what, bytes)                     \
	{                                      \
		what, bytes, sizeof(bytes) - 1 \
	}
	BREAK("empty", ""),
	BREAK("line ends", "\n\r\n \n"),
	BREAK("comment", "# nothing\n"),
	BREAK("page", "\n<!DOCTYPE html>\n<html>\n<body>\n0.0.0.0 a.example\n"
		      "||a.example^\na.example\n</body></html>\n"),
	BREAK("words", "404: Not Found"),
	BREAK("JSON", "{\"message\": \"API rate limit exceeded\"}\n"),
	BREAK("packed", "\x1f\x8b\x08\0\0\0\0\0\0\3\x4b\xd4\x4b\xad\x48\xcc"
			"\n\x2d\xc8\x49\xe5\x02\0\xd9\x1e\n"),
};

static struct rules *load(const struct folder *folder, const struct list *list,
			  struct diag *diag)
{
	static char path[128];
	struct rules *rules = rules_new();
	struct rule_place place = {diag, "", 1, 1, NULL};
	const struct rule_set_conf set = {"set", path, list->behavior,
					  list->format, 1};
	const struct rules_geo geo = {
		path, path,
		strcmp(list->rule, "GEOSITE,list,proxy") == 0 ? folder->path
							      : path};
	char file[128];

	assert_non_null(rules);
	diag_init(diag);
	strcpy(path, folder_file(folder, "list"));
	strcpy(file, folder_file(folder, "rules.yaml"));
	place.file = file;
	rules_set_sets(rules, &set, 1);
	rules_set_geo(rules, &geo);
	if (rules_add(rules, list->rule, &fixture_names, &place) < 0)
		assert_true(diag->errors > 0);
	if (rules_finish(rules, diag) < 0)
		assert_true(diag->errors > 0);
	return rules;
}

struct stage {
	struct folder folder;
	const struct list *list;
	struct rules *old;
};

/* Would a reload keep the old rules? */
static bool is_refused(const struct stage *stage)
{
	struct diag diag;
	struct rules *rules = load(&stage->folder, stage->list, &diag);
	bool is_refused = diag.errors > 0 ||
			  rules_find_emptied(stage->old, rules) != NULL;

	diag_fini(&diag);
	rules_free(rules);
	return is_refused;
}

static void check(const struct stage *stage, bool expected, const char *what)
{
	if (is_refused(stage) != expected)
		fail_msg("%s, %s: refused: %d", stage->list->what, what,
			 !expected);
}

static void write_text(const struct stage *stage, const char *text)
{
	folder_write(&stage->folder, "list", text, strlen(text));
}

/* `list` has the good version, which is taken. */
static void stage_open(struct stage *stage, const struct list *list)
{
	struct diag diag;

	stage->list = list;
	stage->old = load(&stage->folder, list, &diag);
	if (diag.errors > 0)
		fail_msg("%s: %s", list->what, diag.lines[0]);
	assert_true(rules_file_at(stage->old, 0).entries > 0);
	diag_fini(&diag);
	check(stage, false, "the same again");
}

static void stage_close(struct stage *stage)
{
	rules_free(stage->old);
	folder_close(&stage->folder, "list", NULL);
}

static void check_breaks(const struct stage *stage)
{
	for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
		folder_write(&stage->folder, "list", breaks[i].bytes,
			     breaks[i].size);
		check(stage, true, breaks[i].what);
	}
	assert_int_equal(unlink(folder_file(&stage->folder, "list")), 0);
	check(stage, true, "gone");
	write_text(stage, "");
}

static void a_broken_list_of_any_form_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct stage stage;

		folder_open(&stage.folder);
		folder_write(&stage.folder, "list", lists[i].good,
			     strlen(lists[i].good));
		stage_open(&stage, &lists[i]);
		write_text(&stage, lists[i].fewer);
		check(&stage, false, "fewer");
		check_breaks(&stage);
		if (lists[i].cut) {
			write_text(&stage, lists[i].cut);
			check(&stage, true, "cut");
		}
		stage_close(&stage);
	}
}

/* Cut anywhere: their ends tell. */
static void check_cuts(const struct stage *stage, size_t *cuts)
{
	static char bytes[65536];
	FILE *in = fopen(folder_file(&stage->folder, "list"), "r");
	size_t size;

	assert_non_null(in);
	size = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	assert_true(size > 20 && size < sizeof(bytes));
	*cuts = 0;
	for (size_t i = 0; i < size; i++) {
		folder_write(&stage->folder, "list", bytes, i);
		*cuts += !is_refused(stage);
	}
	folder_write(&stage->folder, "list", bytes, size);
	check(stage, false, "whole");
}

/* Two lists; the second one is not asked for. */
static void a_broken_geosite_is_refused(void **state)
{
	static const char bytes[] = "\x0a\x11\x0a\x02"
				    "CN\x12\x0b\x08\x02\x12\x07"
				    "a.examp\x0a\x13\x0a\x04"
				    "SHOP\x12\x0b\x08\x02\x12\x07"
				    "b.examp";
	struct stage stage;
	size_t cuts;

	(void)state;
	folder_open(&stage.folder);
	folder_write(&stage.folder, "list", bytes, sizeof(bytes) - 1);
	stage_open(&stage, &geosite);
	check_cuts(&stage, &cuts);
	assert_int_equal(cuts, 1); /* exactly between the two */
	check_breaks(&stage);
	stage_close(&stage);
}

static void check_database(const struct list *list, enum mmdb_data data,
			   const char *value)
{
	const struct mmdb_row rows[] = {{"192.0.2.0/24", data, value},
					{"2001:db8::/32", data, value}};
	struct stage stage;
	size_t cuts;

	folder_open(&stage.folder);
	mmdb_write(folder_file(&stage.folder, "list"), 128, rows,
		   ARRAY_LEN(rows));
	stage_open(&stage, list);
	check_cuts(&stage, &cuts);
	assert_int_equal(cuts, 0);
	check_breaks(&stage);
	stage_close(&stage);
}

static void a_broken_database_is_refused(void **state)
{
	(void)state;
	check_database(&country, MMDB_COUNTRY, "CN");
	check_database(&asn, MMDB_ASN, "64496");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broken_list_of_any_form_is_refused),
		cmocka_unit_test(a_broken_geosite_is_refused),
#ifdef HAVE_MAXMINDDB
		cmocka_unit_test(a_broken_database_is_refused),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
