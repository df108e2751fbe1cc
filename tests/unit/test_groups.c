// SPDX-License-Identifier: BSD-2-Clause
#include "routed/groups.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void group_and_what_is_below_it_is_exempt(void **state)
{
	const char *groups[] = {"/system.slice/tor.service", "/guests"};
	const struct config config = {
		.routed.exempt = {.cgroups = groups, .cgroup_count = 2},
	};

	(void)state;
	assert_true(groups_exempt(&config, "/system.slice/tor.service"));
	assert_true(groups_exempt(&config, "/guests/a/b"));
	assert_false(groups_exempt(&config, "/guests2"));
	assert_false(groups_exempt(&config, "/system.slice"));
	assert_false(groups_exempt(&config, "/a/guests"));
	assert_false(groups_exempt(&config, ""));
}

static void group_is_a_folder_of_that_name(void **state)
{
	char root[] = "/tmp/ersatz-groups-XXXXXX";
	char path[PATH_MAX];

	(void)state;
	assert_non_null(mkdtemp(root));
	assert_false(groups_have(root, "/a"));
	snprintf(path, sizeof(path), "%s/a", root);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(groups_have(root, "/a"));
	assert_false(groups_have(root, "/a/b"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(root), 0);
}

static void nothing_is_opened_for_no_group(void **state)
{
	const struct config config = {0};
	char why[GROUPS_WHY_SIZE];
	struct groups *groups;

	(void)state;
	assert_int_equal(groups_open(&groups, NULL, &config, why), 0);
	assert_null(groups);
	groups_set_config(groups, &config);
	groups_close(groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(group_and_what_is_below_it_is_exempt),
		cmocka_unit_test(group_is_a_folder_of_that_name),
		cmocka_unit_test(nothing_is_opened_for_no_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
