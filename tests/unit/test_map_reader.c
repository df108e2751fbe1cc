// SPDX-License-Identifier: BSD-2-Clause
/* The reader: beside a writer, before it, after it, with less privilege. */
#include "common/err.h"
#include "common/map.h"
#include "tests/unit/map_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_finds(struct map_reader *reader, uint32_t slot)
{
	struct map_row row, expected = fixture_row(slot);

	assert_int_equal(map_reader_by_slot(reader, slot, &row), 1);
	assert_int_equal(row.slot, slot);
	assert_int_equal(row.created_ms, expected.created_ms);
	assert_true(name_equal(&row.name, &expected.name));
}

static void before_the_file_is_there_it_is_enoent(void **state)
{
	struct fixture *fixture = *state;
	struct map_reader *reader = NULL;

	assert_int_equal(
		map_reader_open(&reader, fixture->path, fixture->reason),
		-ENOENT);
	assert_non_null(strstr(fixture->reason, "dnsd makes it"));
	assert_int_equal(fixture_count(fixture, "map.db", NULL), 0);
}

static void row_is_seen_as_soon_as_it_was_added(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct map_reader *reader = fixture_reader(fixture);
	struct map_row row;

	for (uint32_t slot = 3; slot < 300; slot++) {
		assert_int_equal(map_reader_by_slot(reader, slot, &row), 0);
		fixture_add(map, slot, slot + 1);
		assert_finds(reader, slot);
	}
	map_close(map);
	assert_finds(reader, 299);
	map_reader_close(reader);
}

static void name_leads_to_its_row(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct map_reader *reader = fixture_reader(fixture);
	struct map_row row;
	struct name name;

	fixture_add(map, 3, 100);
	assert_int_equal(name_parse(&name, "HOST77.Example."), 0);
	assert_int_equal(map_reader_by_name(reader, &name, &row), 1);
	assert_int_equal(row.slot, 77);
	assert_int_equal(name_parse(&name, "host100.example"), 0);
	assert_int_equal(map_reader_by_name(reader, &name, &row), 0);
	map_reader_close(reader);
	map_close(map);
}

static void pool_is_the_one_the_map_was_made_with(void **state)
{
	struct fixture *fixture = *state;
	struct fake_pool pool;
	struct map_reader *reader;

	assert_int_equal(prefix_parse(&fixture->pool.ipv4, "10.7.0.0/20"), 0);
	fixture->pool.ipv6 = (struct prefix){0};
	map_close(fixture_open(fixture, 0));
	reader = fixture_reader(fixture);
	map_reader_pool(reader, &pool);
	assert_memory_equal(&pool, &fixture->pool, sizeof(pool));
	map_reader_close(reader);
}

/* Each call adds a row behind the one it is called with. */
struct growing {
	struct map *map;
	uint32_t calls;
};

static int add_while_reading(void *ctx, const struct map_row *row)
{
	struct growing *growing = ctx;

	growing->calls++;
	if (row->slot < 1000)
		fixture_add(growing->map, row->slot + 10000, row->slot + 10001);
	return 0;
}

static void each_row_is_told_while_the_writer_goes_on(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct map_reader *reader = fixture_reader(fixture);
	struct growing growing = {map, 0};

	fixture_add(map, 3, 1000);
	assert_int_equal(map_reader_each(reader, add_while_reading, &growing),
			 0);
	assert_true(growing.calls >= 997 && growing.calls <= 2 * 997);
	map_reader_close(reader);
	map_close(map);
}

static void rows_of_a_killed_writer_are_read(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_apart(fixture, 0, fixture_die_with_rows),
			 -SIGKILL);
	struct map_reader *reader = fixture_reader(fixture);
	for (uint32_t slot = 3; slot < 100; slot++)
		assert_finds(reader, slot);
	/* And the next writer begins beside it. */
	struct map *map = fixture_open(fixture, 0);
	fixture_add(map, 100, 101);
	assert_finds(reader, 100);
	map_close(map);
	map_reader_close(reader);
}

static int find_as_group(struct fixture *fixture)
{
	struct map_reader *reader = NULL;
	struct map_row row;

	if (map_reader_open(&reader, fixture->path, fixture->reason) < 0)
		return 1;
	if (map_reader_by_slot(reader, 50, &row) != 1)
		return 2;
	if (map_reader_by_slot(reader, 5000, &row) != 0)
		return 3;
	map_reader_close(reader);
	return 0;
}

