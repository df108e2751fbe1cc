// SPDX-License-Identifier: BSD-2-Clause
/*
 * The power goes at any moment of the life of a map: while names come, while
 * blocks are reserved, while idle names lose their addresses to others.  What
 * was told to clients before must hold afterwards: for a guard time after the
 * start no address that one name was told is told to another one.
 *
 * ERSATZ_CUTS says how often; `make power-cuts` a thousand times.
 */
#include "common/err.h"
#include "dnsd/fakes.h"
#include "tests/unit/cut_vfs.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CUTS 50
#define GUARD_MS 600000
#define BATCHES 40
#define BATCH_MAX 24
#define BOOTS 5 /* of one map */
#define NAMES_A_BOOT 10000
#define SLOTS_MAX 4096
#define TOLD_MAX 65536

/* What a client was told, in the order of telling. */
struct told {
	unsigned number; /* of the name */
	uint32_t slot;
	bool is_early; /* within a guard time of the start */
};

static struct {
	char folder[32], map[64], log[64], list[64];
	struct fake_pool pool;
	unsigned boot;
	struct told told[TOLD_MAX];
	size_t told_count;
	unsigned owner[SLOTS_MAX]; /* that was told last; 0: nobody */
	unsigned changes;          /* of a whole boot */
	unsigned violations, reused, cuts;
	struct told last; /* that was another's before */
} t;

void __wrap_map_make_boot_id(char boot_id[37]);

void __wrap_map_make_boot_id(char boot_id[37])
{
	snprintf(boot_id, 37, "boot-%u", t.boot);
}

/* The process that lives until the power goes. */

static int64_t take(struct fakes *fakes, unsigned number, int64_t now_ms)
{
	bool is_promise;
	struct name name;
	char text[32];

	snprintf(text, sizeof(text), "n%u.example", number);
	if (name_parse(&name, text) < 0)
		_exit(EXIT_FAILURE);
	return fakes_take(fakes, &name, name_hash(name.wire, name.length),
			  now_ms, &is_promise);
}

/* An old name as often as a new one. */
static unsigned draw_name(unsigned *fresh)
{
	if (t.told_count > 0 && rand() % 2)
		return t.told[(size_t)rand() % t.told_count].number;
	return (*fresh)++;
}

static void tell(FILE *list, const struct told *told, size_t count)
{
	if (fwrite(told, sizeof(*told), count, list) != count ||
	    fflush(list) != 0)
		_exit(EXIT_FAILURE);
}

static void live(struct map *map)
{
	unsigned fresh = 1 + t.boot * NAMES_A_BOOT;
	FILE *list = fopen(t.list, "we");
	struct fakes *fakes;
	int64_t now_ms = 1000;

	if (!list || fakes_new(&fakes, map, &t.pool, now_ms) < 0)
		_exit(EXIT_FAILURE);
	fakes_set_guard(fakes, GUARD_MS);
	for (int i = 0; i < BATCHES; i++) {
		struct pollfd poll_fd = {map_reserve_fd(map), POLLIN, 0};
		bool is_early = i < BATCHES / 2;
		struct told told[BATCH_MAX];
		size_t count = 0, wanted = 1 + (size_t)rand() % BATCH_MAX;

		now_ms += is_early ? 100 : 2 * GUARD_MS;
		if (!is_early)
			fakes_hold_all(fakes, now_ms);
		while (wanted-- > 0) {
			unsigned number = draw_name(&fresh);
			int64_t slot = take(fakes, number, now_ms);

			if (slot >= 0)
				told[count++] = (struct told){
					number, (uint32_t)slot, is_early};
		}
		if (fakes_commit(fakes) == 0)
			tell(list, told, count);
		if (poll_fd.fd >= 0 && poll(&poll_fd, 1, rand() % 2) > 0)
			fakes_reserved(fakes, now_ms);
	}
	_exit(EXIT_SUCCESS);
}

