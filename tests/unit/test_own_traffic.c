// SPDX-License-Identifier: BSD-2-Clause
/*
 * A server of this very process, or of a child, on loopback; the address
 * 192.0.2.1 of an empty network namespace plays the far end.
 */
#include "routed/own_traffic.h"

#include "routed/nl_device.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define RELAY_UID 998
#define FAR "192.0.2.1"

/* Nothing but loopback is local, so that FAR is far. */
static const struct nl_state nothing;

struct world {
	struct sockdiag *diag;
	struct config *config;
	struct own_traffic *own;
	int listener; /* the SOCKS server's */
	int far;      /* a listener at FAR */
};

static struct endpoint end_of(int fd, bool is_peer)
{
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	struct sockaddr *sa = (struct sockaddr *)&ss;
	struct endpoint endpoint;

	assert_int_equal(is_peer ? getpeername(fd, sa, &size)
				 : getsockname(fd, sa, &size),
			 0);
	assert_int_equal(endpoint_from_sockaddr(&endpoint, sa), 0);
	return endpoint;
}

static int listen_on(const char *address, uint16_t port)
{
	const int on = 1;
	struct endpoint endpoint = {.port = port};
	struct sockaddr_storage ss;

	assert_int_equal(addr_parse(&endpoint.addr, address), 0);
	socklen_t size = endpoint_to_sockaddr(&endpoint, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, size), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static int dial(int listener)
{
	const struct endpoint there = end_of(listener, false);
	struct sockaddr_storage ss;
	socklen_t size = endpoint_to_sockaddr(&there, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&ss, size), 0);
	return fd;
}

static int whose(const struct world *world, int fd)
{
	const struct endpoint src = end_of(fd, false), dst = end_of(fd, true);
	struct sockdiag_socket socket;

	assert_int_equal(
		sockdiag_find(world->diag, NETWORK_TCP, &src, &dst, &socket),
		0);
	return own_traffic_whose(world->own, socket.inode, &nothing);
}

static void load(struct world *world, const char *more)
{
	char text[256];
	struct diag diag;

	snprintf(text, sizeof(text),
		 "outbounds:\n"
		 "  proxy: {type: socks5, server: 127.0.0.1:%u}\n"
		 "  idle: {type: socks5, server: 127.0.0.1:9}\n"
		 "rules:\n  - MATCH,proxy\n%s",
		 end_of(world->listener, false).port, more);
	diag_init(&diag);
	assert_int_equal(
		config_load(&world->config, text, strlen(text), "test", &diag),
		0);
	diag_fini(&diag);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct nl_device *device;
	struct addr far;

	if (!world || unshare(CLONE_NEWNET) < 0)
		return -1;
	*state = world;
	assert_int_equal(nl_device_open(&device), 0);
	assert_int_equal(nl_device_up(device, "lo", 0), 0);
	assert_int_equal(addr_parse(&far, FAR), 0);
	assert_int_equal(nl_device_add_addr(device, "lo", &far), 0);
	nl_device_close(device);
	assert_int_equal(sockdiag_open(&world->diag), 0);
	world->listener = listen_on("127.0.0.1", 0);
	world->far = listen_on(FAR, 0);
	load(world, "");
	return own_traffic_new(&world->own, world->config, world->diag,
			       RELAY_UID);
}

static int teardown(void **state)
{
	struct world *world = *state;

	own_traffic_free(world->own);
	config_free(world->config);
	sockdiag_close(world->diag);
	close(world->listener);
	close(world->far);
	free(world);
	return 0;
}

static void far_ends_of_the_server_are_exempt(void **state)
{
	struct world *world = *state;
	int upstream = dial(world->far);
	const struct endpoint there = end_of(upstream, true);
	size_t count;

	assert_int_equal(own_traffic_look(world->own, &nothing), 1);
	const struct prefix *ends = own_traffic_far_ends(world->own, &count);
	assert_int_equal(count, 1);
	assert_true(addr_equal(&ends[0].addr, &there.addr));
	assert_int_equal(ends[0].length, 32);
	own_traffic_uids(world->own, &count);
	assert_int_equal(count, 0);
	assert_int_equal(own_traffic_look(world->own, &nothing), 0);
	close(upstream);
	/* Kept: the server may be back. */
	own_traffic_far_ends(world->own, &count);
	assert_int_equal(count, 1);
}

