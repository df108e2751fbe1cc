// SPDX-License-Identifier: BSD-2-Clause
/*
 * With real TUNs in an empty network namespace; the relay is this program,
 * executed again, and behaves as the name of its host's TUN says.
 */
#include "routed/relays.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

struct home {
	struct ev_loop *loop;
	struct spawner *spawner;
	struct inner *inner;
	struct relays *relays;
	int config_fd;
	int ready, lost, returning, given_up, stopped;
	int tun_index;
	uint64_t counted;
	struct link_flow flow;
	uint32_t flow_id;
	uint32_t mtu;
};

static int wait_for(struct link_message *message, struct link_fds *fds)
{
	struct pollfd pollfd = {.fd = SPAWNER_LINK_FD, .events = POLLIN};

	if (poll(&pollfd, 1, -1) < 0)
		return -errno;
	return link_recv(SPAWNER_LINK_FD, message, fds);
}

static int say(struct link_message *message, uint32_t type)
{
	message->type = type;
	return link_send(SPAWNER_LINK_FD, message, NULL);
}

/* What it answers with tells the test that the descriptors were right. */
static int answer(struct link_message *message, const struct link_fds *fds,
		  uint64_t *configs)
{
	char text[16] = "";

	if (message->type == LINK_STOP)
		exit(EXIT_SUCCESS);
	if (message->type == LINK_PING)
		return say(message, LINK_PONG);
	if (message->type == LINK_CONFIG) {
		if (pread(fds->fd[0], text, sizeof(text), 0) == 6)
			(*configs)++;
		return 0;
	}
	message->counters.flows_now = *configs;
	return say(message, LINK_STATUS);
}

static int be_relay(void)
{
	struct link_message message;
	struct link_fds fds;
	uint64_t configs = 0;

	if (wait_for(&message, &fds) != 1 || message.type != LINK_SETUP)
		return 2;
	const char *how = message.setup.config_file;
	if (strcmp(how, "dies") == 0)
		return 3;
	if (strcmp(how, "babbles") == 0)
		return say(&message, LINK_PONG) == 0 ? pause() : 4;
	if (say(&message, LINK_READY) < 0)
		return 5;
	if (strcmp(how, "asks") == 0) {
		message.id = 77;
		message.flow.dst.port = 22;
		if (say(&message, LINK_OWNER) < 0)
			return 6;
	}
	while (wait_for(&message, &fds) == 1) {
		if (answer(&message, &fds, &configs) < 0)
			return 7;
	}
	return EXIT_SUCCESS;
}

static void on_ready(void *ctx, int tun_ifindex)
{
	struct home *home = ctx;

	home->ready++;
	home->tun_index = tun_ifindex;
	ev_break(home->loop, EVBREAK_ALL);
}

static void on_lost(void *ctx, bool will_return)
{
	struct home *home = ctx;

	home->lost++;
	home->returning += will_return;
	assert_int_equal(if_nametoindex("ersatz0"), 0);
	ev_break(home->loop, EVBREAK_ALL);
}

static void on_give_up(void *ctx)
{
	struct home *home = ctx;

	home->given_up++;
}

static void on_stopped(void *ctx)
{
	struct home *home = ctx;

	home->stopped++;
	ev_break(home->loop, EVBREAK_ALL);
}

static void on_owner(void *ctx, uint32_t id, const struct link_flow *flow)
{
	struct home *home = ctx;

	home->flow = *flow;
	home->flow_id = id;
	ev_break(home->loop, EVBREAK_ALL);
}

static void on_udp_server(void *ctx, const struct endpoint *server)
{
	(void)ctx;
	(void)server;
}

static void on_counters(void *ctx, uint32_t id,
			const struct link_counters *counters)
{
	struct home *home = ctx;

	assert_int_equal(id, 5);
	home->counted = counters->flows_now;
	ev_break(home->loop, EVBREAK_ALL);
}

static uint32_t on_mtu(void *ctx)
{
	const struct home *home = ctx;

	return home->mtu;
}

static const struct relays_events events = {
	.on_ready = on_ready,
	.on_lost = on_lost,
	.on_give_up = on_give_up,
	.on_stopped = on_stopped,
	.on_owner = on_owner,
	.on_udp_server = on_udp_server,
	.on_counters = on_counters,
	.on_mtu = on_mtu,
};

static int setup(void **state)
{
	const struct identity nobody = {.uid = NOBODY, .gid = NOBODY};
	struct home *home = calloc(1, sizeof(*home));

	if (!home || unshare(CLONE_NEWNET) < 0)
		return -1;
	*state = home;
	home->mtu = 1400;
	home->loop = ev_loop_new(EVFLAG_AUTO);
	home->config_fd = memfd_create("config", MFD_CLOEXEC);
	assert_int_equal(write(home->config_fd, "rules:", 6), 6);
	assert_int_equal(spawner_start(&home->spawner, &nobody, false), 0);
	return inner_new(&home->inner, &(struct inner_conf){0});
}

