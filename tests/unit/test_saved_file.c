// SPDX-License-Identifier: BSD-2-Clause
/* Most of it is held by test_routed_resolvconf.c. */
#include "routed/saved_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char folder[40];
	char path[64];
};

static int setup(void **state)
{
	static struct fixture f;

	strcpy(f.folder, "/tmp/test_saved_file.XXXXXX");
	assert_non_null(mkdtemp(f.folder));
	snprintf(f.path, sizeof(f.path), "%s/file", f.folder);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	saved_file_forget(f->folder, "copy", "link");
	return rmdir(f->folder);
}

static void kind_is_a_line_and_comes_back(void **state)
{
	const struct saved_file files[] = {
		{.kind = SAVED_NONE},
		{.kind = SAVED_FILE,
		 .mode = 04755,
		 .uid = 4294967294U,
		 .gid = 7,
		 .mtime = {.tv_sec = 1700000000, .tv_nsec = 5}},
		{.kind = SAVED_LINK, .target = "../run/a file"},
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char line[256] = "";
		struct saved_file file;
		FILE *out = fmemopen(line, sizeof(line), "w");

		assert_non_null(out);
		saved_file_print_kind(&files[i], out);
		fclose(out);
		assert_int_equal(
			saved_file_parse_kind(&file, line, strlen(line)), 0);
		assert_memory_equal(&file, &files[i], sizeof(file));
	}
}

static void other_lines_are_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"\n",
		"none",
		"file 0644 0 0\n",
		"file 77777 0 0 1.5\n",
		"file 0644 0 0 1.9999999999\n",
		"linked x\n",
	};
	struct saved_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(saved_file_parse_kind(&file, lines[i],
						       strlen(lines[i])),
				 -EINVAL);
}

static void folder_and_pipe_are_no_file(void **state)
{
	struct fixture *f = *state;
	struct saved_file file;

	assert_int_equal(saved_file_read(&file, f->folder), -EINVAL);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(saved_file_read(&file, f->path), -EINVAL);
}

static void copy_of_somebody_else_is_not_loaded(void **state)
{
	struct fixture *f = *state;
	struct saved_file file = {
		.kind = SAVED_FILE,
		.text = strdup("text"),
		.length = 4,
	};
	char copy[64];

	assert_int_equal(saved_file_store(&file, f->folder, "copy", "link"), 0);
	saved_file_fini(&file);
	assert_int_equal(saved_file_load(&file, f->folder, "copy", "link"), 0);
	assert_int_equal(file.length, 4);
	saved_file_fini(&file);
	if (geteuid() != 0)
		skip();
	snprintf(copy, sizeof(copy), "%s/copy", f->folder);
	assert_int_equal(chown(copy, 65534, 65534), 0);
	assert_int_equal(saved_file_load(&file, f->folder, "copy", "link"),
			 -EPERM);
}

static void link_in_the_place_of_the_copy_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct saved_file file = {.kind = SAVED_FILE};
	struct stat st;
	char copy[64];

	snprintf(copy, sizeof(copy), "%s/copy", f->folder);
	assert_int_equal(symlink(f->path, copy), 0);
	assert_int_equal(saved_file_load(&file, f->folder, "copy", "link"),
			 -ELOOP);
	file.kind = SAVED_FILE;
	assert_int_equal(saved_file_store(&file, f->folder, "copy", "link"), 0);
	assert_int_equal(lstat(copy, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(access(f->path, F_OK), -1);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(kind_is_a_line_and_comes_back),
		CLAIM(other_lines_are_refused),
		CLAIM(folder_and_pipe_are_no_file),
		CLAIM(copy_of_somebody_else_is_not_loaded),
		CLAIM(link_in_the_place_of_the_copy_is_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
