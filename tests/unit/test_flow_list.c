// SPDX-License-Identifier: BSD-2-Clause
#include "routed/view/flow_list.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct flow_list *list;
static const struct flow_row *const *rows;

static int setup(void **state)
{
	(void)state;
	return flow_list_new(&list);
}

static int teardown(void **state)
{
	(void)state;
	flow_list_free(list);
	return 0;
}

static void add(const char *name, int port, int64_t up, int64_t down)
{
	char text[512];
	struct json *line;

	snprintf(text, sizeof(text),
		 "{\"network\":\"tcp\",\"src\":\"198.18.0.1:%d\","
		 "\"dst\":\"198.18.0.9:443\",\"name\":%s,\"outbound\":\"%s\","
		 "\"up\":%" PRId64 ",\"down\":%" PRId64 ",\"state\":\"open\","
		 "\"since\":\"2026-11-22T10:00:%02dZ\"}",
		 port, name, port % 2 ? "odd" : "even", up, down, port % 60);
	line = json_parse(text, strlen(text));
	assert_non_null(line);
	assert_int_equal(flow_list_add(list, line), 0);
	json_free(line);
}

static size_t choose(enum flow_order order, bool is_reversed,
		     const char *filter)
{
	const struct flow_choice choice = {
		.order = order, .is_reversed = is_reversed, .filter = filter};

	return flow_list_choose(list, &choice, &rows);
}

/* Two rounds, a second apart: 1 is quick, 2 has moved more, 3 has ended. */
static void two_rounds(void)
{
	flow_list_begin(list, 1000);
	add("\"a.example\"", 1, 0, 100);
	add("\"B.example\"", 2, 9000, 0);
	add("null", 3, 1, 1);
	flow_list_end(list);
	flow_list_begin(list, 2000);
	add("\"a.example\"", 1, 500, 700);
	add("\"B.example\"", 2, 9000, 10);
	flow_list_end(list);
}

static void a_rate_is_what_moved_between_two_rounds(void **state)
{
	(void)state;
	two_rounds();
	assert_int_equal(choose(FLOW_ORDER_RATE, false, ""), 2);
	assert_string_equal(rows[0]->to, "a.example:443");
	assert_int_equal(rows[0]->up_rate, 500);
	assert_int_equal(rows[0]->down_rate, 600);
	assert_int_equal(flow_list_totals(list).down_rate, 610);
}

static void the_first_round_has_no_rates(void **state)
{
	(void)state;
	flow_list_begin(list, 5000);
	add("\"a.example\"", 1, 1000, 1000);
	flow_list_end(list);
	assert_int_equal(flow_list_totals(list).up_rate, 0);
	assert_int_equal(flow_list_totals(list).count, 1);
}

static void a_port_that_is_used_again_is_another_flow(void **state)
{
	(void)state;
	flow_list_begin(list, 1000);
	add("\"a.example\"", 1, 50000, 0);
	flow_list_end(list);
	flow_list_begin(list, 2000);
	add("\"a.example\"", 61, 60000, 0); /* another second, same rest */
	flow_list_end(list);
	assert_int_equal(choose(FLOW_ORDER_RATE, false, ""), 1);
	assert_int_equal(rows[0]->up_rate, 0);
}

static void rows_are_sorted_as_asked(void **state)
{
	(void)state;
	two_rounds();
	choose(FLOW_ORDER_BYTES, false, "");
	assert_string_equal(rows[0]->name, "B.example");
	choose(FLOW_ORDER_BYTES, true, "");
	assert_string_equal(rows[0]->name, "a.example");
	choose(FLOW_ORDER_AGE, false, "");
	assert_string_equal(rows[0]->name, "B.example");
	choose(FLOW_ORDER_TO, false, "");
	assert_string_equal(rows[0]->name, "a.example");
	choose(FLOW_ORDER_BY, false, "");
	assert_string_equal(rows[0]->outbound, "even");
}

static void a_filter_looks_into_every_text(void **state)
{
	(void)state;
	two_rounds();
	assert_int_equal(choose(FLOW_ORDER_RATE, false, "b.EXAMPLE"), 1);
	assert_string_equal(rows[0]->name, "B.example");
	assert_int_equal(choose(FLOW_ORDER_RATE, false, "odd"), 1);
	assert_int_equal(choose(FLOW_ORDER_RATE, false, "nobody"), 0);
}

static void a_program_is_asked_for_once(void **state)
{
	struct flow_row *row;

	(void)state;
	flow_list_begin(list, 1000);
	assert_null(flow_list_unnamed(list));
	add("null", 1, 0, 0);
	row = flow_list_unnamed(list);
	assert_non_null(row);
	snprintf(row->program, sizeof(row->program), "curl/7");
	assert_null(flow_list_unnamed(list));
	flow_list_end(list);
	flow_list_begin(list, 2000);
	add("null", 1, 5, 0);
	assert_null(flow_list_unnamed(list));
	flow_list_end(list);
	assert_int_equal(choose(FLOW_ORDER_RATE, false, "curl"), 1);
	assert_string_equal(rows[0]->to, "198.18.0.9:443");
}

static void monstrous_names_are_cut(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[0] = name[sizeof(name) - 2] = '"';
	name[sizeof(name) - 1] = '\0';
	flow_list_begin(list, 1000);
	add(name, 1, 0, 0);
	flow_list_end(list);
	choose(FLOW_ORDER_TO, false, "");
	assert_int_equal(strlen(rows[0]->to), 60);
	assert_string_equal(rows[0]->to + 56, ":443");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rate_is_what_moved_between_two_rounds),
		TEST(the_first_round_has_no_rates),
		TEST(a_port_that_is_used_again_is_another_flow),
		TEST(rows_are_sorted_as_asked),
		TEST(a_filter_looks_into_every_text),
		TEST(a_program_is_asked_for_once),
		TEST(monstrous_names_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
