// SPDX-License-Identifier: BSD-2-Clause
/*
 * A real folder and the real kernel; the loop runs until it is told, or until
 * nothing but the timer of a positive control is left.
 */
#include "common/file_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct stage {
	char folder[64];
	struct ev_loop *loop;
	struct file_watch *watch;
	unsigned told;
};

static void on_change(void *ctx)
{
	struct stage *stage = ctx;

	stage->told++;
	ev_break(stage->loop, EVBREAK_ALL);
}

static const char *file_in(const struct stage *stage, const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", stage->folder, name);
	return path[turn];
}

static void write_file(const struct stage *stage, const char *name,
		       const char *text)
{
	FILE *out = fopen(file_in(stage, name), "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void watch_file(struct stage *stage, const char *name)
{
	const char *path = file_in(stage, name);

	assert_int_equal(file_watch_add(stage->watch, path, strlen(path)), 0);
}

static int set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	assert_non_null(stage);
	strcpy(stage->folder, "/tmp/ersatz-watch-XXXXXX");
	assert_non_null(mkdtemp(stage->folder));
	stage->loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(stage->loop);
	write_file(stage, "list", "a\n");
	assert_int_equal(
		file_watch_new(&stage->watch, stage->loop, on_change, stage),
		0);
	watch_file(stage, "list");
	*state = stage;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"list", "other", "new", "link"};
	struct stage *stage = *state;

	file_watch_free(stage->watch);
	ev_loop_destroy(stage->loop);
	for (size_t i = 0; i < 4; i++)
		(void)unlink(file_in(stage, names[i]));
	assert_int_equal(rmdir(stage->folder), 0);
	free(stage);
	return 0;
}

static void each_way_to_change_a_file_is_told_once(void **state)
{
	struct stage *stage = *state;

	write_file(stage, "list", "b\n");
	write_file(stage, "list", "c\n");
	ev_run(stage->loop, 0);
	assert_int_equal(stage->told, 1);

	write_file(stage, "new", "d\n");
	assert_int_equal(rename(file_in(stage, "new"), file_in(stage, "list")),
			 0);
	ev_run(stage->loop, 0);
	assert_int_equal(stage->told, 2);

	assert_int_equal(unlink(file_in(stage, "list")), 0);
	ev_run(stage->loop, 0);
	assert_int_equal(stage->told, 3);

	write_file(stage, "list", "e\n");
	ev_run(stage->loop, 0);
	assert_int_equal(stage->told, 4);
}

/* The change that is told shows that the one before was passed over. */
static void other_files_of_the_folder_do_not_count(void **state)
{
	struct stage *stage = *state;

	write_file(stage, "other", "x\n");
	ev_run(stage->loop, EVRUN_NOWAIT);
	assert_int_equal(stage->told, 0);
	file_watch_clear(stage->watch);
	watch_file(stage, "other");
	write_file(stage, "list", "y\n");
	ev_run(stage->loop, EVRUN_NOWAIT);
	assert_int_equal(stage->told, 0);
	write_file(stage, "other", "y\n");
	ev_run(stage->loop, 0);
	assert_int_equal(stage->told, 1);
}

/* Whoever reads a list again sets the watch anew, and may have read too early.
 */
static void what_is_dropped_is_told_when_it_had_changed(void **state)
{
	struct stage *stage = *state;

	write_file(stage, "other", "x\n");
	write_file(stage, "list", "b\n");
	file_watch_clear(stage->watch);
	watch_file(stage, "other");
	ev_run(stage->loop, 0);
	assert_int_equal(stage->told, 1);
}

static void target_of_a_link_counts(void **state)
{
	struct stage *stage = *state;
	char folder[] = "/tmp/ersatz-watch-XXXXXX", target[64];
	FILE *out;

	assert_non_null(mkdtemp(folder));
	snprintf(target, sizeof(target), "%s/target", folder);
	out = fopen(target, "w");
	assert_non_null(out);
	fclose(out);
	assert_int_equal(symlink(target, file_in(stage, "link")), 0);
	file_watch_clear(stage->watch);
	watch_file(stage, "link");
	out = fopen(target, "w");
	assert_non_null(out);
	fclose(out);
	ev_run(stage->loop, 0);
	assert_int_equal(stage->told, 1);
	assert_int_equal(unlink(target), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void folder_that_is_missing_is_an_error(void **state)
{
	struct stage *stage = *state;
	static const char path[] = "/nowhere/at/all/list";

	assert_int_equal(file_watch_add(stage->watch, path, strlen(path)),
			 -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_way_to_change_a_file_is_told_once),
		TEST(other_files_of_the_folder_do_not_count),
		TEST(what_is_dropped_is_told_when_it_had_changed),
		TEST(target_of_a_link_counts),
		TEST(folder_that_is_missing_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
