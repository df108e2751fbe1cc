// SPDX-License-Identifier: BSD-2-Clause
/*
 * This program is its own relay: executed again by the spawner it tells over
 * the link, in a LINK_STATUS, what it finds itself to be.
 */
#include "routed/spawner.h"

#include "routed/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

struct home {
	struct ev_loop *loop;
	struct spawner *spawner;
	pid_t relay; /* of the last on_started */
	uint32_t started_id, dead_id;
	int status;
	int deaths;
	bool is_lost;
};

static uint64_t open_descriptors(void)
{
	uint64_t count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static uint64_t effective_capabilities(void)
{
	char line[256];
	unsigned long long caps = ~0ULL;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "CapEff:", 7) == 0)
			caps = strtoull(line + 7, NULL, 16);
	}
	if (file)
		fclose(file);
	return caps;
}

/* Blocks until the other end is closed, as a relay would. */
static int be_relay(void)
{
	struct link_message message = {.type = LINK_STATUS};
	struct pollfd pollfd = {.fd = SPAWNER_LINK_FD, .events = POLLIN};
	int death_signal = 0;

	prctl(PR_GET_PDEATHSIG, &death_signal);
	message.counters.flows_now = open_descriptors();
	message.counters.flows_ever = getuid();
	message.counters.flows_refused = effective_capabilities();
	message.counters.flows_held = (uint64_t)death_signal;
	if (link_send(SPAWNER_LINK_FD, &message, NULL) < 0)
		return EXIT_FAILURE;
	poll(&pollfd, 1, -1);
	return 7;
}

static void on_started(void *ctx, uint32_t id, pid_t pid)
{
	struct home *home = ctx;

	home->started_id = id;
	home->relay = pid;
	ev_break(home->loop, EVBREAK_ALL);
}

static void on_death(void *ctx, uint32_t id, int status)
{
	struct home *home = ctx;

	home->dead_id = id;
	home->status = status;
	home->deaths++;
	ev_break(home->loop, EVBREAK_ALL);
}

static void on_lost(void *ctx)
{
	struct home *home = ctx;

	home->is_lost = true;
	ev_break(home->loop, EVBREAK_ALL);
}

static const struct spawner_events events = {
	.on_started = on_started,
	.on_death = on_death,
	.on_lost = on_lost,
};

static int setup(void **state)
{
	const struct identity nobody = {.uid = NOBODY, .gid = NOBODY};
	struct home *home = calloc(1, sizeof(*home));

	if (!home)
		return -1;
	*state = home;
	home->loop = ev_loop_new(EVFLAG_AUTO);
	assert_int_equal(spawner_start(&home->spawner, &nobody, false), 0);
	return spawner_watch(home->spawner, home->loop, &events, home);
}

static int teardown(void **state)
{
	struct home *home = *state;

	spawner_stop(home->spawner);
	ev_loop_destroy(home->loop);
	free(home);
	return 0;
}

/* Returns our end of the link of a relay that runs. */
static int start_relay(struct home *home, uint32_t id)
{
	int ends[2];

	assert_int_equal(link_pair(ends), 0);
	assert_int_equal(spawner_spawn(home->spawner, id, ends[1]), 0);
	close(ends[1]);
	while (home->started_id != id)
		ev_run(home->loop, 0);
	return ends[0];
}

static struct link_counters hear(int link_fd)
{
	struct link_message message;
	struct link_fds fds;
	struct pollfd pollfd = {.fd = link_fd, .events = POLLIN};

	assert_int_equal(poll(&pollfd, 1, 10000), 1);
	assert_int_equal(link_recv(link_fd, &message, &fds), 1);
	return message.counters;
}

static void wait_for_end(int link_fd)
{
	struct link_message message;
	struct link_fds fds;
	struct pollfd pollfd = {.fd = link_fd, .events = POLLIN};

	assert_int_equal(poll(&pollfd, 1, 10000), 1);
	assert_int_equal(link_recv(link_fd, &message, &fds), 0);
}

static void relay_is_nobody_and_can_nothing(void **state)
{
	int link_fd = start_relay(*state, 1);
	struct link_counters told = hear(link_fd);

	assert_int_equal(told.flows_refused, 0);
	if (geteuid() == 0)
		assert_int_equal(told.flows_ever, NOBODY);
	close(link_fd);
}

