// SPDX-License-Identifier: BSD-2-Clause
#include "routed/memory_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void text_is_read_as_it_was(void **state)
{
	char text[16] = "";
	int fd = memory_file_make("rules: []", 9);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 9);
	assert_string_equal(text, "rules: []");
	close(fd);
}

static void text_cannot_be_changed(void **state)
{
	int fd = memory_file_make("rules: []", 9);

	(void)state;
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read_as_it_was),
		cmocka_unit_test(text_cannot_be_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
