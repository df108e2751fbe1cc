// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/poller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* One end of a socketpair, polled; what it was told. */
struct probe {
	struct poller_source source; /* the first member */
	int fd, far;
	int calls;
	uint32_t events;
	struct probe *victim; /* forgotten when this one is called */
	int again;            /* turns still to ask for */
};

static struct ev_loop *loop;
static struct poller *poller;

static void on_event(void *ctx, struct poller_source *source, uint32_t events)
{
	struct probe *probe = (struct probe *)source;

	assert_ptr_equal(ctx, loop);
	probe->calls++;
	probe->events |= events;
	if (probe->victim)
		poller_forget(poller, &probe->victim->source);
	if (probe->again > 0) {
		probe->again--;
		poller_again(poller, source);
	}
}

static void probe_init(struct probe *probe)
{
	int pair[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	*probe = (struct probe){
		.source.fn = on_event, .fd = pair[0], .far = pair[1]};
	assert_int_equal(poller_add(poller, probe->fd, &probe->source), 0);
}

static void probe_fini(struct probe *probe)
{
	poller_forget(poller, &probe->source);
	close(probe->fd);
	close(probe->far);
}

static void run(void)
{
	for (int i = 0; i < 5; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

static int setup(void **state)
{
	(void)state;
	loop = ev_loop_new(EVFLAG_AUTO);
	return poller_new(&poller, loop, loop);
}

static int teardown(void **state)
{
	(void)state;
	poller_free(poller);
	ev_loop_destroy(loop);
	return 0;
}

static void an_edge_is_told_once(void **state)
{
	struct probe probe;

	(void)state;
	probe_init(&probe);
	run();
	assert_int_equal(probe.calls, 1);
	assert_int_equal(probe.events, EPOLLOUT);
	run();
	assert_int_equal(probe.calls, 1);
	assert_int_equal(write(probe.far, "x", 1), 1);
	run();
	assert_int_equal(probe.calls, 2);
	assert_true(probe.events & EPOLLIN);
	probe_fini(&probe);
}

static void a_forgotten_source_is_not_called(void **state)
{
	struct probe a, b;

	(void)state;
	probe_init(&a);
	probe_init(&b);
	/* Whoever comes first takes the other out of the same batch. */
	a.victim = &b;
	b.victim = &a;
	run();
	assert_int_equal(a.calls + b.calls, 1);
	probe_fini(&a);
	probe_fini(&b);
}

static void again_gives_turns_until_none_is_asked_for(void **state)
{
	struct probe probe;

	(void)state;
	probe_init(&probe);
	probe.again = 3;
	for (int i = 0; i < 20; i++)
		ev_run(loop, EVRUN_NOWAIT);
	assert_int_equal(probe.calls, 4);
	probe_fini(&probe);
}

static void a_loop_with_turns_to_give_does_not_sleep(void **state)
{
	struct probe probe;

	(void)state;
	probe_init(&probe);
	run();
	poller_again(poller, &probe.source);
	poller_again(poller, &probe.source);
	/* Would wait for ever if the turn did not wake it. */
	ev_run(loop, EVRUN_ONCE);
	assert_int_equal(probe.calls, 2);
	probe_fini(&probe);
}

static void a_forgotten_source_gets_no_turn(void **state)
{
	struct probe a, b;

	(void)state;
	probe_init(&a);
	probe_init(&b);
	run();
	a.victim = &b;
	poller_again(poller, &a.source);
	poller_again(poller, &b.source);
	run();
	assert_int_equal(a.calls, 2);
	assert_int_equal(b.calls, 1);
	probe_fini(&a);
	probe_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_edge_is_told_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_forgotten_source_is_not_called, setup, teardown),
		cmocka_unit_test_setup_teardown(
			again_gives_turns_until_none_is_asked_for, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_loop_with_turns_to_give_does_not_sleep, setup,
			teardown),
		cmocka_unit_test_setup_teardown(a_forgotten_source_gets_no_turn,
						setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
