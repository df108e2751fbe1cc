// SPDX-License-Identifier: BSD-2-Clause
/*
 * The map is a fake: an array that can be told to fail.
 */
#include "dnsd/fakes.h"

#include "common/err.h"
#include "common/log.h"
#include "dnsd/pool.h"
#include "tests/unit/disk_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct fakes *start_with(const struct fake_pool *pool)
{
	struct fakes *fakes;

	assert_int_equal(fakes_new(&fakes, &disk, pool, 0), 0);
	return fakes;
}

static struct fakes *start(void)
{
	const struct fake_pool pool = fake_pool_default();

	return start_with(&pool);
}

static struct name numbered(unsigned number)
{
	struct name name;
	char text[64];

	snprintf(text, sizeof(text), "n%u.example.com", number);
	assert_int_equal(name_parse(&name, text), 0);
	return name;
}

static int64_t take_at(struct fakes *fakes, unsigned number, int64_t now_ms)
{
	struct name name = numbered(number);
	bool is_promise;

	return fakes_take(fakes, &name, name_hash(name.wire, name.length),
			  now_ms, &is_promise);
}

static int64_t take(struct fakes *fakes, unsigned number, bool *is_promise)
{
	struct name name = numbered(number);

	return fakes_take(fakes, &name, name_hash(name.wire, name.length), 1000,
			  is_promise);
}

static int clean_disk(void **state)
{
	(void)state;
	memset(&disk, 0, sizeof(disk));
	return 0;
}

static void a_name_keeps_its_slot(void **state)
{
	struct fakes *fakes = start();
	bool is_promise;

	(void)state;
	assert_int_equal(take(fakes, 1, &is_promise), 3);
	assert_true(is_promise);
	assert_int_equal(take(fakes, 2, &is_promise), 4);
	assert_int_equal(take(fakes, 1, &is_promise), 3);
	assert_true(is_promise);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(take(fakes, 1, &is_promise), 3);
	assert_false(is_promise);
	fakes_free(fakes);

	fakes = start();
	assert_int_equal(take(fakes, 2, &is_promise), 4);
	assert_false(is_promise);
	assert_int_equal(take(fakes, 3, &is_promise), 5);
	fakes_free(fakes);
}

static void what_is_not_committed_is_told_to_nobody(void **state)
{
	struct fakes *fakes = start();
	struct name old = numbered(1), new = numbered(2), back;
	bool is_promise;

	(void)state;
	assert_int_equal(take(fakes, 1, &is_promise), 3);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(take(fakes, 2, &is_promise), 4);
	assert_int_equal(fakes_find(fakes, &new), -ENOENT);
	assert_int_equal(fakes_name(fakes, 4, &back), -ENOENT);
	assert_int_equal(fakes_find(fakes, &old), 3);
	assert_int_equal(fakes_name(fakes, 3, &back), 0);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(fakes_find(fakes, &new), 4);
	assert_int_equal(fakes_name(fakes, 4, &back), 0);
	fakes_free(fakes);
}

static void a_batch_is_one_transaction(void **state)
{
	struct fakes *fakes = start();
	struct fakes_stats stats;
	bool is_promise;

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		assert_true(take(fakes, i, &is_promise) > 0);
	assert_int_equal(disk.count, 0);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(disk.adds, 1);
	assert_int_equal(disk.count, 64);
	assert_true(disk.rows[63].created_ms > 0);
	fakes_stats(fakes, &stats);
	assert_int_equal(stats.names, 64);
	assert_int_equal(stats.taken, 64);
	assert_int_equal(stats.commits, 1);
	fakes_free(fakes);
}

static void take_and_commit(struct fakes *fakes, unsigned from, unsigned to)
{
	bool is_promise;

	for (unsigned i = from; i < to; i++) {
		assert_true(take(fakes, i, &is_promise) > 0);
		assert_int_equal(fakes_commit(fakes), 0);
	}
}

