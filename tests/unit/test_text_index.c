// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many random conditions and names: the index finds what asking each of them
 * in order finds.
 */
#include "common/rules/text_index.h"

#include "common/rules/name_index.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 40
#define CONDITIONS_MAX 400
#define QUESTIONS 500

static void random_text(char *out, size_t max, const char *characters)
{
	size_t length = 1 + (size_t)rand() % max;

	for (size_t i = 0; i < length; i++)
		out[i] = characters[(size_t)rand() % strlen(characters)];
	out[length] = '\0';
}

/* Labels of raw bytes, those that frame a text among them. */
static struct name random_name(void)
{
	static const uint8_t bytes[] = "aaabbbcc1-\x01\x02\n";
	struct name name = {.length = 0};
	int labels = rand() % 5;

	while (labels-- > 0) {
		uint8_t size = (uint8_t)(1 + rand() % 5);

		name.wire[name.length++] = size;
		while (size-- > 0)
			name.wire[name.length++] =
				bytes[(size_t)rand() % (sizeof(bytes) - 1)];
	}
	name.wire[name.length++] = 0;
	return name;
}

static int random_regex(struct condition *condition)
{
	static const char *const ends[] = {"",  "$",       "\\.a$", "(b|\\.c)$",
					   "+", "[0-9]?$", "b?$"};
	char text[32] = "", why[REGEX_WHY_SIZE];
	struct regex *regex;
	int ret;

	if (rand() % 2)
		strcpy(text, rand() % 2 ? "^" : "(^|\\.)");
	random_text(text + strlen(text), 7, "abc1.");
	strcat(text, ends[rand() % 7]);
	ret = regex_new(&regex, text, why);
	if (ret == 0)
		condition_init_regex(condition, CONDITION_REGEX, regex);
	return ret;
}

static int random_labels(struct condition *condition)
{
	static const char *const patterns[] = {"a.*", "*.b.*", "aa.*.cc", "*.*",
					       "b1.*.a"};
	struct name name;

	assert_int_equal(name_parse(&name, patterns[rand() % 5]), 0);
	return condition_init_labels(condition, &name,
				     rand() % 2 ? NAME_SUFFIX : NAME_ITSELF);
}

static int random_condition(struct condition *condition)
{
	char text[16];

	switch (rand() % 4) {
	case 0:
		return random_labels(condition);
	case 1:
		return random_regex(condition);
	case 2:
		random_text(text, 9, "abc1*?.");
		return condition_init_name_text(condition, CONDITION_GLOB,
						text);
	default:
		random_text(text, 7, "abc1.");
		return condition_init_name_text(condition, CONDITION_KEYWORD,
						text);
	}
}

/* The same conditions in the index and beside it. */
struct pair {
	struct text_index *index;
	struct condition conditions[CONDITIONS_MAX];
	struct rule_hit hits[CONDITIONS_MAX];
	size_t count;
};

static void fill(struct pair *pair)
{
	size_t wanted = (size_t)rand() % CONDITIONS_MAX;
	uint32_t rule = 0;

	pair->index = text_index_new();
	assert_non_null(pair->index);
	for (pair->count = 0; pair->count < wanted;) {
		unsigned seed = (unsigned)rand();
		struct condition twin;
		int ret;

		srand(seed);
		ret = random_condition(&pair->conditions[pair->count]);
		srand(seed);
		assert_int_equal(random_condition(&twin), ret);
		if (ret == -EOPNOTSUPP)
			continue; /* a build without PCRE2 */
		assert_int_equal(ret, 0);
		rule += rand() % 3 == 0;
		pair->hits[pair->count] =
			(struct rule_hit){rule, (uint32_t)pair->count};
		assert_int_equal(text_index_add(pair->index, &twin,
						pair->hits[pair->count]),
				 0);
		pair->count++;
	}
	assert_int_equal(text_index_seal(pair->index), 0);
}

static bool ask(const struct pair *pair)
{
	uint32_t end = rand() % 2 ? RULE_NONE : (uint32_t)rand() % 100;
	struct name name = random_name();
	const struct facts facts = {.name = &name};
	struct rule_hit hit;
	struct asked asked;
	bool is_found;

	asked_init(&asked, &facts);
	is_found = text_index_find(pair->index, &asked, end, &hit);
	for (size_t i = 0; i < pair->count; i++) {
		if (pair->hits[i].rule >= end)
			break;
		if (!condition_has_name(&pair->conditions[i], &asked))
			continue;
		assert_true(is_found);
		assert_int_equal(hit.rule, pair->hits[i].rule);
		assert_int_equal(hit.line, pair->hits[i].line);
		return true;
	}
	assert_false(is_found);
	return false;
}

static void index_finds_what_asking_each_finds(void **state)
{
	static struct pair pair;
	unsigned found = 0, missed = 0;

	(void)state;
	srand(11);
	for (int round = 0; round < ROUNDS; round++) {
		fill(&pair);
		for (int i = 0; i < QUESTIONS; i++) {
			if (ask(&pair))
				found++;
			else
				missed++;
		}
		text_index_free(pair.index);
		for (size_t i = 0; i < pair.count; i++)
			condition_fini(&pair.conditions[i]);
	}
	assert_true(found > 1000);
	assert_true(missed > 1000);
}

static void empty_index_finds_nothing(void **state)
{
	struct text_index *index = text_index_new();
	struct name name = random_name();
	const struct facts facts = {.name = &name};
	struct rule_hit hit;
	struct asked asked;

	(void)state;
	assert_non_null(index);
	assert_int_equal(text_index_seal(index), 0);
	asked_init(&asked, &facts);
	assert_false(text_index_find(index, &asked, RULE_NONE, &hit));
	text_index_free(index);
	text_index_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_finds_what_asking_each_finds),
		cmocka_unit_test(empty_index_finds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
