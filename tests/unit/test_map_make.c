// SPDX-License-Identifier: BSD-2-Clause
/*
 * What may be in the place of a map: each gets a sentence with a remedy, and
 * none is overwritten.
 */
#include "common/err.h"
#include "common/map.h"
#include "tests/unit/map_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void write_file(const char *path, const void *bytes, size_t length)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
}

static void overwrite(const char *path, off_t offset, size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	char junk[4096];

	assert_true(fd >= 0 && length <= sizeof(junk));
	memset(junk, 0x5a, sizeof(junk));
	assert_int_equal(pwrite(fd, junk, length, offset), length);
	close(fd);
}

static int ignore(void *ctx, const struct map_row *row)
{
	(void)ctx;
	(void)row;
	return 0;
}

/* Opening fails so, says this, and changes no byte of the file. */
static void assert_refused(struct fixture *fixture, int expected,
			   const char *text)
{
	uint64_t before = fixture_hash(fixture->path);

	assert_null(fixture_open(fixture, expected));
	if (!strstr(fixture->reason, text))
		print_error("reason: %s\n", fixture->reason);
	assert_non_null(strstr(fixture->reason, text));
	assert_true(fixture_hash(fixture->path) == before);
	assert_int_equal(fixture_count(fixture, "map.db.", NULL), 0);
}

static void make_map(struct fixture *fixture, uint32_t rows)
{
	struct map *map = fixture_open(fixture, 0);

	assert_int_equal(map_reserve(map, 256), 0);
	fixture_add(map, 3, 3 + rows);
	map_close(map);
}

static void text_file_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char text[5000];

	memset(text, 'x', sizeof(text));
	write_file(fixture->path, text, sizeof(text));
	assert_refused(fixture, ERR_NOT_MAP, "not an SQLite file");
	write_file(fixture->path, "hello", 5);
	assert_refused(fixture, ERR_NOT_MAP, "move it away");
	write_file(fixture->path, "SQLite format 3", 16);
	assert_refused(fixture, ERR_NOT_MAP, "move it away");
}

static void database_of_another_program_is_refused(void **state)
{
	struct fixture *fixture = *state;

	fixture_edit(fixture, "PRAGMA journal_mode = WAL;"
			      "CREATE TABLE cookies (a)");
	assert_refused(fixture, ERR_NOT_MAP, "of another program");
	/* Not even files beside it. */
	assert_int_equal(fixture_count(fixture, "map.db", NULL), 1);
}

static void newer_version_is_refused(void **state)
{
	struct fixture *fixture = *state;

	make_map(fixture, 10);
	fixture_edit(fixture, "PRAGMA user_version = 2;"
			      "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_refused(fixture, ERR_NEWER, "upgrade");
}

static void newer_version_that_is_only_in_the_wal_is_refused(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *db;

	make_map(fixture, 10);
	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(
		sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_refused(fixture, ERR_NEWER, "version 2");
}

static void folder_or_link_in_its_place_is_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkdir(fixture->path, 0755), 0);
	assert_null(fixture_open(fixture, ERR_NOT_MAP));
	assert_int_equal(rmdir(fixture->path), 0);
	write_file(fixture_in(fixture, "target"), "", 0);
	assert_int_equal(symlink("target", fixture->path), 0);
	assert_null(fixture_open(fixture, ERR_NOT_MAP));
	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(mkfifo(fixture->path, 0644), 0);
	assert_null(fixture_open(fixture, ERR_NOT_MAP));
}

static void missing_folder_is_named(void **state)
{
	struct fixture *fixture = *state;

	snprintf(fixture->path, sizeof(fixture->path), "%s/no/map.db",
		 fixture->folder);
	assert_null(fixture_open(fixture, -ENOENT));
	assert_non_null(strstr(fixture->reason, "make it"));
}

static void other_pool_is_refused_with_the_old_one_named(void **state)
{
	struct fixture *fixture = *state;

	make_map(fixture, 10);
	assert_int_equal(prefix_parse(&fixture->pool.ipv4, "10.0.0.0/15"), 0);
	assert_refused(fixture, ERR_POOL, "198.18.0.0/15");
	fixture->pool = fake_pool_default();
	assert_int_equal(prefix_parse(&fixture->pool.ipv6, "fd00::/48"), 0);
	assert_refused(fixture, ERR_POOL, "2001:2::/48");
}

/* Every IPv6 pool that has room for the slots, as ersatz.yaml(5) says. */
static void narrowest_ipv6_pool_is_taken_again(void **state)
{
	struct fixture *fixture = *state;
	struct fake_pool told;

	assert_int_equal(prefix_parse(&fixture->pool.ipv6, "fd00::/111"), 0);
	make_map(fixture, 10);
	map_close(fixture_open(fixture, 0));
	struct map_reader *reader = fixture_reader(fixture);
	map_reader_pool(reader, &told);
	map_reader_close(reader);
	assert_memory_equal(&told, &fixture->pool, sizeof(told));
}

