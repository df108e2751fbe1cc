// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/yaml.h"
#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct parsed {
	struct diag diag;
	struct yaml_tree *tree;
	const struct yaml_node *root;
	int ret;
};

static struct parsed parse(const char *text)
{
	struct parsed parsed = {.root = NULL};

	diag_init(&parsed.diag);
	parsed.ret = yaml_tree_parse(&parsed.tree, text, strlen(text), "f",
				     &parsed.diag);
	if (!parsed.ret)
		parsed.root = yaml_tree_root(parsed.tree);
	return parsed;
}

static void drop(struct parsed *parsed)
{
	diag_fini(&parsed->diag);
	yaml_tree_free(parsed->tree);
}

static void nodes_know_their_place(void **state)
{
	struct parsed p = parse("a: 1\nb:\n  - \"x: y\"\n  - {c: d}\n");
	const struct yaml_node *b, *c;

	(void)state;
	assert_int_equal(p.ret, 0);
	assert_int_equal(p.root->kind, YAML_KIND_MAP);
	assert_int_equal(p.root->count, 2);
	b = yaml_node_find(p.root, "b")->value;
	assert_int_equal(b->kind, YAML_KIND_LIST);
	assert_string_equal(b->entries[0].value->text, "x: y");
	assert_false(b->entries[0].value->is_plain);
	assert_int_equal(b->entries[0].value->line, 3);
	assert_int_equal(b->entries[0].value->column, 5);
	c = yaml_node_find(b->entries[1].value, "c")->key;
	assert_int_equal(c->line, 4);
	assert_int_equal(c->column, 6);
	assert_null(yaml_node_find(p.root, "z"));
	drop(&p);
}

static void columns_count_characters(void **state)
{
	struct parsed p = parse("{\xc3\xa4\xc3\xa4: b}\n");

	(void)state;
	assert_int_equal(p.ret, 0);
	assert_int_equal(p.root->entries[0].value->column, 6);
	drop(&p);
}

static void only_a_plain_null_is_null(void **state)
{
	struct parsed p = parse("[~, null, , \"\", 'null', 0, off]\n");
	static const bool is_null[] = {true, true, false, false, false, false};

	(void)state;
	/* An empty item between commas is an error in YAML. */
	assert_int_equal(p.ret, ERR_CONFIG);
	drop(&p);
	p = parse("[~, null, \"\", 'null', 0, off]\n");
	assert_int_equal(p.root->count, ARRAY_LEN(is_null));
	for (size_t i = 0; i < ARRAY_LEN(is_null); i++)
		assert_int_equal(yaml_node_is_null(p.root->entries[i].value),
				 is_null[i]);
	drop(&p);
	p = parse("a:\n");
	assert_true(yaml_node_is_null(p.root->entries[0].value));
	drop(&p);
}

static void nothing_but_comments_has_no_root(void **state)
{
	struct parsed p = parse("# nothing\n\n");

	(void)state;
	assert_int_equal(p.ret, 0);
	assert_null(p.root);
	drop(&p);
}

static void a_byte_order_mark_is_no_text(void **state)
{
	struct parsed p = parse("\xef\xbb\xbf"
				"a: b\n");

	(void)state;
	assert_int_equal(p.ret, 0);
	assert_string_equal(p.root->entries[0].key->text, "a");
	drop(&p);
}

static void an_alias_shares_what_its_anchor_names(void **state)
{
	struct parsed p = parse("a: &x [1, 2]\nb: *x\n");

	(void)state;
	assert_int_equal(p.ret, 0);
	assert_ptr_equal(p.root->entries[0].value, p.root->entries[1].value);
	drop(&p);
}

static void aliases_of_aliases_are_bounded(void **state)
{
	char text[4096] = "a0: &a0 [xxxxxxxxxx,xxxxxxxxxx]\n";
	struct parsed p;

	(void)state;
	for (int i = 1; i < 28; i++) {
		char line[64];

		snprintf(line, sizeof(line), "a%d: &a%d [*a%d,*a%d]\n", i, i,
			 i - 1, i - 1);
		strcat(text, line);
	}
	p = parse(text);
	assert_int_equal(p.ret, ERR_CONFIG);
	assert_non_null(strstr(p.diag.lines[0],
			       "more than 8 MiB of text, expected less"));
	drop(&p);
}

static void a_text_without_aliases_is_never_too_large(void **state)
{
	const size_t size = YAML_EXPANDED_MAX;
	char *text = malloc(size + 1);
	struct parsed p;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < size; i += 8)
		memcpy(text + i, "- abcde\n", 8);
	text[size] = '\0';
	p = parse(text);
	free(text);
	assert_int_equal(p.ret, 0);
	assert_int_equal(p.root->count, size / 8);
	drop(&p);
}

