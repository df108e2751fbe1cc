// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct flow flow;

static struct hold *take(struct holds *holds, int64_t now_ms)
{
	return holds_take(holds, &flow, now_ms, 1000);
}

static void the_pool_has_its_bound(void **state)
{
	struct holds *holds;
	struct hold *first;

	(void)state;
	assert_int_equal(holds_new(&holds, 2, 500), 0);
	first = take(holds, 0);
	assert_non_null(first);
	assert_non_null(take(holds, 0));
	assert_null(take(holds, 0));
	assert_int_equal(holds_count(holds), 2);
	holds_give(holds, first);
	assert_int_equal(holds_count(holds), 1);
	assert_non_null(take(holds, 0));
	holds_free(holds);
}

static void who_came_first_is_late_first(void **state)
{
	struct holds *holds;
	struct hold *a, *b, *c;

	(void)state;
	assert_int_equal(holds_new(&holds, 8, 500), 0);
	a = take(holds, 0);
	b = take(holds, 10);
	c = take(holds, 20);
	assert_null(holds_late(holds, 999));
	assert_ptr_equal(holds_late(holds, 1000), a);
	holds_give(holds, a);
	assert_null(holds_late(holds, 1000));
	holds_give(holds, c);
	assert_ptr_equal(holds_late(holds, 5000), b);
	holds_give(holds, b);
	assert_null(holds_late(holds, 5000));
	holds_free(holds);
}

static void a_shorter_time_is_kept_too(void **state)
{
	struct holds *holds;
	struct hold *a, *b, *c, *d;

	(void)state;
	assert_int_equal(holds_new(&holds, 8, 500), 0);
	a = take(holds, 0);
	b = holds_take(holds, &flow, 10, 100);
	c = holds_take(holds, &flow, 20, 100);
	d = take(holds, 30);
	assert_ptr_equal(holds_late(holds, 120), b);
	holds_give(holds, b);
	assert_ptr_equal(holds_late(holds, 120), c);
	holds_give(holds, c);
	assert_null(holds_late(holds, 120));
	assert_ptr_equal(holds_late(holds, 2000), a);
	holds_give(holds, a);
	assert_ptr_equal(holds_late(holds, 2000), d);
	holds_free(holds);
}

static void entering_has_a_time_of_its_own(void **state)
{
	struct holds *holds;
	struct hold *a, *b;

	(void)state;
	assert_int_equal(holds_new(&holds, 8, 500), 0);
	a = take(holds, 0);
	b = take(holds, 900);
	holds_enter(holds, a, 990);
	assert_null(holds_late(holds, 1489));
	assert_ptr_equal(holds_late(holds, 1490), a);
	holds_give(holds, a);
	assert_ptr_equal(holds_late(holds, 1900), b);
	holds_free(holds);
}

static void a_ticket_is_not_used_twice(void **state)
{
	struct holds *holds;
	struct hold *hold;
	uint32_t ticket;

	(void)state;
	assert_int_equal(holds_new(&holds, 4, 500), 0);
	assert_null(holds_by_ticket(holds, 0));
	hold = take(holds, 0);
	ticket = hold->ticket;
	assert_ptr_equal(holds_by_ticket(holds, ticket), hold);
	holds_give(holds, hold);
	assert_null(holds_by_ticket(holds, ticket));
	assert_ptr_equal(take(holds, 0), hold);
	assert_null(holds_by_ticket(holds, ticket));
	assert_ptr_equal(holds_by_ticket(holds, hold->ticket), hold);
	assert_null(holds_by_ticket(holds, UINT32_MAX));
	holds_free(holds);
}

static void the_newest_syn_is_kept(void **state)
{
	static const uint8_t large[HOLD_FRAME_MAX + 1];
	struct holds *holds;
	struct hold *hold;

	(void)state;
	assert_int_equal(holds_new(&holds, 1, 500), 0);
	hold = take(holds, 0);
	assert_true(hold_keep(hold, (const uint8_t *)"first one", 9));
	assert_true(hold_keep(hold, (const uint8_t *)"newest", 6));
	assert_false(hold_keep(hold, large, sizeof(large)));
	assert_int_equal(hold->frame_length, 6);
	assert_memory_equal(hold->frame, "newest", 6);
	holds_free(holds);
}

static void our_own_dials_are_known_while_they_last(void **state)
{
	struct tuple a = {.src = {addr_ipv4(1), 1}, .dst = {addr_ipv4(2), 2}};
	struct tuple b = {.src = {addr_ipv4(1), 3}, .dst = {addr_ipv4(2), 2}};
	struct holds *holds;
	struct hold *hold;

	(void)state;
	assert_int_equal(holds_new(&holds, 1, 500), 0);
	hold = take(holds, 0);
	assert_false(holds_has_own(holds, &a));
	holds_set_own(holds, hold, &a);
	assert_true(holds_has_own(holds, &a));
	holds_set_own(holds, hold, &b);
	assert_false(holds_has_own(holds, &a));
	assert_true(holds_has_own(holds, &b));
	holds_enter(holds, hold, 0);
	assert_false(holds_has_own(holds, &b));
	holds_give(holds, hold);
	hold = take(holds, 0);
	holds_set_own(holds, hold, &a);
	holds_give(holds, hold);
	assert_false(holds_has_own(holds, &a));
	holds_free(holds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pool_has_its_bound),
		cmocka_unit_test(who_came_first_is_late_first),
		cmocka_unit_test(a_shorter_time_is_kept_too),
		cmocka_unit_test(entering_has_a_time_of_its_own),
		cmocka_unit_test(a_ticket_is_not_used_twice),
		cmocka_unit_test(the_newest_syn_is_kept),
		cmocka_unit_test(our_own_dials_are_known_while_they_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
