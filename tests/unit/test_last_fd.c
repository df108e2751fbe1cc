// SPDX-License-Identifier: BSD-2-Clause
#include "routed/last_fd.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static void it_is_the_same_file_with_a_higher_number(void **state)
{
	int ends[2], low;
	char byte = 'x';

	(void)state;
	assert_int_equal(pipe(ends), 0);
	low = ends[1];
	last_fd_raise(&ends[1], 500);
	assert_true(ends[1] >= 500);
	assert_int_equal(fcntl(low, F_GETFD), -1);
	assert_int_equal(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(ends[1], &byte, 1), 1);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
}

static void a_low_limit_is_as_high_as_it_gets(void **state)
{
	struct rlimit before, low;
	int ends[2];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(pipe(ends), 0);
	last_fd_raise(&ends[1], 500);
	assert_int_equal(ends[1], 63);
	/* Where nothing is free it stays where it is. */
	last_fd_raise(&ends[0], 500);
	assert_int_not_equal(ends[0], 63);
	assert_int_not_equal(fcntl(ends[0], F_GETFD), -1);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_same_file_with_a_higher_number),
		cmocka_unit_test(a_low_limit_is_as_high_as_it_gets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
