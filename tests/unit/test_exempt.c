// SPDX-License-Identifier: BSD-2-Clause
#include "routed/exempt.h"

#include "tests/unit/fib_model.h"

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct nl_rule *add(struct fib_model *model, uint32_t mark,
			   uint32_t table)
{
	struct nl_rule *rule = fib_model_rule(model, ADDR_IPV4, 9000, table);

	rule->mark = mark;
	rule->mark_mask = UINT32_MAX;
	return rule;
}

static void what_leads_to_main_or_elsewhere_but_for_the_mark(void **state)
{
	struct mark_match marks[EXEMPT_ADOPTED_MAX];
	struct fib_model model;

	(void)state;
	fib_model_laptop(&model);
	add(&model, 1, RT_TABLE_MAIN)->mark_mask = 0xff;
	add(&model, 2, 51820)->is_inverted = true;
	add(&model, 2, RT_TABLE_MAIN); /* another mask */
	add(&model, 2, RT_TABLE_MAIN); /* once more */
	add(&model, 3, 51820);
	add(&model, 4, RT_TABLE_MAIN)->is_inverted = true;
	add(&model, 5, RT_TABLE_MAIN)->protocol = NL_PROTOCOL;
	add(&model, 6, RT_TABLE_MAIN)->suppress_prefixlength = 0;
	strcpy(add(&model, 7, RT_TABLE_MAIN)->iif, "eth0");
	add(&model, 8, RT_TABLE_MAIN)->has_uid = true;
	add(&model, 9, RT_TABLE_MAIN)->family = ADDR_IPV6;
	assert_int_equal(exempt_adopt(&model.state, ADDR_IPV4, marks), 2);
	assert_int_equal(marks[0].value, 1);
	assert_int_equal(marks[0].mask, 0xff);
	assert_int_equal(marks[1].value, 2);
	assert_int_equal(exempt_adopt(&model.state, ADDR_IPV6, marks), 1);
	assert_int_equal(marks[0].value, 9);
}

static void too_many_are_left_out(void **state)
{
	struct mark_match marks[EXEMPT_ADOPTED_MAX];
	struct fib_model model;

	(void)state;
	fib_model_laptop(&model);
	for (uint32_t mark = 1; mark <= EXEMPT_ADOPTED_MAX + 3; mark++)
		add(&model, mark, RT_TABLE_MAIN);
	assert_int_equal(exempt_adopt(&model.state, ADDR_IPV4, marks),
			 EXEMPT_ADOPTED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_leads_to_main_or_elsewhere_but_for_the_mark),
		cmocka_unit_test(too_many_are_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