static void relay_has_its_link_and_no_other_descriptor(void **state)
{
	int link_fd = start_relay(*state, 1);
	struct link_counters told = hear(link_fd);

	assert_int_equal(told.flows_now, SPAWNER_LINK_FD + 1);
	close(link_fd);
}

static void relay_is_to_die_with_the_spawner(void **state)
{
	struct home *home = *state;
	int link_fd = start_relay(home, 1);

	assert_int_equal(hear(link_fd).flows_held, SIGKILL);
	close(link_fd);
}

static void no_relay_is_left_when_the_spawner_has_stopped(void **state)
{
	struct home *home = *state;
	int links[SPAWNER_RELAYS_MAX];
	pid_t pids[SPAWNER_RELAYS_MAX];

	for (uint32_t i = 0; i < SPAWNER_RELAYS_MAX; i++) {
		links[i] = start_relay(home, i + 1);
		pids[i] = home->relay;
	}
	spawner_stop(home->spawner);
	home->spawner = NULL;
	for (size_t i = 0; i < SPAWNER_RELAYS_MAX; i++) {
		assert_int_equal(kill(pids[i], 0), -1);
		assert_int_equal(errno, ESRCH);
		close(links[i]);
	}
}

static void relay_that_ends_is_reported_with_its_status(void **state)
{
	struct home *home = *state;
	int link_fd = start_relay(home, 5);

	hear(link_fd);
	close(link_fd);
	while (home->deaths == 0)
		ev_run(home->loop, 0);
	assert_int_equal(home->dead_id, 5);
	assert_true(WIFEXITED(home->status));
	assert_int_equal(WEXITSTATUS(home->status), 7);
}

static void relay_is_killed_on_request(void **state)
{
	struct home *home = *state;
	int link_fd = start_relay(home, 6);

	assert_int_equal(spawner_kill(home->spawner, 99), 0);
	assert_int_equal(spawner_kill(home->spawner, 6), 0);
	while (home->deaths == 0)
		ev_run(home->loop, 0);
	assert_int_equal(home->dead_id, 6);
	assert_true(WIFSIGNALED(home->status));
	assert_int_equal(WTERMSIG(home->status), SIGKILL);
	close(link_fd);
}

static void one_relay_too_many_is_reported_dead(void **state)
{
	struct home *home = *state;
	int links[SPAWNER_RELAYS_MAX];

	for (uint32_t i = 0; i < SPAWNER_RELAYS_MAX; i++)
		links[i] = start_relay(home, i + 1);
	int ends[2];
	assert_int_equal(link_pair(ends), 0);
	assert_int_equal(spawner_spawn(home->spawner, 100, ends[1]), 0);
	while (home->deaths == 0)
		ev_run(home->loop, 0);
	assert_int_equal(home->dead_id, 100);
	assert_int_equal(home->status, -1);
	for (uint32_t i = 0; i < SPAWNER_RELAYS_MAX; i++)
		close(links[i]);
	close(ends[0]);
	close(ends[1]);
}

/* Looked for by its parent, as its id is the spawner's own affair. */
static pid_t spawner_pid_of(pid_t relay)
{
	char path[64], line[256];
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", relay);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "PPid:", 5) == 0)
			parent = atoi(line + 5);
	}
	fclose(file);
	return parent;
}

static void lost_spawner_is_told_and_takes_its_relays(void **state)
{
	struct home *home = *state;
	int link_fd = start_relay(home, 1);

	hear(link_fd);
	assert_int_equal(kill(spawner_pid_of(home->relay), SIGKILL), 0);
	while (!home->is_lost)
		ev_run(home->loop, 0);
	wait_for_end(link_fd);
	close(link_fd);
}

#define AT_HOME(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		AT_HOME(relay_is_nobody_and_can_nothing),
		AT_HOME(relay_has_its_link_and_no_other_descriptor),
		AT_HOME(relay_is_to_die_with_the_spawner),
		AT_HOME(no_relay_is_left_when_the_spawner_has_stopped),
		AT_HOME(relay_that_ends_is_reported_with_its_status),
		AT_HOME(relay_is_killed_on_request),
		AT_HOME(one_relay_too_many_is_reported_dead),
		AT_HOME(lost_spawner_is_told_and_takes_its_relays),
	};
	if (argc > 0 && spawner_is_relay(argv[0]))
		return be_relay();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