static int boot_until(unsigned cut_at)
{
	unsigned seed = (unsigned)rand();
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		char reason[MAP_REASON_SIZE];
		struct map *map;

		srand(seed);
		cut_vfs_install(t.log, cut_at);
		if (map_open(&map, t.map, &t.pool, reason) != 0) {
			fprintf(stderr, "boot %u: %s\n", t.boot, reason);
			_exit(EXIT_FAILURE);
		}
		/* That the pool is full is said again and again. */
		if (!freopen("/dev/null", "w", stderr))
			_exit(EXIT_FAILURE);
		live(map);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What was told in this boot, against all before. */
static void judge(void)
{
	FILE *list = fopen(t.list, "re");
	struct told told;

	while (list && fread(&told, sizeof(told), 1, list) == 1) {
		unsigned *owner = &t.owner[told.slot % SLOTS_MAX];

		if (*owner && *owner != told.number) {
			t.violations += told.is_early;
			t.reused += !told.is_early;
			if (told.is_early)
				t.last = told;
		}
		*owner = told.number;
		if (t.told_count < TOLD_MAX)
			t.told[t.told_count++] = told;
	}
	if (list)
		fclose(list);
	unlink(t.list);
}

/* False: the map is beyond use, as a disk that lies may leave it. */
static bool boot_and_cut(bool is_lying)
{
	unsigned cut_at = t.changes ? 1 + (unsigned)rand() % t.changes : 0;
	struct cut_disk disk;
	unsigned changes;
	int status;

	cut_disk_read(&disk, t.map);
	t.boot++;
	status = boot_until(cut_at);
	judge();
	changes = cut_disk_write(&disk, t.map, t.log, is_lying);
	cut_disk_free(&disk);
	t.cuts += status == CUT_STATUS;
	if (changes > t.changes)
		t.changes = changes;
	if (!is_lying && status != EXIT_SUCCESS && status != CUT_STATUS)
		fail_msg("boot %u after %u cuts: it ended with %d", t.boot,
			 t.cuts, status);
	return status != EXIT_FAILURE;
}

static void make_map(uint8_t length)
{
	char reason[MAP_REASON_SIZE];
	struct map *map;

	/* The disk is the test's own; no real one need be waited for. */
	strcpy(t.folder, "/dev/shm/test_power_cut.XXXXXX");
	if (!mkdtemp(t.folder)) {
		strcpy(t.folder, "/tmp/test_power_cut.XXXXXX");
		assert_non_null(mkdtemp(t.folder));
	}
	snprintf(t.map, sizeof(t.map), "%s/map.db", t.folder);
	snprintf(t.log, sizeof(t.log), "%s/log", t.folder);
	snprintf(t.list, sizeof(t.list), "%s/list", t.folder);
	t.pool = fake_pool_default();
	t.pool.ipv4.length = length;
	t.boot = 0;
	t.told_count = 0;
	t.changes = 0;
	memset(t.owner, 0, sizeof(t.owner));
	assert_int_equal(map_open(&map, t.map, &t.pool, reason), 0);
	map_close(map);
}

static void remove_map(void)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -r '%s'", t.folder);
	assert_int_equal(system(command), 0);
}

static void cut(unsigned cuts, bool is_lying)
{
	/* Of 16 addresses, which recycle at once; and of 4096. */
	static const uint8_t lengths[] = {28, 20};

	t.violations = t.reused = t.cuts = 0;
	for (unsigned map = 0; t.cuts < cuts && map < cuts; map++) {
		make_map(lengths[map % 2]);
		for (int i = 0; i < BOOTS && boot_and_cut(is_lying); i++)
			;
		remove_map();
	}
}

static void no_cut_gives_an_address_to_another_name(void **state)
{
	const char *wanted = getenv("ERSATZ_CUTS");

	(void)state;
	srand(wanted ? (unsigned)time(NULL) : 4);
	cut(wanted ? (unsigned)atoi(wanted) : CUTS, false);
	print_message("%u cuts, %u addresses went on to others\n", t.cuts,
		      t.reused);
	if (t.violations > 0)
		print_error("name %u was told slot %u of another\n",
			    t.last.number, t.last.slot);
	assert_int_equal(t.violations, 0);
	/* Names did lose theirs, after their guard time. */
	assert_true(t.reused > 0);
}

static void control_a_disk_that_lies_does(void **state)
{
	(void)state;
	srand(4);
	cut(30, true);
	print_message("%u were told of another name\n", t.violations);
	assert_true(t.violations > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_cut_gives_an_address_to_another_name),
		cmocka_unit_test(control_a_disk_that_lies_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
