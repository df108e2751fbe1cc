// SPDX-License-Identifier: BSD-2-Clause
/* The writer: what it promised is there again, whoever dies and when. */
#include "common/err.h"
#include "common/map.h"
#include "tests/unit/map_fixture.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHER_BOOT \
	"UPDATE state SET boot_id = '11111111-2222-3333-4444-555555555555'"

/* Expects rows of fixture_row() in rising order. */
struct seen {
	uint32_t count, last;
	bool is_wrong;
};

static int look(void *ctx, const struct map_row *row)
{
	struct seen *seen = ctx;
	struct map_row expected = fixture_row(row->slot);

	if (seen->count > 0 && row->slot <= seen->last)
		seen->is_wrong = true;
	if (!name_equal(&row->name, &expected.name) ||
	    row->created_ms != expected.created_ms)
		seen->is_wrong = true;
	seen->count++;
	seen->last = row->slot;
	return 0;
}

static struct seen load(struct map *map, struct map_state *state)
{
	struct seen seen = {0};

	assert_int_equal(map_load(map, look, &seen, state), 0);
	assert_false(seen.is_wrong);
	return seen;
}

static void new_map_is_empty(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct map_state told;

	assert_string_equal(fixture->reason, "");
	assert_string_equal(map_reason(map), "");
	assert_int_equal(load(map, &told).count, 0);
	assert_int_equal(told.rows, 0);
	assert_int_equal(told.reserved_end, 0);
	assert_int_equal(told.floor, 0);
	assert_false(told.is_unclean_boot);
	map_close(map);
	/* Nothing of the way it was made is left. */
	assert_int_equal(fixture_count(fixture, "map.db.", NULL), 0);
}

static void rows_come_back_in_order_of_slot(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct map_state told;

	fixture_add(map, 600, 1000);
	fixture_add(map, 3, 600);
	map_close(map);
	map = fixture_open(fixture, 0);
	struct seen seen = load(map, &told);
	assert_int_equal(seen.count, 997);
	assert_int_equal(seen.last, 999);
	assert_int_equal(told.rows, 997);
	map_close(map);
}

static void names_of_any_bytes_come_back(void **state)
{
	static const char *const texts[] = {
		".",
		"a",
		"_dns.resolver.arpa",
		"a\\.b.example",
		"\\000\\255.example",
		"with\\032space.example",
		"quote'\\\"\\;--.example",
	};
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);

	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct map_row row = {.slot = 3 + i};

		assert_int_equal(name_parse(&row.name, texts[i]), 0);
		assert_int_equal(map_add(map, &row, 1), 0);
	}
	struct map_reader *reader = fixture_reader(fixture);
	for (uint32_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct map_row row, again;
		struct name expected;

		assert_int_equal(name_parse(&expected, texts[i]), 0);
		assert_int_equal(map_reader_by_slot(reader, 3 + i, &row), 1);
		assert_true(name_equal(&row.name, &expected));
		assert_int_equal(map_reader_by_name(reader, &expected, &again),
				 1);
		assert_int_equal(again.slot, 3 + i);
	}
	map_reader_close(reader);
	map_close(map);
}

static int stop_at_ten(void *ctx, const struct map_row *row)
{
	(*(int *)ctx)++;
	return row->slot == 10 ? -ECANCELED : 0;
}

static void load_stops_when_told_so(void **state)
{
	struct map *map = fixture_open(*state, 0);
	struct map_state told;
	int calls = 0;

	fixture_add(map, 3, 100);
	assert_int_equal(map_load(map, stop_at_ten, &calls, &told), -ECANCELED);
	assert_int_equal(calls, 8);
	map_close(map);
}

static void batch_is_stored_whole_or_not_at_all(void **state)
{
	struct map *map = fixture_open(*state, 0);
	struct map_row rows[3] = {fixture_row(20), fixture_row(21),
				  fixture_row(10)};
	struct map_state told;

	fixture_add(map, 10, 11);
	assert_int_equal(map_add(map, rows, 3), -EEXIST);
	assert_non_null(strstr(map_reason(map), "has a name already"));
	assert_int_equal(load(map, &told).count, 1);
	/* The writer goes on. */
	assert_int_equal(map_add(map, rows, 2), 0);
	assert_int_equal(load(map, &told).count, 3);
	assert_int_equal(map_add(map, rows, 0), 0);
	map_close(map);
}

static void closing_nothing_is_fine(void **state)
{
	(void)state;
	map_close(NULL);
	map_reader_close(NULL);
}

static int write_and_die(struct fixture *fixture)
{
	struct map *map = fixture_open(fixture, 0);

	if (map_reserve(map, 256) < 0)
		return 1;
	fixture_add(map, 3, 200);
	kill(getpid(), SIGKILL);
	return 2;
}

static void rows_survive_sigkill(void **state)
{
	struct fixture *fixture = *state;
	struct map_state told;

	assert_int_equal(fixture_apart(fixture, 0, write_and_die), -SIGKILL);
	struct map *map = fixture_open(fixture, 0);
	assert_int_equal(load(map, &told).count, 197);
	assert_int_equal(told.reserved_end, 256);
	/* The same boot: nothing can be lost, allocation goes on below. */
	assert_false(told.is_unclean_boot);
	assert_int_equal(told.floor, 0);
	map_close(map);
}

