// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/listen/outbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void there_are_only_so_many_and_the_oldest_is_known(void **state)
{
	struct outboxes pool;
	int owners[3];
	struct outbox *first, *second;

	(void)state;
	assert_int_equal(outboxes_init(&pool, 2), 0);
	assert_null(outboxes_oldest(&pool));
	first = outbox_take(&pool, &owners[0]);
	second = outbox_take(&pool, &owners[1]);
	assert_non_null(first);
	assert_non_null(second);
	assert_null(outbox_take(&pool, &owners[2]));
	assert_ptr_equal(outboxes_oldest(&pool), &owners[0]);
	outbox_give_back(&pool, first);
	assert_ptr_equal(outboxes_oldest(&pool), &owners[1]);
	assert_ptr_equal(outbox_take(&pool, &owners[2]), first);
	outboxes_fini(&pool);
}

static void bytes_leave_in_order_as_the_socket_takes_them(void **state)
{
	char text[] = "0123456789", got[sizeof(text)];
	const struct iovec iov[2] = {{text, 4}, {text + 4, 6}};
	struct outboxes pool;
	struct outbox *outbox;
	int pair[2];

	(void)state;
	assert_int_equal(outboxes_init(&pool, 1), 0);
	outbox = outbox_take(&pool, pair);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(outbox_add(outbox, iov, 2), 0);
	outbox->at = 3; /* that much the socket had taken before */
	assert_int_equal(outbox_send(outbox, pair[0]), 1);
	assert_int_equal(read(pair[1], got, sizeof(got)), 7);
	assert_memory_equal(got, text + 3, 7);

	while (send(pair[0], text, sizeof(text), 0) > 0)
		;
	outbox->at = outbox->used = 0;
	assert_int_equal(outbox_add(outbox, iov, 2), 0);
	assert_int_equal(outbox_send(outbox, pair[0]), 0);
	close(pair[1]);
	assert_int_equal(outbox_send(outbox, pair[0]), -EPIPE);
	close(pair[0]);
	outboxes_fini(&pool);
}

static void what_has_no_room_is_left_out_as_a_whole(void **state)
{
	static uint8_t longest[OUTBOX_SIZE];
	const struct iovec all = {longest, sizeof(longest)};
	const struct iovec one = {longest, 1};
	struct outboxes pool;
	struct outbox *outbox;

	(void)state;
	assert_int_equal(outboxes_init(&pool, 1), 0);
	outbox = outbox_take(&pool, &pool);
	assert_int_equal(outbox_add(outbox, &one, 1), 0);
	assert_int_equal(outbox_add(outbox, &all, 1), -ENOBUFS);
	assert_int_equal(outbox->used, 1);
	outboxes_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			there_are_only_so_many_and_the_oldest_is_known),
		cmocka_unit_test(bytes_leave_in_order_as_the_socket_takes_them),
		cmocka_unit_test(what_has_no_room_is_left_out_as_a_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