static void the_next_block_is_reserved_while_names_go_on(void **state)
{
	struct fakes *fakes = start();

	(void)state;
	disk.has_flush = true;
	take_and_commit(fakes, 0, 127);
	assert_int_equal(disk.flushing_end, 0);
	take_and_commit(fakes, 127, 128);
	assert_int_equal(disk.flushing_end, 3 + 256 + 512);
	fakes_reserved(fakes, 1000); /* readable, and nothing there */
	take_and_commit(fakes, 128, 200);
	disk.flushed_end = disk.flushing_end;
	fakes_reserved(fakes, 1000);
	/* Nobody has waited since the first name. */
	take_and_commit(fakes, 200, 512);
	assert_int_equal(disk.reserves, 1);
	assert_int_equal(disk.flushing_end, 3 + 256 + 512 + 1024);
	fakes_free(fakes);
}

static void no_slot_is_taken_before_its_block_is_on_the_disk(void **state)
{
	struct fakes *fakes = start();

	(void)state;
	disk.has_flush = true;
	take_and_commit(fakes, 0, 256);
	assert_int_equal(disk.flushing_end, 3 + 256 + 512);
	assert_int_equal(disk.reserved_end, 3 + 256);
	/* map_add() holds every row against what is reserved. */
	take_and_commit(fakes, 256, 257);
	assert_int_equal(disk.reserves, 2);
	/* The one that came late. */
	disk.flushed_end = 3 + 256;
	fakes_reserved(fakes, 1000);
	take_and_commit(fakes, 257, 700);
	fakes_free(fakes);
}

static void a_block_that_cannot_be_flushed_is_reserved_when_needed(void **state)
{
	struct fakes *fakes = start();
	struct fakes_stats stats;

	(void)state;
	disk.has_flush = true;
	take_and_commit(fakes, 0, 128);
	disk.flushed_end = UINT32_MAX; /* stands for an error */
	fakes_reserved(fakes, 1000);
	assert_int_equal(disk.reserved_end, 3 + 256);
	disk.has_flush = false;
	take_and_commit(fakes, 128, 300);
	assert_int_equal(disk.reserves, 2);
	fakes_stats(fakes, &stats);
	assert_int_equal(stats.failed, 0);
	fakes_free(fakes);
}

static void a_failed_commit_is_forgotten_and_tried_again(void **state)
{
	struct fakes *fakes = start();
	struct fakes_stats stats;
	struct name name = numbered(2);
	bool is_promise;

	(void)state;
	assert_int_equal(take(fakes, 1, &is_promise), 3);
	assert_int_equal(fakes_commit(fakes), 0);
	disk.add_error = -ENOSPC;
	for (unsigned round = 0; round < 300; round++) {
		for (unsigned i = 2; i < 10; i++)
			assert_int_equal(take(fakes, i, &is_promise), 2 + i);
		assert_int_equal(fakes_commit(fakes), -ENOSPC);
		assert_int_equal(fakes_find(fakes, &name), -ENOENT);
		assert_int_equal(take(fakes, 1, &is_promise), 3);
		assert_false(is_promise);
	}
	assert_string_equal(fakes_reason(fakes), "disk full");
	disk.add_error = 0;
	assert_int_equal(take(fakes, 2, &is_promise), 4);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(fakes_find(fakes, &name), 4);
	fakes_stats(fakes, &stats);
	assert_int_equal(stats.names, 2);
	assert_int_equal(stats.failed, 300);
	fakes_free(fakes);
}

static void a_failed_reservation_is_tried_once_a_batch(void **state)
{
	struct fakes *fakes = start();
	bool is_promise;

	(void)state;
	disk.reserve_error = -ENOSPC;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(take(fakes, i, &is_promise), -ENOSPC);
	assert_int_equal(disk.reserves, 1);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(take(fakes, 0, &is_promise), -ENOSPC);
	assert_int_equal(disk.reserves, 2);
	disk.reserve_error = 0;
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(take(fakes, 0, &is_promise), 3);
	fakes_free(fakes);
}