static int delete_and_die(struct fixture *fixture)
{
	const uint32_t slots[] = {5, 7, 199, 200};
	struct map *map = fixture_open(fixture, 0);

	if (map_reserve(map, 256) < 0)
		return 1;
	fixture_add(map, 3, 200);
	if (map_delete(map, slots, ARRAY_LEN(slots)) < 0)
		return 1;
	fixture_add(map, 7, 8);
	kill(getpid(), SIGKILL);
	return 2;
}

static void deleted_rows_stay_away_and_can_be_made_anew(void **state)
{
	struct fixture *fixture = *state;
	struct map_state told;
	struct map_row row;

	assert_int_equal(fixture_apart(fixture, 0, delete_and_die), -SIGKILL);
	struct map *map = fixture_open(fixture, 0);
	struct map_reader *reader = fixture_reader(fixture);
	assert_int_equal(load(map, &told).count, 195);
	assert_int_equal(told.rows, 195);
	assert_int_equal(map_reader_by_slot(reader, 5, &row), 0);
	assert_int_equal(map_reader_by_slot(reader, 7, &row), 1);
	map_reader_close(reader);
	fixture_add(map, 5, 6);
	assert_int_equal(load(map, &told).count, 196);
	assert_int_equal(told.rows, 196);
	map_close(map);
}

static void power_cut_raises_the_floor(void **state)
{
	struct fixture *fixture = *state;
	struct map_state told;

	assert_int_equal(fixture_apart(fixture, 0, write_and_die), -SIGKILL);
	fixture_edit(fixture, OTHER_BOOT);
	struct map *map = fixture_open(fixture, 0);
	load(map, &told);
	assert_true(told.is_unclean_boot);
	assert_int_equal(told.floor, 256);
	assert_int_equal(told.reserved_end, 256);
	map_close(map);
}

static int open_and_die(struct fixture *fixture)
{
	struct map_state told;
	struct map *map = fixture_open(fixture, 0);

	load(map, &told);
	if (!told.is_unclean_boot || told.floor != 256)
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

static void floor_stays_when_the_first_start_after_it_dies(void **state)
{
	struct fixture *fixture = *state;
	struct map_state told;

	assert_int_equal(fixture_apart(fixture, 0, write_and_die), -SIGKILL);
	fixture_edit(fixture, OTHER_BOOT);
	assert_int_equal(fixture_apart(fixture, 0, open_and_die), -SIGKILL);
	struct map *map = fixture_open(fixture, 0);
	load(map, &told);
	assert_false(told.is_unclean_boot);
	assert_int_equal(told.floor, 256);
	assert_int_equal(map_reserve(map, 512), 0);
	map_close(map);
	map = fixture_open(fixture, 0);
	load(map, &told);
	assert_int_equal(told.floor, 256);
	assert_int_equal(told.reserved_end, 512);
	map_close(map);
}

static void clean_stop_before_another_boot_loses_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct map_state told;
	struct map *map = fixture_open(fixture, 0);

	assert_int_equal(map_reserve(map, 256), 0);
	fixture_add(map, 3, 50);
	map_close(map);
	fixture_edit(fixture, OTHER_BOOT);
	map = fixture_open(fixture, 0);
	assert_int_equal(load(map, &told).count, 47);
	assert_false(told.is_unclean_boot);
	assert_int_equal(told.floor, 0);
	map_close(map);
}

static int write_after_clean_and_die(struct fixture *fixture)
{
	struct map *map = fixture_open(fixture, 0);

	fixture_add(map, 50, 60);
	kill(getpid(), SIGKILL);
	return map_reserve(map, 1);
}

static void clean_mark_is_taken_back_before_the_first_row(void **state)
{
	struct fixture *fixture = *state;
	struct map_state told;
	struct map *map = fixture_open(fixture, 0);

	assert_int_equal(map_reserve(map, 256), 0);
	map_close(map);
	assert_int_equal(fixture_apart(fixture, 0, write_after_clean_and_die),
			 -SIGKILL);
	fixture_edit(fixture, OTHER_BOOT);
	map = fixture_open(fixture, 0);
	load(map, &told);
	assert_true(told.is_unclean_boot);
	assert_int_equal(told.floor, 256);
	map_close(map);
}

static void reservation_never_shrinks(void **state)
{
	struct fixture *fixture = *state;
	struct map_state told;
	struct map *map = fixture_open(fixture, 0);

	assert_int_equal(map_reserve(map, 512), 0);
	assert_int_equal(map_reserve(map, 256), 0);
	load(map, &told);
	assert_int_equal(told.reserved_end, 512);
	map_close(map);
	map = fixture_open(fixture, 0);
	load(map, &told);
	assert_int_equal(told.reserved_end, 512);
	map_close(map);
}

