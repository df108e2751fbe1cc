// SPDX-License-Identifier: BSD-2-Clause
#include "routed/rival.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void third_repair_in_a_row_is_told(void **state)
{
	struct rival rival = {0};

	(void)state;
	assert_false(rival_note(&rival, 1000));
	assert_false(rival_note(&rival, 1100));
	assert_int_equal(rival_spacing_ms(&rival, 1100), 0);
	assert_true(rival_note(&rival, 1200));
	/* From now on one a second, and quietly. */
	assert_int_equal(rival_spacing_ms(&rival, 1300), 900);
	assert_int_equal(rival_spacing_ms(&rival, 2200), 0);
	assert_false(rival_note(&rival, 2200));
}

static void pause_ends_the_row(void **state)
{
	struct rival rival = {0};

	(void)state;
	assert_false(rival_note(&rival, 0));
	assert_false(rival_note(&rival, 20000));
	assert_false(rival_note(&rival, 40000));
	assert_false(rival_note(&rival, 40100));
	assert_true(rival_note(&rival, 40200));
}

static void warning_comes_again_after_ten_minutes(void **state)
{
	struct rival rival = {0};
	unsigned told = 0;

	(void)state;
	for (int64_t now_ms = 0; now_ms < 3 * RIVAL_WARN_MS; now_ms += 1000)
		told += rival_note(&rival, now_ms);
	assert_int_equal(told, 3);
}

static void remover_has_the_name_of_its_process(void **state)
{
	char name[RIVAL_NAME_SIZE];
	char number[32];

	(void)state;
	rival_name((uint32_t)getpid(), name, sizeof(name));
	snprintf(number, sizeof(number), "(process %d)", getpid());
	assert_non_null(strstr(name, "test_rival"));
	assert_non_null(strstr(name, number));
	rival_name(0xfffffff0U, name, sizeof(name));
	assert_non_null(strstr(name, access("/run/systemd/netif/links", F_OK)
					     ? "another program"
					     : "systemd-networkd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(third_repair_in_a_row_is_told),
		cmocka_unit_test(pause_ends_the_row),
		cmocka_unit_test(warning_comes_again_after_ten_minutes),
		cmocka_unit_test(remover_has_the_name_of_its_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
