// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/map_fixture.h"

#include <dirent.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BATCH 64

int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	strcpy(fixture->folder, "/tmp/test_map.XXXXXX");
	if (!mkdtemp(fixture->folder) || chmod(fixture->folder, 0755) < 0)
		return -1;
	snprintf(fixture->path, sizeof(fixture->path), "%s/map.db",
		 fixture->folder);
	fixture->pool = fake_pool_default();
	*state = fixture;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", fixture->folder);
	int ret = system(command);
	free(fixture);
	return ret;
}

struct map_row fixture_row(uint32_t slot)
{
	struct map_row row = {.slot = slot, .created_ms = 1000 + slot};
	char text[64];

	snprintf(text, sizeof(text), "host%u.example", slot);
	assert_int_equal(name_parse(&row.name, text), 0);
	return row;
}

struct map *fixture_open(struct fixture *fixture, int expected)
{
	struct map *map = NULL;
	int ret =
		map_open(&map, fixture->path, &fixture->pool, fixture->reason);

	if (ret != expected)
		print_error("map_open: %s\n", fixture->reason);
	assert_int_equal(ret, expected);
	return map;
}

struct map_reader *fixture_reader(struct fixture *fixture)
{
	struct map_reader *reader = NULL;
	int ret = map_reader_open(&reader, fixture->path, fixture->reason);

	if (ret != 0)
		print_error("map_reader_open: %s\n", fixture->reason);
	assert_int_equal(ret, 0);
	return reader;
}

void fixture_add(struct map *map, uint32_t first, uint32_t end)
{
	struct map_row rows[BATCH];

	while (first < end) {
		size_t count = 0;

		while (count < BATCH && first < end)
			rows[count++] = fixture_row(first++);
		assert_int_equal(map_add(map, rows, count), 0);
	}
}

void fixture_edit(const struct fixture *fixture, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int fixture_apart(struct fixture *fixture, unsigned uid,
		  int (*fn)(struct fixture *fixture))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (uid != 0 && (setgroups(0, NULL) < 0 || setgid(uid) < 0 ||
				 setuid(uid) < 0))
			_exit(100);
		_exit(fn(fixture));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int fixture_die_with_rows(struct fixture *fixture)
{
	struct map *map = fixture_open(fixture, 0);

	fixture_add(map, 3, 100);
	kill(getpid(), SIGKILL);
	map_close(map);
	return 1;
}

uint64_t fixture_hash(const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t hash = UINT64_C(14695981039346656037);
	int byte;

	if (!file)
		return 0;
	while ((byte = getc(file)) != EOF)
		hash = (hash ^ (unsigned)byte) * UINT64_C(1099511628211);
	fclose(file);
	return hash;
}

const char *fixture_in(const struct fixture *fixture, const char *name)
{
	static char paths[3][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 3];

	snprintf(path, PATH_MAX, "%s/%s", fixture->folder, name);
	return path;
}

int fixture_count(const struct fixture *fixture, const char *prefix,
		  char last[PATH_MAX])
{
	DIR *dir = opendir(fixture->folder);
	const struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		count++;
		if (last)
			snprintf(last, PATH_MAX, "%s/%s", fixture->folder,
				 entry->d_name);
	}
	closedir(dir);
	return count;
}
