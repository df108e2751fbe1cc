// SPDX-License-Identifier: BSD-2-Clause
/*
 * The watch of the routing state, in a network namespace with nothing but a
 * loopback link, which goes up and down.
 */
#include "common/uplink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Both libev and common/clock.c ask here: time passes when a test says so. */
static time_t clock_ahead_s;

int clock_gettime(clockid_t id, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, id, now);

	now->tv_sec += clock_ahead_s;
	return ret;
}

struct world {
	struct ev_loop *loop;
	struct uplink_watch *watch;
	int socket;
	unsigned changes; /* that were told */
};

static unsigned dumps, failures;
static int dump_error; /* what the next dumps end with */

/* One that the next dumps have too; table 0: none. */
static struct nl_route route_more;

static void add_route(struct nl_state *state)
{
	const size_t size = (state->route_count + 1) * sizeof(route_more);

	state->routes = realloc(state->routes, size);
	assert_non_null(state->routes);
	state->routes[state->route_count++] = route_more;
}

int __real_nl_reader_dump(struct nl_reader *reader, struct nl_state *state);
int __wrap_nl_reader_dump(struct nl_reader *reader, struct nl_state *state);
int __wrap_nl_reader_dump(struct nl_reader *reader, struct nl_state *state)
{
	dumps++;
	if (dump_error)
		return dump_error;
	int ret = __real_nl_reader_dump(reader, state);
	if (ret == 0 && route_more.table != 0)
		add_route(state);
	return ret;
}

void __wrap_log_warning(const char *fmt, ...);
void __wrap_log_warning(const char *fmt, ...)
{
	assert_non_null(strstr(fmt, "cannot read the routing state"));
	failures++;
}

static void on_change(void *ctx, const struct nl_state *state)
{
	struct world *world = ctx;

	assert_ptr_equal(state, uplink_watch_state(world->watch));
	world->changes++;
}

static void set_up(struct world *world, bool is_up)
{
	struct ifreq request = {.ifr_name = "lo"};

	request.ifr_flags = is_up ? IFF_UP : 0;
	assert_int_equal(ioctl(world->socket, SIOCSIFFLAGS, &request), 0);
}

/* Netlink delivers at once, so a few turns do all there is to do. */
static void pass(struct world *world, time_t seconds)
{
	for (int i = 0; i < 10; i++)
		ev_run(world->loop, EVRUN_NOWAIT);
	clock_ahead_s += seconds;
	for (int i = 0; i < 10; i++)
		ev_run(world->loop, EVRUN_NOWAIT);
}

static int setup(void **state)
{
	static struct world world;

	*state = NULL;
	if (unshare(CLONE_NEWNET) < 0)
		return errno == EPERM ? 0 : -1; /* each test skips */
	world = (struct world){.loop = ev_loop_new(EVFLAG_AUTO)};
	world.socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	dumps = failures = 0;
	dump_error = 0;
	if (!world.loop || world.socket < 0 ||
	    uplink_watch_open(&world.watch, world.loop, on_change, &world) < 0)
		return -1;
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	if (!world)
		return 0;
	uplink_watch_close(world->watch);
	ev_loop_destroy(world->loop);
	close(world->socket);
	return 0;
}

static void changes_in_a_swarm_are_told_once(void **state)
{
	struct world *world = *state;

	if (!world)
		skip();
	assert_int_equal(dumps, 1);
	assert_false(
		nl_link_by_name(uplink_watch_state(world->watch), "lo")->is_up);
	set_up(world, true);
	set_up(world, false);
	set_up(world, true);
	pass(world, 1);
	assert_int_equal(dumps, 2);
	assert_int_equal(world->changes, 1);
	assert_true(
		nl_link_by_name(uplink_watch_state(world->watch), "lo")->is_up);
	pass(world, 10);
	assert_int_equal(dumps, 2);
}

static void swarm_that_ends_as_it_began_is_not_told(void **state)
{
	struct world *world = *state;

	if (!world)
		skip();
	set_up(world, true);
	pass(world, 1);
	assert_int_equal(world->changes, 1);
	set_up(world, false);
	set_up(world, true);
	pass(world, 1);
	assert_int_equal(dumps, 3);
	assert_int_equal(world->changes, 1);
}

static void dump_that_fails_is_told_and_made_again(void **state)
{
	struct world *world = *state;

	if (!world)
		skip();
	dump_error = -ENOBUFS;
	set_up(world, true);
	pass(world, 1);
	assert_int_equal(dumps, 2);
	pass(world, 2);
	assert_int_equal(dumps, 3);
	assert_int_equal(failures, 1);
	assert_int_equal(world->changes, 0);
	assert_non_null(
		nl_link_by_name(uplink_watch_state(world->watch), "lo"));
	dump_error = 0;
	pass(world, 2);
	assert_int_equal(world->changes, 1);
}

/* A throw for a name that goes DIRECT comes with each of them. */
static void routes_of_ours_are_not_told(void **state)
{
	struct world *world = *state;

	if (!world)
		skip();
	set_up(world, true);
	pass(world, 1);
	assert_int_equal(world->changes, 1);
	route_more.table = 197;
	route_more.protocol = NL_PROTOCOL;
	set_up(world, false);
	set_up(world, true);
	pass(world, 1);
	assert_int_equal(dumps, 3);
	assert_int_equal(world->changes, 1);
	assert_int_equal(uplink_watch_state(world->watch)->route_count, 0);
	/* The control: one of main by somebody else. */
	route_more.table = RT_TABLE_MAIN;
	route_more.protocol = RTPROT_STATIC;
	set_up(world, false);
	set_up(world, true);
	pass(world, 1);
	assert_int_equal(world->changes, 2);
	assert_int_equal(uplink_watch_state(world->watch)->route_count, 1);
	route_more.table = 0;
}

#define WATCH_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCH_TEST(changes_in_a_swarm_are_told_once),
		WATCH_TEST(swarm_that_ends_as_it_began_is_not_told),
		WATCH_TEST(dump_that_fails_is_told_and_made_again),
		WATCH_TEST(routes_of_ours_are_not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
