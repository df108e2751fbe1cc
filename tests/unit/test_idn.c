// SPDX-License-Identifier: BSD-2-Clause
#include "common/idn.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void labels_that_are_not_ascii_become_punycode(void **state)
{
	/* The first two are of RFC 5891 and RFC 3492's readers. */
	static const struct {
		const char *text, *ascii;
	} rows[] = {
		{"b\xc3\xbc"
		 "cher.example",
		 "xn--bcher-kva.example"},
		{"B\xc3\x9c"
		 "CHER.example",
		 "xn--bcher-kva.example"},
		{"fa\xc3\x9f.example", "xn--fa-hia.example"},
		{"\xe4\xb8\xad\xe5\x9b\xbd", "xn--fiqs8s"},
		{"*.\xe4\xb8\xad\xe5\x9b\xbd", "*.xn--fiqs8s"},
		{"a_b.\xd1\x80\xd1\x84.", "a_b.xn--p1ai."},
		{"www.example.com", "www.example.com"},
		{"", ""},
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(idn_to_ascii(rows[i].text, out, sizeof(out)),
				 0);
		assert_string_equal(out, rows[i].ascii);
	}
}

static void what_has_no_form_is_refused(void **state)
{
	char out[256], longest[400];

	(void)state;
	/* No UTF-8; a mark without a letter; one label of 200 characters. */
	assert_int_equal(idn_to_ascii("\xff.example", out, sizeof(out)),
			 -EINVAL);
	assert_int_equal(idn_to_ascii("\xcc\x81.example", out, sizeof(out)),
			 -EINVAL);
	for (size_t i = 0; i < 200; i++)
		memcpy(longest + 2 * i, "\xc3\xbc", 2);
	longest[399] = '\0';
	assert_int_equal(idn_to_ascii(longest, out, sizeof(out)), -EINVAL);
	assert_int_equal(idn_to_ascii("example", out, 4), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_that_are_not_ascii_become_punycode),
		cmocka_unit_test(what_has_no_form_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
