// SPDX-License-Identifier: BSD-2-Clause
#include "routed/allowed.h"

#include "tests/unit/forbidden_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void enter(enum allowed_process process)
{
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	allowed_enter(process);
}

static void enter_parent(void)
{
	enter(ALLOWED_PARENT);
}

static void enter_spawner(void)
{
	enter(ALLOWED_SPAWNER);
}

static void enter_relay(void)
{
	enter(ALLOWED_RELAY);
}

/* As a relay has both. */
static void enter_both(void)
{
	enter(ALLOWED_SPAWNER);
	enter(ALLOWED_RELAY);
}

static long make_raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, 1);
}

static long make_netfilter_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 12);
}

static long make_listen(void)
{
	return listen(-1, 1);
}

static long make_rename(void)
{
	return renameat(-1, "", -1, "");
}

static long make_unlink(void)
{
	return unlinkat(-1, "", 0);
}

static const struct forbidden_call of_relay[] = {
	{"socket", make_raw_socket, false},
	{"socket", make_netfilter_socket, false},
	{"listen", make_listen, false},
	{"renameat", make_rename, false},
	{"unlinkat", make_unlink, false},
	{NULL, NULL, false},
};

static void what_the_parent_never_does_ends_it(void **state)
{
	(void)state;
	forbidden_all_kill(forbidden_calls, enter_parent);
}

static void what_a_relay_never_does_ends_it(void **state)
{
	(void)state;
	forbidden_all_kill(forbidden_calls, enter_relay);
	forbidden_all_kill(of_relay, enter_relay);
	forbidden_all_kill(of_relay, enter_both);
}

/* It makes and kills relays, and does nothing else that they do not. */
static void what_the_spawner_never_does_ends_it(void **state)
{
	(void)state;
	for (size_t i = 0; forbidden_calls[i].name; i++) {
		const char *name = forbidden_calls[i].name;
		bool may = strcmp(name, "execve") == 0 ||
			   strcmp(name, "clone") == 0 ||
			   strcmp(name, "kill") == 0;
#ifdef __SANITIZE_ADDRESS__
		may = may || forbidden_calls[i].is_sanitizers;
#endif
		if (forbidden_kills(&forbidden_calls[i], enter_spawner) == may)
			fail_msg("%s: %s", name, may ? "kills" : "is allowed");
	}
	forbidden_all_kill(of_relay, enter_spawner);
}

static void what_they_do_goes_on(void **state)
{
	(void)state;
	forbidden_usual_is_allowed(enter_parent);
	forbidden_usual_is_allowed(enter_spawner);
	forbidden_usual_is_allowed(enter_relay);
	forbidden_usual_is_allowed(enter_both);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_parent_never_does_ends_it),
		cmocka_unit_test(what_a_relay_never_does_ends_it),
		cmocka_unit_test(what_the_spawner_never_does_ends_it),
		cmocka_unit_test(what_they_do_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