static void clients_of_the_server_are_not_far_ends(void **state)
{
	struct world *world = *state;
	size_t count;
	int client = dial(world->listener);

	assert_int_equal(own_traffic_look(world->own, &nothing), 0);
	own_traffic_far_ends(world->own, &count);
	assert_int_equal(count, 0);
	close(client);
}

/* A process that runs until its socket pair is closed. */
struct child {
	pid_t pid;
	int fd;
};

static struct child fork_child(const struct world *world, bool keeps_listener,
			       uid_t uid)
{
	int ends[2];
	char byte = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	struct child child = {.pid = fork(), .fd = ends[0]};
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		close(ends[0]);
		if (!keeps_listener)
			close(world->listener);
		if (setuid(uid) < 0 || write(ends[1], &byte, 1) != 1)
			_exit(1);
		_exit(read(ends[1], &byte, 1) == 0 ? 0 : 2);
	}
	close(ends[1]);
	assert_int_equal(read(child.fd, &byte, 1), 1);
	return child;
}

static void end_child(struct child child)
{
	close(child.fd);
	assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
}

static void service_user_is_exempt_as_a_whole(void **state)
{
	struct world *world = *state;
	struct child server = fork_child(world, true, 105);
	size_t count;

	close(world->listener);
	assert_int_equal(own_traffic_look(world->own, &nothing), 1);
	const struct uid_range *uids = own_traffic_uids(world->own, &count);
	assert_int_equal(count, 1);
	assert_int_equal(uids[0].first, 105);
	assert_int_equal(uids[0].last, 105);
	/* Also while it is away: it will be back as that user. */
	end_child(server);
	assert_int_equal(own_traffic_look(world->own, &nothing), 0);
	own_traffic_uids(world->own, &count);
	assert_int_equal(count, 1);
	world->listener = -1;
}

static void shared_users_are_no_service_users(void **state)
{
	(void)state;
	assert_true(own_traffic_is_service_uid(105, RELAY_UID));
	assert_false(own_traffic_is_service_uid(0, RELAY_UID));
	assert_false(own_traffic_is_service_uid(RELAY_UID, RELAY_UID));
	assert_false(own_traffic_is_service_uid(1000, RELAY_UID));
	assert_false(own_traffic_is_service_uid(65534, RELAY_UID));
}

static void flow_of_the_server_is_its_own(void **state)
{
	struct world *world = *state;
	int flow;

	assert_true(own_traffic_look(world->own, &nothing) >= 0);
	flow = dial(world->far);
	assert_int_equal(whose(world, flow), OUTBOUND_FIRST);
	close(flow);
}

/* The test is not below its child, so its flows are another's. */
static void flow_of_another_process_is_not(void **state)
{
	struct world *world = *state;
	struct child server = fork_child(world, true, 0);
	int flow = dial(world->far);

	close(world->listener);
	assert_true(own_traffic_look(world->own, &nothing) >= 0);
	assert_int_equal(whose(world, flow), -1);
	/* Gone and nobody after it: now any process of that program may be. */
	end_child(server);
	assert_int_equal(whose(world, flow), OUTBOUND_FIRST);
	/* Somebody listens there again: back to the one who does. */
	world->listener = -1;
	close(flow);
}

static void server_that_came_back_is_found_before_the_next_look(void **state)
{
	struct world *world = *state;
	uint16_t port = end_of(world->listener, false).port;
	struct child first = fork_child(world, true, 0);

	close(world->listener);
	assert_true(own_traffic_look(world->own, &nothing) >= 0);
	end_child(first);
	world->listener = listen_on("127.0.0.1", port);
	int flow = dial(world->far);
	assert_int_equal(whose(world, flow), OUTBOUND_FIRST);
	struct child other = fork_child(world, false, 0);
	assert_int_equal(whose(world, flow), OUTBOUND_FIRST);
	close(flow);
	end_child(other);
}

