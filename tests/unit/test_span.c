// SPDX-License-Identifier: BSD-2-Clause
#include "common/rules/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add(struct span_set *set, const char *text)
{
	struct prefix prefix;
	struct span spans[2];
	size_t count;

	assert_int_equal(prefix_parse(&prefix, text), 0);
	count = span_split(&prefix, spans);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(span_set_add(set, spans[i]), 0);
}

static int append(void *ctx, const struct prefix *prefix)
{
	char text[PREFIX_TEXT_SIZE], *out = ctx;

	prefix_format(prefix, text, sizeof(text));
	strcat(out, *out ? " " : "");
	strcat(out, text);
	return 0;
}

static const char *text_of(struct span_set *set)
{
	static char out[8192];

	out[0] = '\0';
	span_set_settle(set);
	assert_int_equal(span_set_each_prefix(set, append, out), 0);
	span_set_fini(set);
	return out;
}

static void fewest_prefixes_are_told(void **state)
{
	struct span_set set = {0};

	(void)state;
	add(&set, "10.0.1.0/24");
	add(&set, "10.0.0.0/24");
	add(&set, "10.0.2.0/24");
	add(&set, "10.0.2.128/25");
	add(&set, "2001:db8::/33");
	add(&set, "2001:db8:8000::/33");
	assert_string_equal(text_of(&set),
			    "10.0.0.0/23 10.0.2.0/24 2001:db8::/32");
	assert_string_equal(text_of(&set), "");
}

static void families_do_not_run_into_each_other(void **state)
{
	struct span_set set = {0};

	(void)state;
	add(&set, "0.0.0.0/0");
	assert_string_equal(text_of(&set), "0.0.0.0/0");
	add(&set, "::/0");
	add(&set, "0.0.0.0/0");
	/* All there is: the blocks around IPv4, and it as one of its own. */
	assert_non_null(strstr(text_of(&set), " 0.0.0.0/0 "));
}

static void prefix_around_ipv4_has_none_of_it(void **state)
{
	struct span spans[2];
	struct prefix prefix;
	struct addr addr = addr_ipv4(0x01020304);
	struct point point = point_of(&addr);

	(void)state;
	assert_int_equal(prefix_parse(&prefix, "::/0"), 0);
	assert_int_equal(span_split(&prefix, spans), 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(point_compare(point, spans[i].first) < 0 ||
			    point_compare(point, spans[i].last) > 0);
	assert_int_equal(prefix_parse(&prefix, "2001:db8::/32"), 0);
	assert_int_equal(span_split(&prefix, spans), 1);
}

static bool has(const struct span_set *set, struct point point)
{
	for (size_t i = 0; i < set->count; i++) {
		if (point_compare(set->spans[i].first, point) <= 0 &&
		    point_compare(set->spans[i].last, point) >= 0)
			return true;
	}
	return false;
}

/* Few numbers, at both sides of the carry, and at both ends of the line. */
static struct point random_point(void)
{
	static const uint64_t lows[] = {0, 1, 2, UINT64_MAX - 1, UINT64_MAX};
	static const uint64_t highs[] = {0, 1, UINT64_MAX};

	return (struct point){highs[rand() % 3], lows[rand() % 5]};
}

static void random_set(struct span_set *set)
{
	for (int i = rand() % 5; i > 0; i--) {
		struct span span = {random_point(), random_point()};

		if (point_compare(span.first, span.last) <= 0)
			assert_int_equal(span_set_add(set, span), 0);
	}
	span_set_settle(set);
}

static void sets_are_an_algebra(void **state)
{
	(void)state;
	srand(3);
	for (int round = 0; round < 5000; round++) {
		struct span_set a = {0}, b = {0}, both = {0}, any = {0};
		struct span_set none = {0};

		random_set(&a);
		random_set(&b);
		assert_int_equal(span_set_intersect(&both, &a, &b), 0);
		assert_int_equal(span_set_unite(&any, &a, &b), 0);
		assert_int_equal(span_set_complement(&none, &a), 0);
		for (int i = 0; i < 15; i++) {
			struct point point = random_point();

			assert_int_equal(has(&both, point),
					 has(&a, point) && has(&b, point));
			assert_int_equal(has(&any, point),
					 has(&a, point) || has(&b, point));
			assert_int_equal(has(&none, point), !has(&a, point));
		}
		span_set_fini(&a);
		span_set_fini(&b);
		span_set_fini(&both);
		span_set_fini(&any);
		span_set_fini(&none);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fewest_prefixes_are_told),
		cmocka_unit_test(families_do_not_run_into_each_other),
		cmocka_unit_test(prefix_around_ipv4_has_none_of_it),
		cmocka_unit_test(sets_are_an_algebra),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
