// SPDX-License-Identifier: BSD-2-Clause
#include "common/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void own_codes_have_a_text_of_their_own(void **state)
{
	(void)state;
	for (int a = ERR_POOL; a <= ERR_CONFIG; a++) {
		for (int b = a + 1; b <= ERR_CONFIG; b++)
			assert_string_not_equal(err_text(a), err_text(b));
	}
}

static void errno_has_the_text_of_the_system(void **state)
{
	(void)state;
	assert_string_equal(err_text(-ENOENT), strerror(ENOENT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_codes_have_a_text_of_their_own),
		cmocka_unit_test(errno_has_the_text_of_the_system),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