static void a_full_pool_refuses_and_keeps_what_it_has(void **state)
{
	struct fake_pool pool = fake_pool_default();
	struct fakes_stats stats;
	struct fakes *fakes;
	bool is_promise;

	(void)state;
	pool.ipv4.length = 28;
	fakes = start_with(&pool);
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(take(fakes, i, &is_promise), 3 + i);
	assert_int_equal(take(fakes, 12, &is_promise), ERR_FULL);
	assert_int_equal(take(fakes, 5, &is_promise), 8);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(take(fakes, 12, &is_promise), ERR_FULL);
	fakes_stats(fakes, &stats);
	assert_int_equal(stats.full, 2);
	assert_int_equal(stats.free, 0);
	assert_int_equal(stats.slots, 12);
	fakes_free(fakes);
}

static void a_batch_has_a_bound(void **state)
{
	struct fakes *fakes = start();
	bool is_promise;

	(void)state;
	for (unsigned i = 0; i < FAKES_BATCH_MAX; i++)
		assert_true(take(fakes, i, &is_promise) > 0);
	assert_int_equal(take(fakes, FAKES_BATCH_MAX, &is_promise), -EBUSY);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_true(take(fakes, FAKES_BATCH_MAX, &is_promise) > 0);
	fakes_free(fakes);
}

static void rows_that_cannot_be_are_left_out(void **state)
{
	struct fakes *fakes;
	struct name back;
	bool is_promise;

	(void)state;
	disk.rows[disk.count++] = (struct map_row){2, 0, numbered(1)};
	disk.rows[disk.count++] = (struct map_row){10, 0, numbered(2)};
	disk.rows[disk.count++] = (struct map_row){11, 0, numbered(2)};
	/* Beyond the pool: neither the pool's end nor a new beginning. */
	disk.rows[disk.count++] = (struct map_row){1 << 17, 0, numbered(4)};
	disk.rows[disk.count++] = (struct map_row){UINT32_MAX, 0, numbered(5)};
	disk.reserved_end = 256;
	fakes = start();
	assert_int_equal(take(fakes, 2, &is_promise), 10);
	assert_int_equal(fakes_name(fakes, 2, &back), -ENOENT);
	assert_int_equal(fakes_name(fakes, 11, &back), -ENOENT);
	/* Slot 11 may have been told: nobody else gets it. */
	assert_int_equal(take(fakes, 3, &is_promise), 12);
	fakes_free(fakes);
}

static void what_a_power_cut_may_have_taken_is_not_given(void **state)
{
	struct fakes *fakes;
	bool is_promise;

	(void)state;
	disk.rows[disk.count++] = (struct map_row){10, 0, numbered(1)};
	disk.reserved_end = disk.floor = 256;
	fakes = start();
	assert_int_equal(take(fakes, 2, &is_promise), 256);
	assert_int_equal(disk.reserved_end, 256 + POOL_BLOCK_MIN);
	fakes_free(fakes);
}

static void a_slot_leads_to_its_name_and_last_use(void **state)
{
	struct fakes *fakes = start();
	struct name name = numbered(7), back;
	bool is_promise;

	(void)state;
	assert_int_equal(fakes_find(fakes, &name), -ENOENT);
	assert_int_equal(fakes_last_used_wall_ms(fakes, 3), -1);
	assert_int_equal(take(fakes, 7, &is_promise), 3);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(fakes_find(fakes, &name), 3);
	assert_int_equal(fakes_name(fakes, 3, &back), 0);
	assert_true(name_equal(&name, &back));
	assert_true(fakes_last_used_wall_ms(fakes, 3) >= 0);
	fakes_free(fakes);
}

#define GUARD 600000

/* 12 addresses, all given to names 0 to 11 at second 1. */
static struct fakes *start_full(void)
{
	struct fake_pool pool = fake_pool_default();
	struct fakes *fakes;

	pool.ipv4.length = 28;
	fakes = start_with(&pool);
	fakes_set_guard(fakes, GUARD);
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(take_at(fakes, i, 1000), 3 + i);
	assert_int_equal(fakes_commit(fakes), 0);
	return fakes;
}

