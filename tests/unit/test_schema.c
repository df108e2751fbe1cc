// SPDX-License-Identifier: BSD-2-Clause
/* The engine with a small table of its own: a garden. */
#include "common/config/schema_type.h"
#include "common/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum soil { SOIL_SAND, SOIL_CLAY };

struct bed {
	const char *name;
	enum soil soil;
	int64_t water_ms;
	unsigned line;
};

struct garden {
	const char *owner;
	uint32_t trees;
	uint16_t *gates;
	size_t gate_count;
	struct bed *beds;
	size_t bed_count;
	bool is_open;
	unsigned seen; /* hooks that ran */
};

static const struct schema_word soils[] = {
	{"sand", SOIL_SAND, NULL},
	{"clay", SOIL_CLAY, NULL},
	{"peat", 0, "it is protected"},
	{NULL, 0, NULL},
};

static const struct schema_word open_words[] = {
	{"yes", true, NULL}, {"no", false, NULL}, {NULL, 0, NULL}};

static int count_bed(const struct schema_call *call, void *object)
{
	struct garden *garden = call->walk->root;

	(void)object;
	garden->seen++;
	return 0;
}

static int count_beds(const struct schema_call *call, void *object)
{
	struct garden *garden = object;

	(void)call;
	garden->seen += 100;
	return 0;
}

static const struct schema_key bed_keys[] = {
	{.name = "soil",
	 .type = &schema_word,
	 .words = soils,
	 .is_required = true,
	 .at = offsetof(struct bed, soil)},
	{.name = "water",
	 .type = &schema_duration,
	 .min = 1000,
	 .max = 7200000,
	 .fallback = "90s",
	 .at = offsetof(struct bed, water_ms)},
	{.name = NULL},
};

static const struct schema_key tree_keys[] = {
	{.name = "number",
	 .type = &schema_number,
	 .min = 1,
	 .max = 9,
	 .fallback = "2",
	 .at = offsetof(struct garden, trees)},
	{.name = NULL},
};

static const struct schema_key keys[] = {
	{.name = "owner",
	 .type = &schema_text,
	 .at = offsetof(struct garden, owner)},
	{.name = "open",
	 .type = &schema_flag,
	 .words = open_words,
	 .fallback = "yes",
	 .at = offsetof(struct garden, is_open)},
	{.name = "trees", .kind = SCHEMA_SECTION, .keys = tree_keys},
	{.name = "gates",
	 .kind = SCHEMA_LIST,
	 .type = &schema_port,
	 .items_min = 1,
	 .items_max = 3,
	 .fallback = "80",
	 .at = offsetof(struct garden, gates),
	 .count_at = offsetof(struct garden, gate_count)},
	{.name = "beds",
	 .kind = SCHEMA_NAMED,
	 .keys = bed_keys,
	 .at = offsetof(struct garden, beds),
	 .count_at = offsetof(struct garden, bed_count),
	 .item_size = sizeof(struct bed),
	 .line_at = offsetof(struct bed, line),
	 .first = 1,
	 .each = count_bed,
	 .done = count_beds},
	{.name = "pond", .kind = SCHEMA_LATER, .expected = "a bucket"},
	{.name = NULL},
};

struct world {
	struct garden garden;
	struct arena arena;
	struct diag diag;
};

static void read_text(struct world *world, const char *text)
{
	struct schema_walk walk = {.file = "g",
				   .diag = &world->diag,
				   .arena = &world->arena,
				   .root = &world->garden};
	struct yaml_tree *tree;

	memset(world, 0, sizeof(*world));
	diag_init(&world->diag);
	assert_int_equal(
		yaml_tree_parse(&tree, text, strlen(text), "g", &world->diag),
		0);
	assert_int_equal(schema_read(&walk, keys, yaml_tree_root(tree)), 0);
	schema_walk_fini(&walk);
	yaml_tree_free(tree);
}

static void drop(struct world *world)
{
	arena_fini(&world->arena);
	diag_fini(&world->diag);
}

static void what_is_absent_has_its_default(void **state)
{
	struct world world;

	(void)state;
	read_text(&world, "# nothing\n");
	assert_int_equal(world.diag.errors, 0);
	assert_null(world.garden.owner);
	assert_true(world.garden.is_open);
	assert_int_equal(world.garden.trees, 2);
	assert_int_equal(world.garden.gate_count, 1);
	assert_int_equal(world.garden.gates[0], 80);
	assert_int_equal(world.garden.bed_count, 1);
	assert_int_equal(world.garden.seen, 100);
	drop(&world);
}

static void members_have_name_line_and_defaults(void **state)
{
	struct world world;
	const struct bed *beds;

	(void)state;
	read_text(&world, "beds:\n  a: {soil: clay}\n  b: {soil: sand, "
			  "water: 2h}\n");
	beds = world.garden.beds;
	assert_int_equal(world.diag.errors, 0);
	assert_int_equal(world.garden.bed_count, 3);
	assert_null(beds[0].name);
	assert_string_equal(beds[1].name, "a");
	assert_int_equal(beds[1].soil, SOIL_CLAY);
	assert_int_equal(beds[1].water_ms, 90000);
	assert_int_equal(beds[2].line, 3);
	assert_int_equal(beds[2].water_ms, 7200000);
	assert_int_equal(world.garden.seen, 102);
	drop(&world);
}