static int teardown(void **state)
{
	struct home *home = *state;

	relays_free(home->relays);
	spawner_stop(home->spawner);
	inner_free(home->inner);
	close(home->config_fd);
	ev_loop_destroy(home->loop);
	free(home);
	return 0;
}

static void start(struct home *home, const char *how)
{
	struct relays_conf conf = {.tun = "ersatz0",
				   .config_fd = home->config_fd};

	strcpy(conf.setup.config_file, how);
	assert_int_equal(relays_new(&home->relays, home->loop, home->spawner,
				    home->inner, &conf),
			 0);
	assert_int_equal(relays_start(home->relays, &events, home), 0);
}

static void relay_gets_ready_and_stops(void **state)
{
	struct home *home = *state;

	start(home, "lives");
	while (!home->ready)
		ev_run(home->loop, 0);
	assert_int_equal(home->tun_index, if_nametoindex("ersatz0"));
	assert_true(relays_pid(home->relays) > 0);
	relays_stop(home->relays);
	while (!home->stopped)
		ev_run(home->loop, 0);
	assert_int_equal(home->lost, 1);
	assert_int_equal(home->returning, 0);
	assert_int_equal(relays_pid(home->relays), 0);
}

static void killed_relay_is_followed_by_another(void **state)
{
	struct home *home = *state;

	start(home, "lives");
	for (int i = 1; i <= 3; i++) {
		while (home->ready < i)
			ev_run(home->loop, 0);
		assert_int_equal(kill(relays_pid(home->relays), SIGKILL), 0);
		while (home->lost < i)
			ev_run(home->loop, 0);
		assert_int_equal(home->returning, i);
	}
	while (home->ready < 4)
		ev_run(home->loop, 0);
	assert_int_equal(relays_deaths(home->relays), 3);
}

static void five_deaths_in_a_minute_are_the_end(void **state)
{
	struct home *home = *state;

	start(home, "dies");
	while (!home->given_up)
		ev_run(home->loop, 0);
	assert_int_equal(home->lost, 5);
	assert_int_equal(home->returning, 4);
	assert_int_equal(home->ready, 0);
}

static void relay_that_speaks_out_of_turn_is_killed(void **state)
{
	struct home *home = *state;

	start(home, "babbles");
	while (!home->lost)
		ev_run(home->loop, 0);
	assert_int_equal(home->ready, 0);
}

static void requests_are_passed_on(void **state)
{
	struct home *home = *state;

	start(home, "asks");
	while (!home->flow_id)
		ev_run(home->loop, 0);
	assert_int_equal(home->flow_id, 77);
	assert_int_equal(home->flow.dst.port, 22);
	relays_stop(home->relays);
}

static void configuration_reaches_a_relay_that_runs(void **state)
{
	struct home *home = *state;

	start(home, "lives");
	assert_int_equal(relays_ask_counters(home->relays, 5), -ENOTCONN);
	/* While it is starting, too. */
	assert_int_equal(relays_set_config(home->relays, home->config_fd), 0);
	while (!home->ready)
		ev_run(home->loop, 0);
	assert_int_equal(relays_set_config(home->relays, home->config_fd), 0);
	assert_int_equal(relays_ask_counters(home->relays, 5), 0);
	while (!home->counted)
		ev_run(home->loop, 0);
	assert_int_equal(home->counted, 2);
}

static int mtu_of_tun(void)
{
	struct ifreq request = {.ifr_name = "ersatz0"};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SIOCGIFMTU, &request), 0);
	close(fd);
	return request.ifr_mtu;
}

static void tuns_have_the_mtu_that_is_wanted_now(void **state)
{
	struct home *home = *state;

	start(home, "lives");
	while (!home->ready)
		ev_run(home->loop, 0);
	assert_int_equal(mtu_of_tun(), 1400);
	home->mtu = 1300;
	assert_int_equal(relays_follow_mtu(home->relays), 0);
	assert_int_equal(mtu_of_tun(), 1300);
	/* Without a TUN there is nothing to follow; the next one has it. */
	home->mtu = 1350;
	assert_int_equal(kill(relays_pid(home->relays), SIGKILL), 0);
	while (!home->lost)
		ev_run(home->loop, 0);
	assert_int_equal(relays_follow_mtu(home->relays), 0);
	while (home->ready < 2)
		ev_run(home->loop, 0);
	assert_int_equal(mtu_of_tun(), 1350);
}

#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		AT_HOME(relay_gets_ready_and_stops),
		AT_HOME(killed_relay_is_followed_by_another),
		AT_HOME(five_deaths_in_a_minute_are_the_end),
		AT_HOME(relay_that_speaks_out_of_turn_is_killed),
		AT_HOME(requests_are_passed_on),
		AT_HOME(configuration_reaches_a_relay_that_runs),
		AT_HOME(tuns_have_the_mtu_that_is_wanted_now),
	};
	if (argc > 0 && spawner_is_relay(argv[0]))
		return be_relay();
	if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK) != 0)
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
