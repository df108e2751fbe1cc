// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/cache/failures.h"

#include "common/err.h"
#include "tests/unit/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOME 1
#define OTHER 2

static struct failures failures;

static int set_up(void **state)
{
	(void)state;
	failures_clear(&failures);
	return 0;
}

static void fail_at(const char *name, int64_t now_ms)
{
	const struct failure failure = {.status = ERR_TIMEOUT, .why = "why"};
	struct question question = dns_question(name, DNS_TYPE_A);

	failures_add(&failures, HOME, &question, now_ms, &failure);
}

static const struct failure *find(const char *name, int64_t now_ms)
{
	struct question question = dns_question(name, DNS_TYPE_A);

	return failures_find(&failures, HOME, &question, now_ms);
}

static void a_failure_counts_for_a_second(void **state)
{
	(void)state;
	assert_null(find("a.example", 0));
	fail_at("a.example", 0);
	assert_non_null(find("a.example", 999));
	assert_string_equal(find("a.example", 0)->why, "why");
	assert_int_equal(find("a.example", 0)->status, ERR_TIMEOUT);
	assert_null(find("a.example", 1000));
}

static void each_further_one_counts_twice_as_long(void **state)
{
	static const int64_t durations[] = {1000,  2000,  4000, 8000,
					    16000, 30000, 30000};
	int64_t now_ms = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
		fail_at("a.example", now_ms);
		now_ms += durations[i];
		assert_non_null(find("a.example", now_ms - 1));
		assert_null(find("a.example", now_ms));
	}
}

static void it_is_that_question_alone_and_ends_with_an_answer(void **state)
{
	struct question question = dns_question("a.example", DNS_TYPE_A);

	(void)state;
	fail_at("a.example", 0);
	assert_null(find("b.example", 0));
	assert_null(failures_find(&failures, OTHER, &question, 0));
	failures_del(&failures, HOME, &question);
	assert_null(find("a.example", 0));
	/* And counts from the beginning again. */
	fail_at("a.example", 0);
	assert_null(find("a.example", 1000));
	question.type = DNS_TYPE_AAAA;
	assert_null(failures_find(&failures, HOME, &question, 0));
}

static void many_failures_push_out_the_oldest(void **state)
{
	char name[32];
	int found = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		fail_at(name, i);
		assert_non_null(find(name, i));
	}
	for (int i = 9500; i < 10000; i++) {
		snprintf(name, sizeof(name), "n%d.example", i);
		found += find(name, 9999) != NULL;
	}
	assert_in_range(found, 200, 500);
}

#define TEST(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_failure_counts_for_a_second),
		TEST(each_further_one_counts_twice_as_long),
		TEST(it_is_that_question_alone_and_ends_with_an_answer),
		TEST(many_failures_push_out_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