static void ipv6_may_be_turned_off_and_on(void **state)
{
	struct fixture *fixture = *state;
	struct fake_pool told;

	make_map(fixture, 10);
	fixture->pool.ipv6 = (struct prefix){0};
	map_close(fixture_open(fixture, 0));
	struct map_reader *reader = fixture_reader(fixture);
	map_reader_pool(reader, &told);
	map_reader_close(reader);
	assert_int_equal(told.ipv6.addr.family, ADDR_NONE);

	fixture->pool = fake_pool_default();
	map_close(fixture_open(fixture, 0));
	reader = fixture_reader(fixture);
	map_reader_pool(reader, &told);
	map_reader_close(reader);
	assert_memory_equal(&told, &fixture->pool, sizeof(told));
}

/* Opening moves the file aside as it is, and a new, empty map works. */
static void assert_moved_aside(struct fixture *fixture)
{
	uint64_t before = fixture_hash(fixture->path);
	char aside[PATH_MAX];
	struct map_state told;

	struct map *map = fixture_open(fixture, 1);
	assert_non_null(strstr(fixture->reason, "is damaged: "));
	assert_non_null(strstr(fixture->reason, "moved it to"));
	assert_int_equal(fixture_count(fixture, "map.db.corrupt-", NULL) >= 1,
			 1);
	if (before != 0) {
		const char *at = strstr(fixture->reason, "moved it to '");
		size_t length = strcspn(at + 13, "'");

		memcpy(aside, at + 13, length);
		aside[length] = '\0';
		assert_true(fixture_hash(aside) == before);
	}
	fixture_add(map, 3, 10);
	assert_int_equal(map_load(map, ignore, NULL, &told), 0);
	assert_int_equal(told.rows, 7);
	map_close(map);
}

static void damaged_page_moves_the_file_aside(void **state)
{
	struct fixture *fixture = *state;

	make_map(fixture, 200);
	overwrite(fixture->path, 4096, 4096);
	assert_moved_aside(fixture);
}

static void cut_file_is_moved_aside(void **state)
{
	struct fixture *fixture = *state;

	make_map(fixture, 200);
	assert_int_equal(truncate(fixture->path, 5000), 0);
	assert_moved_aside(fixture);
}

static void header_alone_is_moved_aside(void **state)
{
	struct fixture *fixture = *state;

	make_map(fixture, 200);
	assert_int_equal(truncate(fixture->path, 100), 0);
	assert_moved_aside(fixture);
}

static void content_that_makes_no_sense_is_moved_aside(void **state)
{
	static const char *const edits[] = {
		"UPDATE name SET name = 'a..b' WHERE slot = 5",
		"UPDATE name SET name = x'6100' WHERE slot = 5",
		"UPDATE name SET slot = -5 WHERE slot = 5",
		"UPDATE name SET slot = 4294967296 WHERE slot = 5",
		"DELETE FROM state",
		"UPDATE state SET ipv4 = 'x'",
		"UPDATE state SET ipv4 = '::/15'",
		"UPDATE state SET ipv6 = '198.18.0.0/15'",
		"UPDATE state SET ipv6 = 'fd00::/112'",
		"UPDATE state SET reserved_end = -1",
		"UPDATE state SET floor = 'high'",
		"DROP TABLE name",
		"DROP TABLE state",
		"ALTER TABLE name RENAME COLUMN created TO made",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
		make_map(fixture, 10);
		fixture_edit(fixture, edits[i]);
		assert_moved_aside(fixture);
		assert_int_equal(unlink(fixture->path), 0);
		assert_int_equal(unlink(fixture_in(fixture, "map.db-wal")), 0);
	}
	/* Each has a name of its own, in the same second too. */
	assert_true(fixture_count(fixture, "map.db.corrupt-", NULL) >=
		    (int)ARRAY_LEN(edits));
}

static void wal_without_its_file_is_not_taken_for_a_map(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_apart(fixture, 0, fixture_die_with_rows),
			 -SIGKILL);
	assert_int_equal(unlink(fixture->path), 0);
	uint64_t wal = fixture_hash(fixture_in(fixture, "map.db-wal"));
	struct map *map = fixture_open(fixture, 1);
	map_close(map);

	char aside[PATH_MAX];
	assert_int_equal(fixture_count(fixture, "map.db.corrupt-", aside), 2);
	memcpy(strrchr(aside, '-'), "-wal", 5);
	assert_true(fixture_hash(aside) == wal);
}

