// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/pool.h"

#include "common/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A /28: slots 3 to 14 are for names. */
static struct fake_pool small_pool(void)
{
	struct fake_pool fake = fake_pool_default();

	fake.ipv4.length = 28;
	return fake;
}

static struct pool *pool_of(const struct fake_pool *fake, uint32_t rows_end,
			    uint32_t floor, uint32_t reserved_end)
{
	const struct pool_start start = {rows_end, floor, reserved_end, 0};
	struct pool *pool;

	assert_int_equal(pool_new(&pool, fake, &start), 0);
	return pool;
}

/* Reserves whenever the pool wants it, as fakes.c does. */
static int64_t take(struct pool *pool, int64_t now_ms)
{
	int64_t slot = pool_take(pool);

	if (slot != -EAGAIN)
		return slot;
	pool_reserved(pool, pool_block_end(pool, now_ms), now_ms);
	return pool_take(pool);
}

static void pool_leaves_out_network_and_broadcast(void **state)
{
	struct fake_pool fake = small_pool();
	struct pool *pool = pool_of(&fake, 0, 0, 0);

	(void)state;
	assert_int_equal(pool_slots(pool), 12);
	for (int64_t slot = 3; slot < 15; slot++) {
		assert_int_equal(pool_left(pool), 15 - slot);
		assert_int_equal(take(pool, 0), slot);
	}
	assert_int_equal(take(pool, 0), ERR_FULL);
	assert_int_equal(take(pool, 0), ERR_FULL);
	assert_int_equal(pool_left(pool), 0);
	pool_free(pool);
}

static void nothing_is_taken_that_is_not_reserved(void **state)
{
	struct fake_pool fake = fake_pool_default();
	struct pool *pool = pool_of(&fake, 0, 0, 0);

	(void)state;
	assert_int_equal(pool_take(pool), -EAGAIN);
	pool_reserved(pool, 5, 0);
	assert_int_equal(pool_take(pool), 3);
	assert_int_equal(pool_take(pool), 4);
	assert_int_equal(pool_take(pool), -EAGAIN);
	assert_int_equal(pool_take(pool), -EAGAIN);
	pool_free(pool);
}

static void a_block_may_be_reserved_before_the_last_one_is_used_up(void **state)
{
	struct fake_pool fake = fake_pool_default();
	struct pool *pool = pool_of(&fake, 0, 0, 0);
	uint32_t end;

	(void)state;
	assert_false(pool_is_low(pool));
	assert_int_equal(take(pool, 0), 3);
	end = 3 + POOL_BLOCK_MIN;
	for (int64_t slot = 3; slot + 1 < end - POOL_BLOCK_MIN / 2;) {
		assert_false(pool_is_low(pool));
		slot = pool_take(pool);
	}
	assert_true(pool_is_low(pool));
	assert_int_equal(pool_block_end(pool, 100), end + 2 * POOL_BLOCK_MIN);
	pool_reserved(pool, end + 2 * POOL_BLOCK_MIN, 100);
	assert_false(pool_is_low(pool));
	/* One that was slower than the next says nothing new. */
	pool_reserved(pool, end + POOL_BLOCK_MIN, 100);
	while (pool_take(pool) >= 0)
		;
	assert_int_equal(pool_block_end(pool, 200), 3 + 7 * POOL_BLOCK_MIN);
	pool_free(pool);
}

static void after_a_crash_it_goes_on_behind_the_last_row(void **state)
{
	struct fake_pool fake = fake_pool_default();
	struct pool *pool = pool_of(&fake, 100, 0, 259);

	(void)state;
	assert_int_equal(pool_take(pool), 100);
	pool_free(pool);
}

static void after_a_power_cut_it_goes_on_at_the_next_block(void **state)
{
	struct fake_pool fake = fake_pool_default();
	struct pool *pool = pool_of(&fake, 100, 259, 259);

	(void)state;
	assert_int_equal(pool_take(pool), -EAGAIN);
	assert_int_equal(pool_block_end(pool, 0), 259 + POOL_BLOCK_MIN);
	assert_int_equal(take(pool, 0), 259);
	pool_free(pool);
}