static void a_key_written_twice_is_told_and_the_rest_is_read(void **state)
{
	struct parsed p = parse("a: 1\nb: {x: 1, y: 2, x: 3}\na: 2\n");

	(void)state;
	assert_int_equal(p.ret, 0);
	assert_int_equal(p.diag.errors, 2);
	assert_string_equal(p.diag.lines[0],
			    "f:2:17: 'x' is written twice, expected once (the "
			    "first is in line 2)");
	assert_string_equal(p.diag.lines[1],
			    "f:3:1: 'a' is written twice, expected once (the "
			    "first is in line 1)");
	assert_string_equal(yaml_node_find(p.root, "a")->value->text, "1");
	drop(&p);
}

/* What is wrong with each text, and the place that is blamed. */
static const struct {
	const char *text, *line;
} broken[] = {
	{"a: 1\n\tb: 2\n", "f:2:1: a tab indents this line, expected spaces"},
	{"a: b: c\n", "f:1:5: a 'key: value' cannot stand here"},
	{"a:\n  b: 1\n c: 2\n", "f:3:2: this does not fit the lines above"},
	{"a: [1, 2\nb: 3\n", "f:1:4: a list in brackets is not closed"},
	{"a: {b: 1\n", "f:1:4: a mapping in braces is not closed"},
	{"a: \"b\n\nc: d\n", "f:1:4: a quote is never closed"},
	{"a: @b\n", "f:1:4: this character cannot begin a value"},
	{"a: [::1]\n",
	 "f:1:5: there is no value here, expected one, or quotes"},
	{"a: \"\\q\"\n", "f:1:5: there is no such escape"},
	{"a: b\nc\n", "f:2:1: the key has no value"},
	{"a: !x b\n", "f:1:4: tags are not supported"},
	{"a: !!str b\n", "f:1:4: tags are not supported"},
	{"a: *x\n", "f:1:4: alias '*x' stands for nothing"},
	{"a: &x [*x]\n", "f:1:8: alias '*x' stands for nothing"},
	{"a: &x {b: 1}\nc:\n  <<: *x\n", "f:3:3: merge keys"},
	{"[a]: b\n", "f:1:1: a list or mapping is no key"},
	{"? {a: b}\n: c\n", "f:1:3: a list or mapping is no key"},
	{"a: b\n---\nc: d\n", "f:2:1: a second document"},
	{"a: \"x\\0y\"\n", "f:1:4: a value cannot have a NUL"},
	{"a: b\nc: \xff\n", "f:2:4: byte 0xff is not UTF-8"},
	{"a: b\nc: \x1b[m\n", "f:2:4: character U+001B"},
	{"\xff\xfe"
	 "a",
	 "f:1:1: the file is in UTF-16"},
};

static void broken_text_is_told_with_place_and_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		struct parsed p = parse(broken[i].text);

		assert_int_equal(p.ret, ERR_CONFIG);
		assert_int_equal(p.diag.count, 1);
		if (strncmp(p.diag.lines[0], broken[i].line,
			    strlen(broken[i].line)))
			assert_string_equal(p.diag.lines[0], broken[i].line);
		drop(&p);
	}
}

static void nesting_and_anchors_have_bounds(void **state)
{
	char deep[128], *many = NULL;
	struct parsed p;
	size_t size;
	FILE *out;

	(void)state;
	memset(deep, '[', 33);
	memset(deep + 33, ']', 33);
	deep[66] = '\0';
	p = parse(deep);
	assert_string_equal(p.diag.lines[0],
			    "f:1:33: this is nested deeper than 32 levels, "
			    "expected less");
	drop(&p);

	out = open_memstream(&many, &size);
	for (unsigned i = 0; i <= YAML_ANCHORS_MAX; i++)
		fprintf(out, "- &a%u x\n", i);
	fclose(out);
	p = parse(many);
	free(many);
	assert_string_equal(p.diag.lines[0],
			    "f:1001:3: there are more than 1000 anchors, "
			    "expected fewer");
	drop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_know_their_place),
		cmocka_unit_test(columns_count_characters),
		cmocka_unit_test(only_a_plain_null_is_null),
		cmocka_unit_test(nothing_but_comments_has_no_root),
		cmocka_unit_test(a_byte_order_mark_is_no_text),
		cmocka_unit_test(an_alias_shares_what_its_anchor_names),
		cmocka_unit_test(aliases_of_aliases_are_bounded),
		cmocka_unit_test(a_text_without_aliases_is_never_too_large),
		cmocka_unit_test(
			a_key_written_twice_is_told_and_the_rest_is_read),
		cmocka_unit_test(broken_text_is_told_with_place_and_remedy),
		cmocka_unit_test(nesting_and_anchors_have_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