static void empty_file_is_a_new_map(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture->path, "", 0);
	map_close(fixture_open(fixture, 0));
}

static void rest_of_a_start_that_died_is_no_hindrance(void **state)
{
	struct fixture *fixture = *state;

	write_file(fixture_in(fixture, "map.db.new"), "half a page", 11);
	write_file(fixture_in(fixture, "map.db.new-wal"), "x", 1);
	map_close(fixture_open(fixture, 0));
	assert_int_equal(fixture_count(fixture, "map.db.new", NULL), 0);
}

static int open_without_right(struct fixture *fixture)
{
	struct map *map = NULL;
	int ret =
		map_open(&map, fixture->path, &fixture->pool, fixture->reason);

	if (ret != -EACCES)
		return 1;
	if (!strstr(fixture->reason, "chown nobody") &&
	    !strstr(fixture->reason, "chmod u+rw"))
		return 2;
	return strstr(fixture->reason, fixture->folder) ? 0 : 3;
}

static void missing_right_is_named_with_its_remedy(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	make_map(fixture, 10);
	uint64_t before = fixture_hash(fixture->path);

	/* A folder of root. */
	assert_int_equal(fixture_apart(fixture, NOBODY, open_without_right), 0);
	/* A file of root. */
	assert_int_equal(chown(fixture->folder, NOBODY, NOBODY), 0);
	assert_int_equal(fixture_apart(fixture, NOBODY, open_without_right), 0);
	/* Only the -shm: somebody looked in as root. */
	assert_int_equal(chown(fixture->path, NOBODY, NOBODY), 0);
	assert_int_equal(
		chown(fixture_in(fixture, "map.db-wal"), NOBODY, NOBODY), 0);
	assert_int_equal(fixture_apart(fixture, NOBODY, open_without_right), 0);
	assert_int_equal(
		chown(fixture_in(fixture, "map.db-shm"), NOBODY, NOBODY), 0);
	/* Our own file, read only. */
	assert_int_equal(chmod(fixture->path, 0440), 0);
	assert_int_equal(fixture_apart(fixture, NOBODY, open_without_right), 0);
	/* Our own folder, read only. */
	assert_int_equal(chmod(fixture->path, 0640), 0);
	assert_int_equal(chmod(fixture->folder, 0550), 0);
	assert_int_equal(fixture_apart(fixture, NOBODY, open_without_right), 0);
	assert_true(fixture_hash(fixture->path) == before);
}

/* A small file system of our own, seen by this process only. */
static bool mount_small(struct fixture *fixture, const char *options)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("small", fixture->folder, "tmpfs", 0, options) == 0;
}

static void fill_disk(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	char junk[4096] = {0};

	while (write(fd, junk, sizeof(junk)) > 0)
		;
	close(fd);
}

static int write_until_full(struct fixture *fixture)
{
	struct map_row row, found;
	struct map_state told;
	uint32_t slot = 64;
	int ret = 0;

	if (!mount_small(fixture, "size=512k"))
		return 77;
	struct map *map = fixture_open(fixture, 0);
	if (map_reserve(map, 256) < 0)
		return 1;
	for (; slot < 100000 && ret == 0; slot++) {
		row = fixture_row(slot);
		ret = map_add(map, &row, 1);
	}
	if (ret != -ENOSPC || !strstr(map_reason(map), "free some space"))
		return 2;
	if (map_reserve(map, 512) != -ENOSPC)
		return 3;
	/* Every row that was promised is there, the refused one is not. */
	struct map_reader *reader = fixture_reader(fixture);
	for (uint32_t i = 64; i < slot - 1; i++) {
		if (map_reader_by_slot(reader, i, &found) != 1)
			return 4;
	}
	if (map_reader_by_slot(reader, slot - 1, &found) != 0)
		return 5;
	map_reader_close(reader);
	map_close(map);
	if (mount("small", fixture->folder, NULL, MS_REMOUNT, "size=4m") < 0)
		return 6;
	map = fixture_open(fixture, 0);
	if (map_load(map, ignore, NULL, &told) < 0 || told.rows != slot - 65)
		return 7;
	if (map_add(map, &row, 1) < 0)
		return 8;
	map_close(map);
	return 0;
}

static void full_disk_refuses_new_rows_and_keeps_the_old(void **state)
{
	if (geteuid() != 0)
		skip();
	int ret = fixture_apart(*state, 0, write_until_full);
	if (ret == 77)
		skip();
	assert_int_equal(ret, 0);
}