/* The floor stays in the file; rows above it decide again. */
static void a_floor_of_long_ago_does_not_hold_back(void **state)
{
	struct fake_pool fake = fake_pool_default();
	struct pool *pool = pool_of(&fake, 300, 259, 515);

	(void)state;
	assert_int_equal(pool_take(pool), 300);
	pool_free(pool);
}

static void blocks_grow_with_the_rate_and_shrink_again(void **state)
{
	struct fake_pool fake = fake_pool_default();
	struct pool *pool = pool_of(&fake, 0, 0, 0);
	uint32_t block = POOL_BLOCK_MIN;
	uint32_t end = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		while (pool_take(pool) >= 0)
			;
		end = pool_block_end(pool, 1000 + i);
		assert_int_equal(end, pool_left(pool) > 0
					      ? 131071 - pool_left(pool) + block
					      : 0);
		pool_reserved(pool, end, 1000 + i);
		if (block < POOL_BLOCK_MAX)
			block *= 2;
	}
	while (pool_take(pool) >= 0)
		;
	assert_int_equal(pool_block_end(pool, 100000) - end, POOL_BLOCK_MIN);
	pool_free(pool);
}

static void the_last_block_ends_with_the_pool(void **state)
{
	struct fake_pool fake = fake_pool_default();
	struct pool *pool = pool_of(&fake, 131070, 0, 131070);

	(void)state;
	assert_int_equal(take(pool, 0), 131070);
	assert_int_equal(take(pool, 0), ERR_FULL);
	pool_free(pool);
}

static void what_is_given_back_is_taken_next(void **state)
{
	struct fake_pool fake = small_pool();
	struct pool *pool = pool_of(&fake, 0, 0, 0);
	int64_t slot;

	(void)state;
	for (int i = 0; i < 12; i++) {
		slot = take(pool, 0);
		assert_true(slot > 0);
		pool_touch(pool, (uint32_t)slot, 5000);
	}
	for (uint32_t last = 14; last >= 10; last--)
		pool_give_back(pool, last);
	assert_int_equal(pool_left(pool), 5);
	assert_int_equal(pool_last_used_ms(pool, 10), -1);
	assert_int_equal(take(pool, 0), 10);
	pool_free(pool);
}

static void the_last_use_is_remembered(void **state)
{
	struct fake_pool fake = small_pool();
	struct pool *pool = pool_of(&fake, 0, 0, 0);

	(void)state;
	assert_int_equal(pool_last_used_ms(pool, 3), -1);
	pool_touch(pool, 3, 0);
	assert_int_equal(pool_last_used_ms(pool, 3), 0);
	pool_touch(pool, 3, 1234567);
	assert_int_equal(pool_last_used_ms(pool, 3), 1234000);
	assert_int_equal(pool_last_used_ms(pool, 16), -1);
	pool_free(pool);
}

/* All 12 taken and touched, slot 3 at second 10, 4 at 20, ... */
static struct pool *used_pool(void)
{
	struct fake_pool fake = small_pool();
	struct pool *pool = pool_of(&fake, 0, 0, 0);

	for (int i = 0; i < 12; i++) {
		int64_t slot = take(pool, 0);

		pool_touch(pool, (uint32_t)slot, (slot - 2) * 10000);
	}
	return pool;
}

static void the_least_recently_used_idle_slots_come_first(void **state)
{
	struct pool *pool = used_pool();
	uint32_t slots[POOL_REFILL_MAX];

	(void)state;
	pool_touch(pool, 3, 200000);
	pool_touch(pool, 9, 500);
	assert_int_equal(pool_idle(pool, 62000, slots, POOL_REFILL_MAX), 6);
	assert_int_equal(slots[0], 9);
	for (uint32_t i = 1; i < 6; i++)
		assert_int_equal(slots[i], 3 + i);
	assert_int_equal(pool_idle(pool, 62000, slots, 2), 2);
	assert_int_equal(slots[0], 9);
	assert_int_equal(slots[1], 4);
	assert_int_equal(pool_idle(pool, 1000, slots, 2), 0);
	pool_free(pool);
}

