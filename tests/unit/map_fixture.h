// SPDX-License-Identifier: BSD-2-Clause
/*
 * map_fixture.h - what the tests of the map share: a folder, rows, and a
 * second process that dies or has less privilege.
 */
#ifndef ERSATZ_TESTS_MAP_FIXTURE_H
#define ERSATZ_TESTS_MAP_FIXTURE_H

#include "common/map.h"

#include <limits.h>

#define NOBODY 65534

struct fixture {
	char folder[32];
	char path[64]; /* of the map in it */
	struct fake_pool pool;
	char reason[MAP_REASON_SIZE];
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

#define MAP_TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

/* The row of "hostSLOT.example". */
struct map_row fixture_row(uint32_t slot);

/* Opens, and fails the test if that is not `expected`. */
struct map *fixture_open(struct fixture *fixture, int expected);
struct map_reader *fixture_reader(struct fixture *fixture);

/* Adds rows [first, end), a batch of 64 after the other. */
void fixture_add(struct map *map, uint32_t first, uint32_t end);

/* Runs SQL on the file behind everybody's back. */
void fixture_edit(const struct fixture *fixture, const char *sql);

/* Runs `fn` in a process of its own, `uid` if not 0; its exit status. */
int fixture_apart(struct fixture *fixture, unsigned uid,
		  int (*fn)(struct fixture *fixture));

/* For fixture_apart(): adds rows [3, 100) and dies by SIGKILL. */
int fixture_die_with_rows(struct fixture *fixture);

/* A hash of a file's bytes; 0: no such file. */
uint64_t fixture_hash(const char *path);

/* A path in the folder; three are good at a time. */
const char *fixture_in(const struct fixture *fixture, const char *name);

/* How many names in the folder begin so; `last` gets one of them. */
int fixture_count(const struct fixture *fixture, const char *prefix,
		  char last[PATH_MAX]);

#endif
