// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/inquiry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static struct link_flow flow = {.src = {.port = 40000}, .dst = {.port = 443}};

/* Asks until not even the ring takes another question; how many it took. */
static uint32_t ask_all(struct inquiry *inquiry)
{
	uint32_t asked = 0;
	int ret;

	for (;; asked++) {
		flow.network = asked % 2 ? NETWORK_TCP : NETWORK_UDP;
		ret = inquiry_ask(inquiry, asked, &flow);
		if (ret != 0)
			break;
	}
	assert_int_equal(ret, -EAGAIN);
	return asked;
}

static void questions_wait_and_keep_their_order(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct inquiry *inquiry;
	struct link_message message;
	struct link_fds fds;
	uint32_t asked;
	int ends[2];

	(void)state;
	assert_int_equal(link_pair(ends), 0);
	assert_int_equal(inquiry_new(&inquiry, loop, ends[1], 10), 0);
	for (int round = 0; round < 3; round++) {
		asked = ask_all(inquiry);
		assert_true(asked > 10);
		for (uint32_t i = 0; i < asked; i++) {
			ev_run(loop, EVRUN_NOWAIT);
			assert_int_equal(link_recv(ends[0], &message, &fds), 1);
			assert_int_equal(message.type, LINK_OWNER);
			assert_int_equal(message.id, i);
			assert_int_equal(message.flow.dst.port, 443);
			assert_int_equal(message.flow.network,
					 i % 2 ? NETWORK_TCP : NETWORK_UDP);
		}
		assert_int_equal(link_recv(ends[0], &message, &fds), -EAGAIN);
	}
	inquiry_free(inquiry);
	ev_loop_destroy(loop);
	close(ends[0]);
	close(ends[1]);
}

static void a_parent_that_is_gone_is_told(void **state)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct inquiry *inquiry;
	int ends[2], ret;

	(void)state;
	assert_int_equal(link_pair(ends), 0);
	assert_int_equal(inquiry_new(&inquiry, loop, ends[1], 10), 0);
	ask_all(inquiry);
	close(ends[0]);
	ev_run(loop, EVRUN_NOWAIT);
	ret = inquiry_ask(inquiry, 1, &flow);
	assert_true(ret < 0 && ret != -EAGAIN);
	inquiry_free(inquiry);
	ev_loop_destroy(loop);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_wait_and_keep_their_order),
		cmocka_unit_test(a_parent_that_is_gone_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
