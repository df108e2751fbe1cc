// SPDX-License-Identifier: BSD-2-Clause
#include "routed/firewall.h"

#include "common/err.h"
#include "tests/unit/fake_nft.h"
#include "tests/unit/fib_model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OPEN_TEXT "\tcomment \"" TABLE_COMMENT_OPEN "\"\n\tone\n"
#define CLOSED_TEXT "\tcomment \"" TABLE_COMMENT_CLOSED "\"\n\ttwo\n"
#define GUARD_TEXT "\tcomment \"" TABLE_COMMENT_GUARD "\"\n\tthree\n"

static char why[FIREWALL_WHY_SIZE];

static int setup(void **state)
{
	static struct firewall firewall;

	memset(&firewall, 0, sizeof(firewall));
	fake_nft_reset();
	why[0] = '\0';
	*state = &firewall;
	return 0;
}

static int teardown(void **state)
{
	firewall_fini(*state);
	return 0;
}

static enum firewall_kind look(struct firewall *firewall)
{
	enum firewall_kind kind;

	assert_int_equal(firewall_look(firewall, &kind, why), 0);
	return kind;
}

static void two_tables_are_put_in_and_removed(void **state)
{
	struct firewall *f = *state;

	assert_int_equal(look(f), FIREWALL_NONE);
	assert_int_equal(firewall_put(f, OPEN_TEXT, why), 0);
	assert_int_equal(look(f), FIREWALL_OPEN);
	assert_non_null(strstr(fake_nft.live.text, "flags owner\n"));
	assert_null(strstr(fake_nft.plain.text, "flags owner\n"));
	assert_int_equal(firewall_put(f, CLOSED_TEXT, why), 0);
	assert_int_equal(look(f), FIREWALL_CLOSED);
	assert_non_null(strstr(fake_nft.live.text, "two"));
	assert_int_equal(firewall_remove(f, NULL, why), 1);
	assert_false(fake_nft.plain.is_there || fake_nft.live.is_there);
	assert_int_equal(firewall_remove(f, NULL, why), 0);
}

static void flush_takes_one_and_it_is_put_back(void **state)
{
	struct firewall *f = *state;

	assert_int_equal(firewall_put(f, CLOSED_TEXT, why), 0);
	assert_int_equal(firewall_has_changed(f, why), 0);
	fake_nft_flush();
	assert_true(fake_nft.live.is_there);
	assert_int_equal(firewall_has_changed(f, why), 1);
	assert_int_equal(firewall_put(f, CLOSED_TEXT, why), 0);
	assert_int_equal(firewall_has_changed(f, why), 0);
	/* A rule of it that somebody removed counts too. */
	fake_nft.plain.text[strlen(fake_nft.plain.text) - 2] = '\0';
	assert_int_equal(firewall_has_changed(f, why), 1);
}

static void table_of_somebody_else_is_left_alone(void **state)
{
	struct firewall *f = *state;

	fake_nft.plain.is_there = true;
	strcpy(fake_nft.plain.text, "chain theirs { }");
	assert_int_equal(look(f), FIREWALL_FOREIGN);
	assert_int_equal(firewall_put(f, OPEN_TEXT, why), ERR_FOREIGN);
	assert_non_null(strstr(why, "another program has the nftables table"));
	assert_int_equal(firewall_remove(f, NULL, why), 0);
	assert_int_equal(firewall_remove(f, GUARD_TEXT, why), 0);
	assert_true(fake_nft.plain.is_there);
	assert_int_equal(fake_nft.changes, 0);
}

static void guard_takes_the_place_of_the_table(void **state)
{
	struct firewall *f = *state;

	assert_int_equal(firewall_put(f, OPEN_TEXT, why), 0);
	assert_int_equal(firewall_remove(f, GUARD_TEXT, why), 1);
	assert_int_equal(look(f), FIREWALL_GUARD);
	assert_false(fake_nft.live.is_there);
	assert_int_equal(firewall_remove(f, NULL, why), 1);
	assert_int_equal(look(f), FIREWALL_NONE);
}

static void old_kernel_does_with_one_table(void **state)
{
	struct firewall *f = *state;

	fake_nft.is_without_owner = true;
	assert_int_equal(firewall_put(f, OPEN_TEXT, why), 0);
	assert_int_equal(look(f), FIREWALL_OPEN);
	assert_int_equal(firewall_put(f, CLOSED_TEXT, why), 0);
	assert_false(fake_nft.live.is_there);
	assert_int_equal(firewall_has_changed(f, why), 0);
}

static void one_more_destination_goes_to_both(void **state)
{
	struct firewall *f = *state;
	const struct prefix end = prefix_of("203.0.113.9");
	unsigned changes;

	assert_int_equal(firewall_put(f, CLOSED_TEXT, why), 0);
	changes = fake_nft.changes;
	assert_int_equal(firewall_add_direct(f, &end, why), 0);
	assert_int_equal(fake_nft.changes, changes + 2);
	assert_string_equal(fake_nft.element, "direct4 { 203.0.113.9/32 }");
	assert_int_equal(firewall_has_changed(f, why), 0);
}

static void what_was_refused_is_counted_over_replacements(void **state)
{
	struct firewall *f = *state;
	struct firewall_counters counters = {.pool_in = 1};

	firewall_parse_counters(&counters,
				"\tcounter pool_out {\n\t\tpackets 5 bytes 9\n"
				"\t}\n\tcounter pool_in {\n\t\tpackets 6 bytes "
				"9\n\t}\n");
	assert_int_equal(counters.pool_out, 5);
	assert_int_equal(counters.pool_in, 7);
	assert_int_equal(counters.closed, 0);
	/* Three in each of the two tables. */
	assert_int_equal(firewall_put(f, CLOSED_TEXT, why), 0);
	assert_int_equal(firewall_counters(f).closed, 6);
	assert_int_equal(firewall_put(f, CLOSED_TEXT, why), 0);
	assert_int_equal(firewall_counters(f).closed, 12);
}

static void what_nft_says_is_told(void **state)
{
	struct firewall *f = *state;

	fake_nft.failure = -EPERM;
	assert_int_equal(firewall_put(f, OPEN_TEXT, why), -EPERM);
	assert_non_null(strstr(why, "cannot make the nftables table: Error: "));
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(two_tables_are_put_in_and_removed),
		CLAIM(flush_takes_one_and_it_is_put_back),
		CLAIM(table_of_somebody_else_is_left_alone),
		CLAIM(guard_takes_the_place_of_the_table),
		CLAIM(old_kernel_does_with_one_table),
		CLAIM(one_more_destination_goes_to_both),
		CLAIM(what_was_refused_is_counted_over_replacements),
		CLAIM(what_nft_says_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
