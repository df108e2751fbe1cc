// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/name_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name name_of(const char *text)
{
	struct name name;

	assert_int_equal(name_parse(&name, text), 0);
	return name;
}

static void add(struct name_index *index, const char *text, unsigned kinds,
		uint32_t rule, uint32_t line)
{
	struct name name = name_of(text);
	struct rule_hit hit = {rule, line};

	assert_int_equal(name_index_add(index, &name, kinds, hit), 0);
}

/* The rule, or -1. */
static int rule_of(const struct name_index *index, const char *text)
{
	struct name name = name_of(text);
	struct rule_hit hit;

	if (!name_index_find(index, &name, &hit))
		return -1;
	return (int)hit.rule;
}

static void empty_index_has_nothing(void **state)
{
	struct name_index *index = name_index_new();

	(void)state;
	assert_int_equal(rule_of(index, "example.com"), -1);
	assert_int_equal(rule_of(index, "."), -1);
	assert_int_equal(name_index_seal(index), 0);
	assert_int_equal(rule_of(index, "example.com"), -1);
	name_index_free(index);
	name_index_free(NULL);
}

static void each_kind_reaches_as_far_as_it_says(void **state)
{
	static const struct {
		unsigned kinds;
		int itself, child, grandchild;
	} rows[] = {
		{NAME_ITSELF, 0, -1, -1},
		{NAME_BELOW, -1, 0, 0},
		{NAME_CHILD, -1, 0, -1},
		{NAME_SUFFIX, 0, 0, 0},
		{NAME_ITSELF | NAME_CHILD, 0, 0, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct name_index *index = name_index_new();

		add(index, "example.com", rows[i].kinds, 0, 0);
		assert_int_equal(rule_of(index, "example.com"), rows[i].itself);
		assert_int_equal(rule_of(index, "www.example.com"),
				 rows[i].child);
		assert_int_equal(rule_of(index, "a.www.example.com"),
				 rows[i].grandchild);
		assert_int_equal(rule_of(index, "badexample.com"), -1);
		assert_int_equal(rule_of(index, "com"), -1);
		name_index_free(index);
	}
}

static void root_as_suffix_is_everything(void **state)
{
	struct name_index *index = name_index_new();

	(void)state;
	add(index, ".", NAME_SUFFIX, 3, 0);
	assert_int_equal(rule_of(index, "."), 3);
	assert_int_equal(rule_of(index, "com"), 3);
	assert_int_equal(rule_of(index, "a.b.c.d.e"), 3);
	name_index_free(index);
}

static void earliest_rule_wins_over_the_longest_name(void **state)
{
	struct name_index *index = name_index_new();

	(void)state;
	add(index, "www.example.com", NAME_ITSELF, 1, 0);
	add(index, "example.com", NAME_SUFFIX, 2, 0);
	add(index, "com", NAME_BELOW, 3, 0);
	assert_int_equal(rule_of(index, "www.example.com"), 1);
	assert_int_equal(rule_of(index, "ftp.example.com"), 2);
	assert_int_equal(rule_of(index, "example.org"), -1);
	assert_int_equal(rule_of(index, "example2.com"), 3);
	add(index, "a.com", NAME_SUFFIX, 4, 0);
	assert_int_equal(rule_of(index, "a.com"), 3);
	name_index_free(index);
}

static void earliest_line_of_a_rule_is_told(void **state)
{
	struct name_index *index = name_index_new();
	struct name name = name_of("www.example.com");
	struct rule_hit hit;

	(void)state;
	add(index, "com", NAME_SUFFIX, 1, 7);
	add(index, "example.com", NAME_SUFFIX, 1, 8);
	add(index, "www.example.com", NAME_ITSELF, 1, 9);
	assert_true(name_index_find(index, &name, &hit));
	assert_int_equal(hit.line, 7);
	name_index_free(index);
}

static void name_that_says_nothing_new_takes_no_slot(void **state)
{
	struct name_index *index = name_index_new();

	(void)state;
	add(index, "example.com", NAME_SUFFIX, 1, 0);
	add(index, "example.com", NAME_SUFFIX, 2, 0);
	add(index, "example.com", NAME_ITSELF, 3, 0);
	assert_int_equal(name_index_count(index), 1);
	add(index, "example.com", NAME_SUFFIX | NAME_CHILD, 4, 0);
	assert_int_equal(name_index_count(index), 2);
	name_index_free(index);
}

static void longest_names_fit(void **state)
{
	struct name_index *index = name_index_new();
	struct name name = {.length = 255};
	struct rule_hit hit = {1, 2}, found;

	(void)state;
	/* As many labels as there can be, then as long as there can be. */
	for (size_t i = 0; i < 254; i++)
		name.wire[i] = i % 2 == 0 ? 1 : 'a';
	assert_int_equal(name_index_add(index, &name, NAME_ITSELF, hit), 0);
	assert_true(name_index_find(index, &name, &found));
	memset(name.wire, 'b', 254);
	name.wire[0] = name.wire[64] = name.wire[128] = 63;
	name.wire[192] = 61;
	assert_false(name_index_find(index, &name, &found));
	assert_int_equal(name_index_add(index, &name, NAME_ITSELF, hit), 0);
	assert_int_equal(name_index_seal(index), 0);
	assert_true(name_index_find(index, &name, &found));
	name_index_free(index);
}

/* Against the obvious way: look at every entry in order. */

#define ENTRIES 400

struct naive {
	struct name name;
	unsigned kinds;
	struct rule_hit hit;
};

static bool naive_matches(const struct naive *entry, const struct name *name)
{
	size_t above = (size_t)name->length - entry->name.length;

	if (name_equal(&entry->name, name))
		return entry->kinds & NAME_ITSELF;
	if (!name_is_under(name, &entry->name))
		return false;
	if (above == 1U + name->wire[0] && (entry->kinds & NAME_CHILD))
		return true;
	return entry->kinds & NAME_BELOW;
}

/* Few different labels, so that names meet each other often. */
static struct name random_name(void)
{
	static const char *const labels[] = {
		"a", "b", "aa", "ab", "longer-label", "com", "x1"};
	char text[128] = "";
	int count = rand() % 5;

	for (int i = 0; i < count; i++) {
		strcat(text, labels[rand() % 7]);
		strcat(text, ".");
	}
	return name_of(count ? text : ".");
}

static void random_indexes_answer_like_a_list(void **state)
{
	static struct naive entries[ENTRIES];

	(void)state;
	srand(4);
	for (int round = 0; round < 30; round++) {
		struct name_index *index = name_index_new();
		size_t count = (size_t)(rand() % ENTRIES);

		/* Names of a list stand in a queue first. */
		if (round % 2)
			assert_int_equal(name_index_expect(index, ENTRIES), 0);
		for (size_t i = 0; i < count; i++) {
			entries[i].name = random_name();
			entries[i].kinds = 1U + (unsigned)(rand() % 7);
			entries[i].hit.rule = (uint32_t)i / 3;
			entries[i].hit.line = (uint32_t)i;
			assert_int_equal(name_index_add(index, &entries[i].name,
							entries[i].kinds,
							entries[i].hit),
					 0);
		}
		assert_int_equal(name_index_seal(index), 0);
		for (int question = 0; question < 300; question++) {
			struct name name = random_name();
			struct rule_hit hit = {0};
			size_t i = 0;

			while (i < count && !naive_matches(&entries[i], &name))
				i++;
			assert_int_equal(name_index_find(index, &name, &hit),
					 i < count);
			if (i == count)
				continue;
			assert_int_equal(hit.rule, entries[i].hit.rule);
			assert_int_equal(hit.line, entries[i].hit.line);
		}
		name_index_free(index);
	}
}

static void many_names_are_all_found_again(void **state)
{
	struct name_index *index = name_index_new();
	char text[64];

	(void)state;
	for (uint32_t i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "n%u.example%u.com", i, i % 97);
		add(index, text, NAME_ITSELF, i, 0);
	}
	assert_int_equal(name_index_seal(index), 0);
	assert_int_equal(name_index_count(index), 20000);
	for (int i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "n%d.example%d.com", i, i % 97);
		assert_int_equal(rule_of(index, text), i);
		snprintf(text, sizeof(text), "m%d.example%d.com", i, i % 97);
		assert_int_equal(rule_of(index, text), -1);
	}
	name_index_free(index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_index_has_nothing),
		cmocka_unit_test(each_kind_reaches_as_far_as_it_says),
		cmocka_unit_test(root_as_suffix_is_everything),
		cmocka_unit_test(earliest_rule_wins_over_the_longest_name),
		cmocka_unit_test(earliest_line_of_a_rule_is_told),
		cmocka_unit_test(name_that_says_nothing_new_takes_no_slot),
		cmocka_unit_test(longest_names_fit),
		cmocka_unit_test(random_indexes_answer_like_a_list),
		cmocka_unit_test(many_names_are_all_found_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