static void socket_of_nobody_belongs_to_nobody(void **state)
{
	struct world *world = *state;

	assert_int_equal(own_traffic_whose(world->own, 0, &nothing), -1);
	assert_int_equal(own_traffic_whose(world->own, UINT32_MAX, &nothing),
			 -1);
}

static void start_without_the_server_is_refused_with_the_remedy(void **state)
{
	struct world *world = *state;
	char why[OWN_WHY_SIZE] = "";

	assert_true(own_traffic_look(world->own, &nothing) >= 0);
	assert_true(own_traffic_is_known(world->own, &nothing, why));
	close(world->listener);
	world->listener = -1;
	assert_true(own_traffic_look(world->own, &nothing) >= 0);
	assert_false(own_traffic_is_known(world->own, &nothing, why));
	assert_non_null(strstr(why, "127.0.0.1:"));
	assert_non_null(strstr(why, "'proxy'"));
	assert_non_null(strstr(why, "exempt"));
}

static void exemption_of_the_configuration_lets_it_start(void **state)
{
	struct world *world = *state;
	char why[OWN_WHY_SIZE] = "";

	config_free(world->config);
	load(world, "routed: {exempt: {mark: [7]}}\n");
	close(world->listener);
	world->listener = -1;
	own_traffic_set_config(world->own, world->config);
	assert_true(own_traffic_look(world->own, &nothing) >= 0);
	assert_true(own_traffic_is_known(world->own, &nothing, why));
}

static void local_and_fake_addresses_are_no_far_ends(void **state)
{
	struct world *world = *state;
	static const char *const unfit[] = {"127.0.0.9", "198.18.0.77",
					    "2001:2::77", "::1", "0.0.0.0"};
	struct addr addr;

	for (size_t i = 0; i < ARRAY_LEN(unfit); i++) {
		assert_int_equal(addr_parse(&addr, unfit[i]), 0);
		assert_int_equal(
			own_traffic_keep_far_end(world->own, &addr, &nothing),
			0);
	}
	assert_int_equal(addr_parse(&addr, "203.0.113.9"), 0);
	assert_int_equal(own_traffic_keep_far_end(world->own, &addr, &nothing),
			 1);
	assert_int_equal(own_traffic_keep_far_end(world->own, &addr, &nothing),
			 0);
}

static void far_ends_have_a_bound(void **state)
{
	struct world *world = *state;
	size_t count;

	for (uint32_t i = 0; i < OWN_FAR_ENDS_MAX + 10; i++) {
		const struct addr addr = addr_ipv4(0x0a000001 + i);
		int kept =
			own_traffic_keep_far_end(world->own, &addr, &nothing);
		assert_int_equal(kept, i < OWN_FAR_ENDS_MAX);
	}
	own_traffic_far_ends(world->own, &count);
	assert_int_equal(count, OWN_FAR_ENDS_MAX);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(far_ends_of_the_server_are_exempt),
		IN_WORLD(clients_of_the_server_are_not_far_ends),
		IN_WORLD(service_user_is_exempt_as_a_whole),
		cmocka_unit_test(shared_users_are_no_service_users),
		IN_WORLD(flow_of_the_server_is_its_own),
		IN_WORLD(flow_of_another_process_is_not),
		IN_WORLD(server_that_came_back_is_found_before_the_next_look),
		IN_WORLD(socket_of_nobody_belongs_to_nobody),
		IN_WORLD(start_without_the_server_is_refused_with_the_remedy),
		IN_WORLD(exemption_of_the_configuration_lets_it_start),
		IN_WORLD(local_and_fake_addresses_are_no_far_ends),
		IN_WORLD(far_ends_have_a_bound),
	};
	if (geteuid() != 0)
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
