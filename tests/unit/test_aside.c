// SPDX-License-Identifier: BSD-2-Clause
#include "common/aside.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct {
	struct ev_loop *loop;
	struct aside *aside;
	pthread_t worker;
	sigset_t blocked;
	bool is_done;
} t;

static void work(void *ctx)
{
	(void)ctx;
	t.worker = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &t.blocked);
}

static void on_done(void *ctx)
{
	(void)ctx;
	aside_free(t.aside);
	t.is_done = true;
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.loop = ev_loop_new(EVFLAG_AUTO);
	return t.loop ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	ev_loop_destroy(t.loop);
	return 0;
}

static void start(void)
{
	assert_int_equal(aside_start(&t.aside, t.loop, work, on_done, NULL), 0);
}

static void work_is_done_beside_the_loop_which_hears_of_it(void **state)
{
	(void)state;
	start();
	ev_run(t.loop, 0);
	assert_true(t.is_done);
	assert_false(pthread_equal(t.worker, pthread_self()));
}

/* Blocked, a forbidden system call would end the process without its name. */
static void signals_stay_with_the_loop_but_that_of_the_filter(void **state)
{
	sigset_t own;

	(void)state;
	start();
	ev_run(t.loop, 0);
	assert_true(sigismember(&t.blocked, SIGTERM));
	assert_true(sigismember(&t.blocked, SIGHUP));
	assert_false(sigismember(&t.blocked, SIGSYS));
	pthread_sigmask(SIG_SETMASK, NULL, &own);
	assert_false(sigismember(&own, SIGTERM));
}

static void who_frees_it_waits_and_hears_nothing(void **state)
{
	(void)state;
	start();
	aside_free(t.aside);
	assert_true(sigismember(&t.blocked, SIGTERM));
	ev_run(t.loop, EVRUN_NOWAIT);
	assert_false(t.is_done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			work_is_done_beside_the_loop_which_hears_of_it, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			signals_stay_with_the_loop_but_that_of_the_filter,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_frees_it_waits_and_hears_nothing, set_up,
			tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