static void reservation_that_is_flushed_apart_counts_when_it_is(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct pollfd flushed = {.fd = map_reserve_fd(map), .events = POLLIN};
	struct map_state told;

	if (flushed.fd < 0) {
		map_close(map);
		skip();
	}
	assert_int_equal(map_reserve_end(map), -EAGAIN);
	assert_int_equal(map_reserve(map, 256), 0);
	assert_int_equal(map_reserve_start(map, 512), 0);
	assert_int_equal(map_reserve_start(map, 1024), -EBUSY);
	fixture_add(map, 3, 200);
	load(map, &told);
	assert_int_equal(told.reserved_end, 256);
	assert_int_equal(poll(&flushed, 1, 60000), 1);
	assert_int_equal(map_reserve_end(map), 512);
	assert_int_equal(poll(&flushed, 1, 0), 0);
	load(map, &told);
	assert_int_equal(told.reserved_end, 512);
	/* One that nobody waits for any more does not hold up the end. */
	assert_int_equal(map_reserve_start(map, 1024), 0);
	map_close(map);
	map = fixture_open(fixture, 0);
	load(map, &told);
	assert_int_equal(told.reserved_end, 1024);
	map_close(map);
}

static void second_writer_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct map *first = fixture_open(fixture, 0);

	assert_null(fixture_open(fixture, ERR_RUNNING));
	assert_non_null(strstr(fixture->reason, "another dnsd"));
	fixture_add(first, 3, 4);
	map_close(first);
	map_close(fixture_open(fixture, 0));
}

static void files_are_for_owner_and_group_whatever_the_umask(void **state)
{
	struct fixture *fixture = *state;
	mode_t before = umask(0);
	struct stat st;

	struct map *map = fixture_open(fixture, 0);
	fixture_add(map, 3, 4);
	umask(before);
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = {"map.db", "map.db-wal",
						    "map.db-shm"};

		assert_int_equal(stat(fixture_in(fixture, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
	}
	map_close(map);
}

static void wal_stays_bounded_with_readers_that_come_and_go(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct map_reader *reader = fixture_reader(fixture);
	struct map_row row;
	struct stat st;
	off_t most = 0;

	/* Some 50 MB of pages. */
	for (uint32_t slot = 16; slot < 100000; slot += 16) {
		fixture_add(map, slot, slot + 16);
		assert_int_equal(map_reader_by_slot(reader, slot, &row), 1);
		assert_int_equal(stat(fixture_in(fixture, "map.db-wal"), &st),
				 0);
		if (st.st_size > most)
			most = st.st_size;
	}
	assert_true(most > 15 << 20 && most < 17 << 20);
	map_reader_close(reader);
	map_close(map);
	/* Kept for readers that may not make it, and empty. */
	assert_int_equal(stat(fixture_in(fixture, "map.db-wal"), &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void file_removed_in_use_is_an_error_and_not_a_silent_loss(void **state)
{
	struct fixture *fixture = *state;
	struct map *map = fixture_open(fixture, 0);
	struct map_row row = fixture_row(3);

	assert_int_equal(unlink(fixture->path), 0);
	assert_int_equal(map_add(map, &row, 1), -ESTALE);
	assert_non_null(strstr(map_reason(map), "restart dnsd"));
	map_close(map);
}

static void folder_may_be_reached_by_a_link(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkdir(fixture_in(fixture, "real"), 0755), 0);
	assert_int_equal(symlink("real", fixture_in(fixture, "link")), 0);
	snprintf(fixture->path, sizeof(fixture->path), "%s/link/map.db",
		 fixture->folder);
	struct map *map = fixture_open(fixture, 0);
	struct map_reader *reader = fixture_reader(fixture);
	struct map_row row;
	fixture_add(map, 3, 4);
	assert_int_equal(map_reader_by_slot(reader, 3, &row), 1);
	map_reader_close(reader);
	map_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(new_map_is_empty),
		MAP_TEST(rows_come_back_in_order_of_slot),
		MAP_TEST(names_of_any_bytes_come_back),
		MAP_TEST(load_stops_when_told_so),
		MAP_TEST(batch_is_stored_whole_or_not_at_all),
		MAP_TEST(closing_nothing_is_fine),
		MAP_TEST(rows_survive_sigkill),
		MAP_TEST(deleted_rows_stay_away_and_can_be_made_anew),
		MAP_TEST(power_cut_raises_the_floor),
		MAP_TEST(floor_stays_when_the_first_start_after_it_dies),
		MAP_TEST(clean_stop_before_another_boot_loses_nothing),
		MAP_TEST(clean_mark_is_taken_back_before_the_first_row),
		MAP_TEST(reservation_never_shrinks),
		MAP_TEST(reservation_that_is_flushed_apart_counts_when_it_is),
		MAP_TEST(second_writer_is_refused),
		MAP_TEST(files_are_for_owner_and_group_whatever_the_umask),
		MAP_TEST(folder_may_be_reached_by_a_link),
		MAP_TEST(wal_stays_bounded_with_readers_that_come_and_go),
		MAP_TEST(file_removed_in_use_is_an_error_and_not_a_silent_loss),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
