// SPDX-License-Identifier: BSD-2-Clause
#include "routed/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int succeed(const void *ctx, const char **what)
{
	*what = "all of it";
	return *(const int *)ctx;
}

static int look_for_descriptors(const void *ctx, const char **what)
{
	*what = "looking";
	return fcntl(*(const int *)ctx, F_GETFD) < 0 ? -errno : 0;
}

static int die(const void *ctx, const char **what)
{
	(void)ctx;
	(void)what;
	_exit(0);
}

static int result_of(trial_fn fn, const void *ctx, char *what)
{
	struct trial *trial;
	int ret;

	assert_int_equal(trial_start(&trial, fn, ctx), 0);
	ret = trial_result(trial, what);
	trial_free(trial);
	/* Nobody is left for us to reap. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return ret;
}

static void its_result_is_told(void **state)
{
	const int value = -ENOTUNIQ;
	char what[TRIAL_WHAT_SIZE];

	(void)state;
	assert_int_equal(result_of(succeed, &value, what), -ENOTUNIQ);
	assert_string_equal(what, "all of it");
}

static void it_has_none_of_our_descriptors(void **state)
{
	char what[TRIAL_WHAT_SIZE];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(result_of(look_for_descriptors, &ends[1], what),
			 -EBADF);
	close(ends[0]);
	close(ends[1]);
}

static void one_that_dies_is_an_error(void **state)
{
	char what[TRIAL_WHAT_SIZE];

	(void)state;
	assert_int_equal(result_of(die, NULL, what), -EIO);
}

static void one_that_nobody_asks_is_no_trouble(void **state)
{
	const int value = 0;
	struct trial *trial;

	(void)state;
	assert_int_equal(trial_start(&trial, succeed, &value), 0);
	trial_free(trial);
	trial_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_result_is_told),
		cmocka_unit_test(it_has_none_of_our_descriptors),
		cmocka_unit_test(one_that_dies_is_an_error),
		cmocka_unit_test(one_that_nobody_asks_is_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
