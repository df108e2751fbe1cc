// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/memo.h"

#include "dnsd/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct rule rules[2000];

static struct question numbered(unsigned number)
{
	struct question question = {.type = DNS_TYPE_A};
	char text[64];

	snprintf(text, sizeof(text), "n%u.example.com", number);
	assert_int_equal(name_parse(&question.name, text), 0);
	return question;
}

static struct decision decision_of(unsigned number)
{
	return (struct decision){
		.kind = number % 2 ? DECISION_FAKE : DECISION_FORWARD,
		.upstream = (int)(number % 5),
		.host = -ENOENT,
		.verdict = {.rule = &rules[number % 7],
			    .list_file = "list.txt",
			    .list_line = number},
	};
}

static int set_up(void **state)
{
	struct memo *memo;

	if (memo_new(&memo) < 0)
		return -1;
	*state = memo;
	return 0;
}

static int tear_down(void **state)
{
	memo_free(*state);
	return 0;
}

static bool finds(struct memo *memo, unsigned number)
{
	struct question question = numbered(number);
	struct decision wanted = decision_of(number), found;

	memo_expect(memo, &question);
	if (!memo_find(memo, &question, &found))
		return false;
	assert_int_equal(found.kind, wanted.kind);
	assert_int_equal(found.upstream, wanted.upstream);
	assert_ptr_equal(found.verdict.rule, wanted.verdict.rule);
	assert_int_equal(found.verdict.list_line, number);
	return true;
}

static void add(struct memo *memo, unsigned number)
{
	struct question question = numbered(number);
	struct decision decision = decision_of(number);

	memo_add(memo, &question, &decision);
}

static void a_decision_is_found_by_name_and_type(void **state)
{
	struct memo *memo = *state;
	struct question question = numbered(1);
	struct decision decision;

	assert_false(finds(memo, 1));
	add(memo, 1);
	assert_true(finds(memo, 1));
	assert_false(finds(memo, 2));
	question.type = DNS_TYPE_AAAA;
	assert_false(memo_find(memo, &question, &decision));
	memo_clear(memo);
	assert_false(finds(memo, 1));
}

static void what_is_of_one_client_or_name_is_not_kept(void **state)
{
	struct memo *memo = *state;
	struct question question = numbered(1);
	struct decision decisions[] = {
		{.kind = DECISION_HOSTS, .host = 3},
		{.kind = DECISION_FORWARD, .host = 3},
		{.kind = DECISION_REVERSE, .host = -ENOENT, .reverse_slot = 3},
		{.kind = DECISION_FAKE,
		 .host = -ENOENT,
		 .verdict = {.is_personal = true}},
	};

	for (size_t i = 0; i < ARRAY_LEN(decisions); i++) {
		memo_add(memo, &question, &decisions[i]);
		assert_false(memo_find(memo, &question, &decisions[i]));
	}
}

static void of_more_names_than_fit_the_rest_is_right(void **state)
{
	struct memo *memo = *state;
	unsigned found = 0;

	for (unsigned i = 0; i < 100000; i++) {
		add(memo, i);
		assert_true(finds(memo, i));
	}
	for (unsigned i = 0; i < 100000; i++)
		found += finds(memo, i);
	/* It is as good as full. */
	assert_in_range(found, 16000, 16384);
}

static void of_more_decisions_than_fit_those_of_now_are_kept(void **state)
{
	struct memo *memo = *state;
	struct decision decision = decision_of(0);
	struct question question;

	for (unsigned i = 0; i < 2000; i++) {
		question = numbered(i);
		decision.verdict.rule = &rules[i];
		memo_add(memo, &question, &decision);
	}
	question = numbered(5);
	assert_false(memo_find(memo, &question, &decision));
	question = numbered(1999);
	assert_true(memo_find(memo, &question, &decision));
	assert_ptr_equal(decision.verdict.rule, &rules[1999]);
}

#define TEST(claim) cmocka_unit_test_setup_teardown(claim, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_decision_is_found_by_name_and_type),
		TEST(what_is_of_one_client_or_name_is_not_kept),
		TEST(of_more_names_than_fit_the_rest_is_right),
		TEST(of_more_decisions_than_fit_those_of_now_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
