// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/backlog.h"

#include "routed/relay/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ev_loop *loop;
static struct backlog *backlog;
static int handed;

/* They come whole, and in their order. */
static void on_syn(void *ctx, const uint8_t *frame, size_t length)
{
	int number;

	assert_ptr_equal(ctx, &handed);
	assert_int_equal(length, 70);
	memcpy(&number, frame, sizeof(number));
	assert_int_equal(number, handed);
	handed++;
}

/* Returns how many found room. */
static int add(int from, int count)
{
	uint8_t frame[70] = {0};
	int added = 0;

	for (int i = 0; i < count; i++) {
		int number = from + i;

		memcpy(frame, &number, sizeof(number));
		added += backlog_add(backlog, 0, frame, sizeof(frame));
	}
	return added;
}

static int setup(void **state)
{
	(void)state;
	handed = 0;
	loop = ev_loop_new(EVFLAG_AUTO);
	return backlog_new(&backlog, loop, on_syn, &handed);
}

static int teardown(void **state)
{
	(void)state;
	backlog_free(backlog);
	ev_loop_destroy(loop);
	return 0;
}

static void a_few_do_not_wait(void **state)
{
	(void)state;
	assert_int_equal(add(0, BACKLOG_TURN), BACKLOG_TURN);
	assert_int_equal(handed, BACKLOG_TURN);
	ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(add(BACKLOG_TURN, 1), 1);
	assert_int_equal(handed, BACKLOG_TURN + 1);
}

static void many_wait_for_the_next_passes(void **state)
{
	(void)state;
	assert_int_equal(add(0, 40), 40);
	assert_int_equal(handed, BACKLOG_TURN);
	ev_run(loop, EVRUN_ONCE);
	assert_int_equal(handed, 2 * BACKLOG_TURN);
	/* Not before those that wait. */
	assert_int_equal(add(40, 1), 1);
	assert_int_equal(handed, 2 * BACKLOG_TURN);
	ev_run(loop, EVRUN_ONCE);
	assert_int_equal(handed, 41);
}

static void fewer_come_while_flows_move_much(void **state)
{
	(void)state;
	assert_int_equal(add(0, 100), 100);
	backlog_note_busy(backlog);
	for (int pass = 1; pass <= 2; pass++) {
		ev_run(loop, EVRUN_ONCE);
		assert_int_equal(handed,
				 BACKLOG_TURN + pass * BACKLOG_BUSY_TURN);
	}
	ev_run(loop, EVRUN_ONCE);
	assert_int_equal(handed, 2 * BACKLOG_TURN + 2 * BACKLOG_BUSY_TURN);
}

/* More passes than it takes. */
static void pass_all(void)
{
	for (int pass = 0; pass < BACKLOG_CREDIT; pass++)
		ev_run(loop, EVRUN_NOWAIT);
}

static void what_finds_no_room_is_lost(void **state)
{
	const int room = BACKLOG_TURN + BACKLOG_SIZE;

	(void)state;
	assert_int_equal(add(0, room + 100), room);
	pass_all();
	assert_int_equal(handed, room);
	/* The ring is as good as new. */
	assert_int_equal(add(room, 300), 300);
	pass_all();
	assert_int_equal(handed, room + 300);
}

static void a_flood_ends_with_its_credit(void **state)
{
	int number = 0;

	(void)state;
	while (number < BACKLOG_CREDIT) {
		number += add(number, BACKLOG_TURN);
		ev_run(loop, EVRUN_NOWAIT);
	}
	number += add(number, BACKLOG_SIZE);
	ev_run(loop, EVRUN_NOWAIT);
	assert_true(number > BACKLOG_CREDIT);
	assert_true(handed < number);
	/* Time gives some of it back. */
	while (handed < number)
		ev_run(loop, EVRUN_ONCE);
}

static void flows_have_no_end_of_credit(void **state)
{
	(void)state;
	for (int number = 0; number < 10 * BACKLOG_CREDIT; number++) {
		assert_int_equal(add(number, 1), 1);
		assert_int_equal(handed, number + 1);
		backlog_note_flow(backlog);
		ev_run(loop, EVRUN_NOWAIT);
	}
}

static void one_that_is_too_large_does_not_wait(void **state)
{
	static const uint8_t large[HOLD_FRAME_MAX + 1];

	(void)state;
	assert_int_equal(add(0, BACKLOG_TURN), BACKLOG_TURN);
	assert_false(backlog_add(backlog, 0, large, sizeof(large)));
	assert_int_equal(handed, BACKLOG_TURN);
}

/* As one that was handed over is told from another by its number. */
static bool add_of(uint64_t source, int number)
{
	uint8_t frame[70] = {0};

	memcpy(frame, &number, sizeof(number));
	return backlog_add(backlog, source, frame, sizeof(frame));
}

static int order[2 * BACKLOG_SIZE], order_count;

static void note_order(void *ctx, const uint8_t *frame, size_t length)
{
	(void)ctx, (void)length;
	memcpy(&order[order_count++], frame, sizeof(order[0]));
}

static void who_floods_stands_in_his_own_way(void **state)
{
	int flooded = 0;

	(void)state;
	backlog_free(backlog);
	assert_int_equal(backlog_new(&backlog, loop, note_order, NULL), 0);
	order_count = 0;
	for (int i = 0; i < BACKLOG_TURN; i++)
		assert_true(add_of(1, i));
	/* As much as he leaves to others, and they find that room. */
	while (add_of(1, 1000 + flooded))
		flooded++;
	assert_int_equal(flooded, BACKLOG_SIZE / 2);
	assert_true(add_of(2, 7));
	assert_true(add_of(3, 8));
	assert_true(add_of(2, 9));
	ev_run(loop, EVRUN_ONCE);
	/* By turns, each lane in its order. */
	assert_int_equal(order_count, 2 * BACKLOG_TURN);
	assert_int_equal(order[BACKLOG_TURN], 1000);
	assert_int_equal(order[BACKLOG_TURN + 1], 7);
	assert_int_equal(order[BACKLOG_TURN + 2], 8);
	assert_int_equal(order[BACKLOG_TURN + 3], 1001);
	assert_int_equal(order[BACKLOG_TURN + 4], 9);
	assert_int_equal(order[BACKLOG_TURN + 5], 1002);
}

/* The positive control: of one alone, all the room. */
static void a_single_source_has_it_all(void **state)
{
	(void)state;
	assert_int_equal(add(0, BACKLOG_TURN + BACKLOG_SIZE),
			 BACKLOG_TURN + BACKLOG_SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_few_do_not_wait),
		TEST(many_wait_for_the_next_passes),
		TEST(fewer_come_while_flows_move_much),
		TEST(what_finds_no_room_is_lost),
		TEST(a_flood_ends_with_its_credit),
		TEST(flows_have_no_end_of_credit),
		TEST(one_that_is_too_large_does_not_wait),
		TEST(who_floods_stands_in_his_own_way),
		TEST(a_single_source_has_it_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
