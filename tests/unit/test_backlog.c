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
		added += backlog_add(backlog, frame, sizeof(frame));
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
	assert_false(backlog_add(backlog, large, sizeof(large)));
	assert_int_equal(handed, BACKLOG_TURN);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