/* Whatever the order of uses: the `max` smallest of them, in order. */
static void idle_slots_are_those_that_a_sort_would_find(void **state)
{
	struct fake_pool fake = fake_pool_default();
	struct pool *pool = pool_of(&fake, 131071, 0, 131071);
	uint32_t slots[POOL_REFILL_MAX], random = 1;
	int64_t before_ms = 0;
	unsigned earlier = 0;

	(void)state;
	for (uint32_t slot = 3; slot < 131071; slot++) {
		random = random * 1103515245 + 12345;
		pool_touch(pool, slot, (random >> 8) % 1000000 * 1000);
	}
	assert_int_equal(pool_idle(pool, 900000000, slots, POOL_REFILL_MAX),
			 POOL_REFILL_MAX);
	for (size_t i = 0; i < POOL_REFILL_MAX; i++) {
		assert_true(pool_last_used_ms(pool, slots[i]) >= before_ms);
		before_ms = pool_last_used_ms(pool, slots[i]);
	}
	for (uint32_t slot = 3; slot < 131071; slot++)
		earlier += pool_last_used_ms(pool, slot) < before_ms;
	assert_true(earlier < POOL_REFILL_MAX);
	pool_free(pool);
}

/* Nothing is known of what was before: nothing is idle at once. */
static void the_start_is_a_use_of_every_slot(void **state)
{
	struct fake_pool fake = small_pool();
	const struct pool_start start = {15, 0, 16, 7000};
	struct pool *pool;
	uint32_t slots[16];

	(void)state;
	assert_int_equal(pool_new(&pool, &fake, &start), 0);
	assert_int_equal(pool_take(pool), ERR_FULL);
	assert_int_equal(pool_idle(pool, 8000, slots, 16), 0);
	assert_int_equal(pool_idle(pool, 8001, slots, 16), 12);
	assert_int_equal(slots[0], 3);
	pool_free(pool);
}

static void refilled_slots_are_taken_in_their_order_and_given_back(void **state)
{
	struct pool *pool = used_pool();
	const uint32_t slots[] = {14, 5, 8};

	(void)state;
	pool_refill(pool, slots, 3);
	assert_int_equal(pool_left(pool), 3);
	assert_int_equal(pool_last_used_ms(pool, 5), -1);
	assert_int_equal(pool_take(pool), 14);
	assert_int_equal(pool_take(pool), 5);
	pool_give_back(pool, 5);
	pool_give_back(pool, 14);
	assert_int_equal(pool_left(pool), 3);
	assert_int_equal(pool_take(pool), 14);
	assert_int_equal(pool_take(pool), 5);
	assert_int_equal(pool_take(pool), 8);
	assert_int_equal(pool_take(pool), ERR_FULL);
	pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_leaves_out_network_and_broadcast),
		cmocka_unit_test(nothing_is_taken_that_is_not_reserved),
		cmocka_unit_test(
			a_block_may_be_reserved_before_the_last_one_is_used_up),
		cmocka_unit_test(after_a_crash_it_goes_on_behind_the_last_row),
		cmocka_unit_test(
			after_a_power_cut_it_goes_on_at_the_next_block),
		cmocka_unit_test(a_floor_of_long_ago_does_not_hold_back),
		cmocka_unit_test(blocks_grow_with_the_rate_and_shrink_again),
		cmocka_unit_test(the_last_block_ends_with_the_pool),
		cmocka_unit_test(what_is_given_back_is_taken_next),
		cmocka_unit_test(the_last_use_is_remembered),
		cmocka_unit_test(the_least_recently_used_idle_slots_come_first),
		cmocka_unit_test(idle_slots_are_those_that_a_sort_would_find),
		cmocka_unit_test(the_start_is_a_use_of_every_slot),
		cmocka_unit_test(
			refilled_slots_are_taken_in_their_order_and_given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
