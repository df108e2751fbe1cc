// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/allowed.h"

#include "tests/unit/forbidden_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cmocka.h>

static void enter(void)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	allowed_enter();
}

static long make_raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, 1);
}

static long make_netfilter_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 12);
}

static void what_dnsd_never_does_ends_it(void **state)
{
	static const struct forbidden_call more[] = {
		{"socket", make_raw_socket, false},
		{"socket", make_netfilter_socket, false},
		{NULL, NULL, false},
	};

	(void)state;
	forbidden_all_kill(forbidden_calls, enter);
	forbidden_all_kill(more, enter);
}

static void what_dnsd_does_goes_on(void **state)
{
	(void)state;
	forbidden_usual_is_allowed(enter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_dnsd_never_does_ends_it),
		cmocka_unit_test(what_dnsd_does_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
