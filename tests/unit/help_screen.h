// SPDX-License-Identifier: BSD-2-Clause
/*
 * help_screen.h - does --help fit a terminal of 24 lines and 80 columns?
 *
 * Included behind cmocka.h, by the tests of the options of both daemons.
 */
#ifndef ERSATZ_TESTS_UNIT_HELP_SCREEN_H
#define ERSATZ_TESTS_UNIT_HELP_SCREEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void assert_help_fits(void (*print_help)(FILE *out))
{
	/* A line has the folder of this installation in it. */
	const size_t width = 80 + strlen(SYSCONFDIR) - strlen("/etc");
	size_t lines = 0, column = 0;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	print_help(out);
	fclose(out);
	for (size_t i = 0; i < length; i++) {
		column = text[i] == '\n' ? 0 : column + 1;
		lines += text[i] == '\n';
		assert_true(column <= width);
	}
	assert_true(lines > 10 && lines <= 23);
	free(text);
}

#endif
