// SPDX-License-Identifier: BSD-2-Clause
/*
 * own_network.h - a network namespace of this process alone, for a test that
 * asks the real kernel where it may and does without where it may not.
 *
 * As the set-up of a group of tests: cmocka_run_group_tests(tests,
 * own_network_enter, NULL).
 */
#ifndef ERSATZ_TESTS_UNIT_OWN_NETWORK_H
#define ERSATZ_TESTS_UNIT_OWN_NETWORK_H

#include <sched.h>
#include <stdbool.h>

static bool has_own_network;

static int own_network_enter(void **state)
{
	(void)state;
	has_own_network = unshare(CLONE_NEWNET) == 0;
	return 0;
}

#endif