/* The folder is root's, and nobody's group may read: as dnsd makes it. */
static void give_to_group(struct fixture *fixture)
{
	static const char *const names[] = {"map.db", "map.db-wal",
					    "map.db-shm"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(
			chown(fixture_in(fixture, names[i]), 0, NOBODY), 0);
	assert_int_equal(chown(fixture->folder, 0, NOBODY), 0);
	assert_int_equal(chmod(fixture->folder, 0750), 0);
}

static void group_reads_beside_the_writer(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	struct map *map = fixture_open(fixture, 0);
	fixture_add(map, 3, 100);
	give_to_group(fixture);
	assert_int_equal(fixture_apart(fixture, NOBODY, find_as_group), 0);
	map_close(map);
}

static void group_reads_after_a_clean_stop(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	struct map *map = fixture_open(fixture, 0);
	fixture_add(map, 3, 100);
	map_close(map);
	give_to_group(fixture);
	assert_int_equal(fixture_apart(fixture, NOBODY, find_as_group), 0);
}

static void group_reads_after_a_kill(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(fixture_apart(fixture, 0, fixture_die_with_rows),
			 -SIGKILL);
	give_to_group(fixture);
	assert_int_equal(fixture_apart(fixture, NOBODY, find_as_group), 0);
}

static int open_as_stranger(struct fixture *fixture)
{
	struct map_reader *reader = NULL;
	int ret = map_reader_open(&reader, fixture->path, fixture->reason);

	if (ret != -EACCES)
		return 1;
	return strstr(fixture->reason, "folder") ? 0 : 2;
}

static void stranger_is_told_about_the_folder(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	map_close(fixture_open(fixture, 0));
	assert_int_equal(chmod(fixture->folder, 0750), 0);
	assert_int_equal(fixture_apart(fixture, NOBODY, open_as_stranger), 0);
}

static void file_put_in_place_of_ours_is_followed(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct map_reader *reader = fixture_reader(fixture);
	struct map_row row;

	fixture_add(map, 3, 10);
	assert_finds(reader, 3);
	map_close(map);
	assert_int_equal(rename(fixture->path, fixture_in(fixture, "old")), 0);
	assert_int_equal(unlink(fixture_in(fixture, "map.db-wal")), 0);
	assert_int_equal(unlink(fixture_in(fixture, "map.db-shm")), 0);
	/* Gone: no stale answer, and no answer. */
	assert_int_equal(map_reader_by_slot(reader, 3, &row), -ENOENT);
	assert_int_equal(map_reader_by_slot(reader, 3, &row), -ENOENT);
	map = fixture_open(fixture, 0);
	assert_int_equal(map_reader_by_slot(reader, 3, &row), 0);
	fixture_add(map, 5, 6);
	assert_finds(reader, 5);
	map_close(map);
	map_reader_close(reader);
}

static void newer_or_foreign_file_is_not_read(void **state)
{
	struct fixture *fixture = *state;
	struct map_reader *reader = NULL;

	map_close(fixture_open(fixture, 0));
	fixture_edit(fixture, "PRAGMA user_version = 2");
	assert_int_equal(
		map_reader_open(&reader, fixture->path, fixture->reason),
		ERR_NEWER);
	fixture_edit(fixture, "PRAGMA application_id = 0");
	assert_int_equal(
		map_reader_open(&reader, fixture->path, fixture->reason),
		ERR_NOT_MAP);
	assert_int_equal(truncate(fixture->path, 0), 0);
	assert_int_equal(truncate(fixture_in(fixture, "map.db-wal"), 0), 0);
	FILE *file = fopen(fixture->path, "we");
	assert_non_null(file);
	fputs("this is a text file and no map at all", file);
	fclose(file);
	assert_int_equal(
		map_reader_open(&reader, fixture->path, fixture->reason),
		ERR_NOT_MAP);
}

static void row_that_is_no_name_is_an_error_and_no_answer(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct map_reader *reader = fixture_reader(fixture);
	struct map_row row;

	fixture_add(map, 3, 10);
	fixture_edit(fixture, "UPDATE name SET name = 'a..b' WHERE slot = 5");
	assert_int_equal(map_reader_by_slot(reader, 5, &row), ERR_CORRUPT);
	assert_finds(reader, 6);
	map_reader_close(reader);
	map_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(before_the_file_is_there_it_is_enoent),
		MAP_TEST(row_is_seen_as_soon_as_it_was_added),
		MAP_TEST(name_leads_to_its_row),
		MAP_TEST(pool_is_the_one_the_map_was_made_with),
		MAP_TEST(each_row_is_told_while_the_writer_goes_on),
		MAP_TEST(rows_of_a_killed_writer_are_read),
		MAP_TEST(group_reads_beside_the_writer),
		MAP_TEST(group_reads_after_a_clean_stop),
		MAP_TEST(group_reads_after_a_kill),
		MAP_TEST(stranger_is_told_about_the_folder),
		MAP_TEST(file_put_in_place_of_ours_is_followed),
		MAP_TEST(newer_or_foreign_file_is_not_read),
		MAP_TEST(row_that_is_no_name_is_an_error_and_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