static void each_mistake_is_told_with_its_path(void **state)
{
	static const struct {
		const char *text, *told;
	} wrong[] = {
		{"owner: []\n", "g:1:8: 'owner' is a list, expected a text"},
		{"owner: ''\n", "g:1:8: 'owner' cannot be '', expected a text"},
		{"owner:\n", "g:1:7: 'owner' has no value, expected a text"},
		{"ower: x\n", "g:1:1: unknown key 'ower', did you mean "
			      "'owner'?"},
		{"x: y\n", "g:1:1: unknown key 'x', expected owner, open, "
			   "trees, gates or beds"},
		{"pond: 1\n", "g:1:1: 'pond' is not supported by this "
			      "version, expected a bucket"},
		{"pnd: 1\n", "g:1:1: unknown key 'pnd', expected owner, open, "
			     "trees, gates or beds"},
		{"trees: 3\n", "g:1:1: 'trees' is '3', expected the keys "
			       "number"},
		{"trees: {number: 10}\n", "g:1:17: 'trees.number' is 10, "
					  "expected 1 to 9"},
		{"trees: {number: 99999999999}\n",
		 "g:1:17: 'trees.number' is 99999999999, expected 1 to 9"},
		{"trees: {number: -1}\n", "g:1:17: 'trees.number' cannot be "
					  "'-1', expected a number"},
		{"gates: []\n", "g:1:8: 'gates' is empty, expected a port, 1 "
				"to 65535"},
		{"gates: [1, 2, 3, 4]\n", "g:1:8: 'gates' has 4 values, "
					  "expected at most 3"},
		{"gates: [1, 2, 1]\n", "g:1:15: '1' is in 'gates' twice, "
				       "expected once"},
		{"beds: {a: {}}\n", "g:1:8: 'beds.a' has no 'soil', expected "
				    "sand or clay"},
		{"beds: {a: }\n", "g:1:8: 'beds.a' has no 'soil', expected "
				  "sand or clay"},
		{"beds: {a: {soil: peat}}\n",
		 "g:1:18: 'beds.a.soil: peat' is not supported by this "
		 "version, expected sand or clay: it is protected"},
		{"beds: {a: {soil: clay, water: 3h}}\n",
		 "g:1:31: 'beds.a.water' is 3h, expected 1s to 2h"},
		{"- a\n", "g:1:1: the file is a list, expected the keys "
			  "owner, open, trees, gates or beds"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct world world;

		read_text(&world, wrong[i].text);
		assert_int_equal(world.diag.count, 1);
		assert_string_equal(world.diag.lines[0], wrong[i].told);
		drop(&world);
	}
}

static void a_wrong_value_leaves_the_default(void **state)
{
	struct world world;

	(void)state;
	read_text(&world, "open: maybe\ntrees: {number: 0}\n");
	assert_int_equal(world.diag.errors, 2);
	assert_true(world.garden.is_open);
	assert_int_equal(world.garden.trees, 2);
	drop(&world);
}

static char *print(const struct garden *garden)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	schema_print(keys, garden, out);
	fclose(out);
	return text;
}

static void what_is_printed_reads_to_the_same(void **state)
{
	struct world one, other;
	char *text, *again;

	(void)state;
	read_text(&one, "owner: \"a: # 'b' \\\"\\x85\"\nopen: no\n"
			"gates: [1, 2]\nbeds: {\"x, y\": {soil: clay, water: "
			"61s}}\n");
	assert_int_equal(one.diag.errors, 0);
	text = print(&one.garden);
	read_text(&other, text);
	again = print(&other.garden);
	assert_string_equal(text, again);
	assert_string_equal(one.garden.owner, other.garden.owner);
	assert_non_null(strstr(text, "gates: [1, 2]\n"));
	assert_non_null(strstr(text, "  \"x, y\":\n    soil: clay\n    water: "
				     "61s\n"));
	free(text);
	free(again);
	drop(&one);
	drop(&other);
}

static void quotes_stand_where_they_must(void **state)
{
	static const struct {
		const char *text, *printed;
	} texts[] = {
		{"plain-1.x", "plain-1.x"},
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"2001:db8::1", "2001:db8::1"},
		{"::1", "\"::1\""},
		{"[::1]:53", "\"[::1]:53\""},
		{"a:", "\"a:\""},
		{"", "\"\""},
		{"null", "\"null\""},
		{"-", "\"-\""},
		{"a b", "\"a b\""},
		{"a,b", "\"a,b\""},
		{"a\"\\", "\"a\\\"\\\\\""},
		{"\n\x7f", "\"\\u000a\\u007f\""},
		{"\xc2\x85\xe2\x80\xa8", "\"\\u0085\\u2028\""},
		{"\xc3\xa4", "\"\xc3\xa4\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(out);
		schema_print_text(texts[i].text, out);
		fclose(out);
		assert_string_equal(text, texts[i].printed);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_absent_has_its_default),
		cmocka_unit_test(members_have_name_line_and_defaults),
		cmocka_unit_test(each_mistake_is_told_with_its_path),
		cmocka_unit_test(a_wrong_value_leaves_the_default),
		cmocka_unit_test(what_is_printed_reads_to_the_same),
		cmocka_unit_test(quotes_stand_where_they_must),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