static void an_idle_address_goes_to_another_name(void **state)
{
	struct fakes *fakes = start_full();
	struct name old = numbered(1);
	struct fakes_stats stats;

	(void)state;
	assert_int_equal(take_at(fakes, 0, 100000), 3);
	fakes_hold_all(fakes, GUARD + 2000);
	/* Rounded up to the second, none is idle for the whole time yet. */
	assert_int_equal(take_at(fakes, 20, GUARD + 2000), ERR_FULL);
	assert_int_equal(disk.deletes, 0);
	assert_int_equal(take_at(fakes, 20, GUARD + 3000), 4);
	assert_int_equal(disk.deletes, 1);
	assert_int_equal(disk.count, 1);
	assert_int_equal(fakes_find(fakes, &old), -ENOENT);
	assert_int_equal(fakes_commit(fakes), 0);
	/* The next ones need no other deletion, until none is left. */
	for (unsigned i = 21; i < 31; i++)
		assert_int_equal(take_at(fakes, i, GUARD + 3000), i - 16);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(disk.deletes, 1);
	assert_int_equal(disk.count, 12);
	assert_int_equal(take_at(fakes, 31, GUARD + 4000), ERR_FULL);
	assert_int_equal(take_at(fakes, 0, GUARD + 4000), 3);
	fakes_stats(fakes, &stats);
	assert_int_equal(stats.recycled, 11);
	assert_int_equal(stats.names, 12);
	assert_int_equal(stats.free, 0);
	fakes_free(fakes);
}

static void an_address_that_a_flow_holds_is_not_idle(void **state)
{
	struct fakes *fakes = start_full();

	(void)state;
	for (uint32_t slot = 0; slot < 16; slot++) {
		if (slot != 9)
			fakes_hold(fakes, slot, GUARD);
	}
	fakes_hold_all(fakes, GUARD);
	assert_int_equal(take_at(fakes, 20, GUARD + 5000), 9);
	assert_int_equal(take_at(fakes, 21, GUARD + 5000), ERR_FULL);
	/* Held no longer, and a guard time later, it is. */
	fakes_hold_all(fakes, 2 * GUARD + 5000);
	assert_int_equal(take_at(fakes, 21, 2 * GUARD + 5000), 3);
	fakes_free(fakes);
}

/* What is told before a name is asked is what it gets then. */
static void why_it_is_full_is_told_beforehand(void **state)
{
	struct fake_pool pool = fake_pool_default();
	struct fakes *fakes = start_with(&pool);

	(void)state;
	assert_null(fakes_why_full(fakes, 1000));
	fakes_free(fakes);
	fakes = start_full();
	assert_non_null(strstr(fakes_why_full(fakes, 2000), "routed"));
	fakes_hold_all(fakes, 2000);
	assert_non_null(strstr(fakes_why_full(fakes, 2000), "guard"));
	assert_int_equal(take_at(fakes, 20, 2000), ERR_FULL);
	fakes_hold_all(fakes, GUARD + 3000);
	assert_null(fakes_why_full(fakes, GUARD + 3000));
	assert_true(take_at(fakes, 20, GUARD + 3000) > 0);
	fakes_free(fakes);
}

/* Whoever does not tell may have flows of any age. */
static void nothing_is_idle_while_the_relay_does_not_tell(void **state)
{
	struct fakes *fakes = start_full();

	(void)state;
	assert_int_equal(take_at(fakes, 20, 100 * GUARD), ERR_FULL);
	fakes_hold_all(fakes, 100 * GUARD);
	assert_int_equal(take_at(fakes, 20, 100 * GUARD), 3);
	for (unsigned i = 21; i < 32; i++)
		assert_true(take_at(fakes, i, 100 * GUARD) > 0);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(take_at(fakes, 40, 102 * GUARD), ERR_FULL);
	fakes_free(fakes);
}

static void after_a_start_nothing_is_idle_for_a_guard_time(void **state)
{
	struct fake_pool pool = fake_pool_default();
	struct fakes *fakes = start_full();

	(void)state;
	fakes_free(fakes);
	pool.ipv4.length = 28;
	assert_int_equal(fakes_new(&fakes, &disk, &pool, 50 * GUARD), 0);
	fakes_set_guard(fakes, GUARD);
	fakes_hold_all(fakes, 50 * GUARD);
	assert_int_equal(take_at(fakes, 20, 50 * GUARD), ERR_FULL);
	fakes_hold_all(fakes, 51 * GUARD);
	assert_int_equal(take_at(fakes, 20, 51 * GUARD), ERR_FULL);
	assert_int_equal(take_at(fakes, 20, 51 * GUARD + 1001), 3);
	fakes_free(fakes);
}