static int start_on_full_disk(struct fixture *fixture)
{
	struct map *map = NULL;

	if (!mount_small(fixture, "size=64k"))
		return 77;
	fill_disk(fixture_in(fixture, "junk"));
	if (map_open(&map, fixture->path, &fixture->pool, fixture->reason) !=
	    -ENOSPC)
		return 1;
	if (!strstr(fixture->reason, "free some space"))
		return 2;
	/* Nothing half made is left. */
	if (fixture_count(fixture, "map.db", NULL) != 0)
		return 3;
	return 0;
}

static void start_on_a_full_disk_is_an_error(void **state)
{
	if (geteuid() != 0)
		skip();
	int ret = fixture_apart(*state, 0, start_on_full_disk);
	if (ret == 77)
		skip();
	assert_int_equal(ret, 0);
}

static int restart_on_full_disk(struct fixture *fixture)
{
	struct map *map = NULL;

	if (!mount_small(fixture, "size=512k"))
		return 77;
	make_map(fixture, 10);
	uint64_t before = fixture_hash(fixture->path);
	fill_disk(fixture_in(fixture, "junk"));
	if (map_open(&map, fixture->path, &fixture->pool, fixture->reason) !=
	    -ENOSPC)
		return 1;
	if (fixture_hash(fixture->path) != before)
		return 2;
	if (unlink(fixture_in(fixture, "junk")) < 0)
		return 3;
	map_close(fixture_open(fixture, 0));
	return 0;
}

static void restart_on_a_full_disk_leaves_the_map_as_it_is(void **state)
{
	if (geteuid() != 0)
		skip();
	int ret = fixture_apart(*state, 0, restart_on_full_disk);
	if (ret == 77)
		skip();
	assert_int_equal(ret, 0);
}

static int open_on_readonly_disk(struct fixture *fixture)
{
	struct map *map = NULL;

	if (!mount_small(fixture, "size=512k"))
		return 77;
	make_map(fixture, 10);
	if (mount("small", fixture->folder, NULL, MS_REMOUNT | MS_RDONLY,
		  NULL) < 0)
		return 1;
	if (map_open(&map, fixture->path, &fixture->pool, fixture->reason) !=
	    -EROFS)
		return 2;
	return strstr(fixture->reason, "mount it writable") ? 0 : 3;
}

static int open_what_cannot_be_read(struct fixture *fixture)
{
	struct map *map = NULL;

	/* A plain file, and nothing is at its beginning: EIO. */
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("/proc/self/mem", fixture->path, NULL, MS_BIND, NULL) < 0)
		return 77;
	if (map_open(&map, fixture->path, &fixture->pool, fixture->reason) !=
	    -EIO)
		return 1;
	return strstr(fixture->reason, "cannot read map") ? 0 : 2;
}

static void disk_that_fails_is_not_a_foreign_file(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	write_file(fixture->path, "", 0);
	int ret = fixture_apart(fixture, 0, open_what_cannot_be_read);
	if (ret == 77)
		skip();
	assert_int_equal(ret, 0);
}

static void readonly_file_system_is_named(void **state)
{
	if (geteuid() != 0)
		skip();
	int ret = fixture_apart(*state, 0, open_on_readonly_disk);
	if (ret == 77)
		skip();
	assert_int_equal(ret, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(text_file_is_refused),
		MAP_TEST(database_of_another_program_is_refused),
		MAP_TEST(newer_version_is_refused),
		MAP_TEST(newer_version_that_is_only_in_the_wal_is_refused),
		MAP_TEST(folder_or_link_in_its_place_is_refused),
		MAP_TEST(missing_folder_is_named),
		MAP_TEST(other_pool_is_refused_with_the_old_one_named),
		MAP_TEST(narrowest_ipv6_pool_is_taken_again),
		MAP_TEST(ipv6_may_be_turned_off_and_on),
		MAP_TEST(damaged_page_moves_the_file_aside),
		MAP_TEST(cut_file_is_moved_aside),
		MAP_TEST(header_alone_is_moved_aside),
		MAP_TEST(content_that_makes_no_sense_is_moved_aside),
		MAP_TEST(wal_without_its_file_is_not_taken_for_a_map),
		MAP_TEST(empty_file_is_a_new_map),
		MAP_TEST(rest_of_a_start_that_died_is_no_hindrance),
		MAP_TEST(missing_right_is_named_with_its_remedy),
		MAP_TEST(full_disk_refuses_new_rows_and_keeps_the_old),
		MAP_TEST(start_on_a_full_disk_is_an_error),
		MAP_TEST(restart_on_a_full_disk_leaves_the_map_as_it_is),
		MAP_TEST(disk_that_fails_is_not_a_foreign_file),
		MAP_TEST(readonly_file_system_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
