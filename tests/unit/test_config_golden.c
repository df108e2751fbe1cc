// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each tests/golden/config/NAME.yaml is loaded, and what is told of it must be
 * NAME.txt, to the letter: these lines are all that a user gets.  Those of
 * the name "warning-..." load, the others do not.
 *
 * With ERSATZ_GOLDEN_WRITE set the .txt files are written instead.
 * ERSATZ_SOURCE is the top of the tree; make sets it.
 */
#include "common/config.h"
#include "common/err.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char *told_of(const char *file)
{
	struct config *config = NULL;
	struct diag diag;
	char *text, *told = NULL;
	size_t length, size;
	FILE *out = open_memstream(&told, &size);
	int ret;

	assert_non_null(out);
	diag_init(&diag);
	ret = config_read(&text, &length, file, &diag);
	assert_int_equal(ret, 0);
	ret = config_load(&config, text, length, file, &diag);
	free(text);
	if (!strncmp(file, "warning-", strlen("warning-"))) {
		assert_int_equal(ret, 0);
		assert_int_equal(diag.errors, 0);
		config_free(config);
	} else {
		assert_int_equal(ret, ERR_CONFIG);
		assert_true(diag.errors > 0);
	}
	diag_print(&diag, out);
	fclose(out);
	diag_fini(&diag);
	return told;
}

static void compare(const char *file, const char *told)
{
	char golden[256], expected[16384];
	size_t length = strlen(file) - strlen(".yaml");
	FILE *in;

	snprintf(golden, sizeof(golden), "%.*s.txt", (int)length, file);
	if (getenv("ERSATZ_GOLDEN_WRITE")) {
		in = fopen(golden, "w");
		assert_non_null(in);
		fputs(told, in);
		fclose(in);
		return;
	}
	in = fopen(golden, "r");
	if (!in)
		fail_msg("there is no '%s'", golden);
	length = fread(expected, 1, sizeof(expected) - 1, in);
	expected[length] = '\0';
	fclose(in);
	assert_string_equal(told, expected);
}

static void each_broken_config_is_told_as_written(void **state)
{
	const char *top = getenv("ERSATZ_SOURCE");
	char folder[4096];
	glob_t files;

	(void)state;
	assert_non_null(top);
	snprintf(folder, sizeof(folder), "%s/tests/golden/config", top);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(glob("*.yaml", 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= 30);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		char *told = told_of(files.gl_pathv[i]);

		compare(files.gl_pathv[i], told);
		free(told);
	}
	globfree(&files);
}

/* What it expects is that of a build with everything in it. */
#if defined(HAVE_PCRE2) && defined(HAVE_MAXMINDDB)
enum { SKIPPED = 0 };
#else
enum { SKIPPED = 77 }; /* of automake */
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_broken_config_is_told_as_written),
	};

	if (SKIPPED)
		return SKIPPED;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