/* Below the floor rows may have gone; a guard time later nobody uses them. */
static void a_hole_is_given_once_it_is_idle(void **state)
{
	struct fake_pool pool = fake_pool_default();
	struct fakes *fakes;

	(void)state;
	pool.ipv4.length = 28;
	disk.rows[disk.count++] = (struct map_row){3, 0, numbered(1)};
	disk.reserved_end = disk.floor = 16;
	fakes = start_with(&pool);
	fakes_set_guard(fakes, GUARD);
	fakes_hold_all(fakes, GUARD / 2);
	assert_int_equal(take_at(fakes, 2, GUARD / 2), ERR_FULL);
	assert_int_equal(take_at(fakes, 1, GUARD / 2), 3);
	fakes_hold_all(fakes, GUARD + 2000);
	assert_int_equal(take_at(fakes, 2, GUARD + 2000), 4);
	fakes_free(fakes);
}

static void a_row_that_cannot_be_deleted_keeps_its_address(void **state)
{
	struct fakes *fakes = start_full();
	struct fakes_stats stats;

	(void)state;
	fakes_hold_all(fakes, 2 * GUARD);
	disk.delete_error = -ENOSPC;
	assert_int_equal(take_at(fakes, 20, 2 * GUARD), -ENOSPC);
	assert_int_equal(take_at(fakes, 21, 2 * GUARD), -ENOSPC);
	assert_int_equal(disk.deletes, 1);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(take_at(fakes, 1, 2 * GUARD), 4);
	disk.delete_error = 0;
	assert_int_equal(take_at(fakes, 20, 2 * GUARD), 3);
	fakes_stats(fakes, &stats);
	assert_int_equal(stats.failed, 1);
	fakes_free(fakes);
}

static void a_failed_commit_gives_recycled_addresses_back(void **state)
{
	struct fakes *fakes = start_full();

	(void)state;
	fakes_hold_all(fakes, 2 * GUARD);
	disk.add_error = -ENOSPC;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 12; i++)
			assert_int_equal(take_at(fakes, 20 + i, 2 * GUARD),
					 3 + i);
		assert_int_equal(take_at(fakes, 40, 2 * GUARD), ERR_FULL);
		assert_int_equal(fakes_commit(fakes), -ENOSPC);
	}
	disk.add_error = 0;
	assert_int_equal(take_at(fakes, 30, 2 * GUARD), 3);
	assert_int_equal(fakes_commit(fakes), 0);
	assert_int_equal(disk.count, 1);
	fakes_free(fakes);
}

#define TEST(claim) cmocka_unit_test_setup(claim, clean_disk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_keeps_its_slot),
		TEST(what_is_not_committed_is_told_to_nobody),
		TEST(a_batch_is_one_transaction),
		TEST(the_next_block_is_reserved_while_names_go_on),
		TEST(no_slot_is_taken_before_its_block_is_on_the_disk),
		TEST(a_block_that_cannot_be_flushed_is_reserved_when_needed),
		TEST(a_failed_commit_is_forgotten_and_tried_again),
		TEST(a_failed_reservation_is_tried_once_a_batch),
		TEST(a_full_pool_refuses_and_keeps_what_it_has),
		TEST(a_batch_has_a_bound),
		TEST(rows_that_cannot_be_are_left_out),
		TEST(what_a_power_cut_may_have_taken_is_not_given),
		TEST(a_slot_leads_to_its_name_and_last_use),
		TEST(an_idle_address_goes_to_another_name),
		TEST(an_address_that_a_flow_holds_is_not_idle),
		TEST(why_it_is_full_is_told_beforehand),
		TEST(nothing_is_idle_while_the_relay_does_not_tell),
		TEST(after_a_start_nothing_is_idle_for_a_guard_time),
		TEST(a_hole_is_given_once_it_is_idle),
		TEST(a_row_that_cannot_be_deleted_keeps_its_address),
		TEST(a_failed_commit_gives_recycled_addresses_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
