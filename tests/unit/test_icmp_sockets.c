// SPDX-License-Identifier: BSD-2-Clause
/* Sockets of a link that the parent sees before the relay does, or after. */
#include "routed/relay/icmp/sockets.h"

#include "common/compiler.h"
#include "common/nl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WG0 7

static struct {
	struct icmp_sockets *sockets;
	struct ev_loop *loop;
	int peer_fd; /* end of file: the socket that was given is closed */
} t;

static void on_answer(void *ctx, const struct addr *from,
		      const struct icmp_answer *answer)
{
	(void)ctx, (void)from, (void)answer;
}

static int make(void **state)
{
	int fds[2];

	(void)state;
	t.loop = ev_loop_new(0);
	if (!t.loop ||
	    icmp_sockets_new(&t.sockets, t.loop, on_answer, NULL) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds) < 0)
		return -1;
	t.peer_fd = fds[1];
	icmp_sockets_give(t.sockets, WG0, ADDR_IPV4, fds[0]);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	icmp_sockets_free(t.sockets);
	ev_loop_destroy(t.loop);
	close(t.peer_fd);
	return 0;
}

static bool is_closed(void)
{
	char byte;

	return recv(t.peer_fd, &byte, 1, 0) == 0;
}

static void look(bool is_there)
{
	struct nl_link links[] = {{.ifindex = 1}, {.ifindex = WG0}};
	const struct nl_state state = {.links = links,
				       .link_count = is_there ? 2 : 1};

	icmp_sockets_on_links(t.sockets, &state);
}

static void link_that_is_not_heard_of_yet_keeps_its_socket(void **state)
{
	(void)state;
	look(false);
	assert_false(is_closed());
	look(true);
	assert_false(is_closed());
}

static void link_that_is_gone_loses_its_socket(void **state)
{
	(void)state;
	look(true);
	look(false);
	assert_true(is_closed());
}

#define CLAIM(claim) cmocka_unit_test_setup_teardown(claim, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(link_that_is_not_heard_of_yet_keeps_its_socket),
		CLAIM(link_that_is_gone_loses_its_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
