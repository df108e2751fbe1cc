// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/entrance.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	struct ev_loop *loop;
	struct entrance *entrance;
	int listeners[2];
	int accepted;
	struct tuple tuple;
	int fd;
} t;

static void on_accepted(void *ctx, int fd, const struct tuple *tuple)
{
	assert_ptr_equal(ctx, &t);
	t.accepted++;
	t.tuple = *tuple;
	t.fd = fd;
}

static int listen_at(const char *text)
{
	struct endpoint endpoint;
	struct sockaddr_storage ss;
	socklen_t size;
	int fd;

	assert_int_equal(endpoint_parse(&endpoint, text, 1), 0);
	endpoint.port = 0;
	size = endpoint_to_sockaddr(&endpoint, &ss);
	fd = socket(addr_af(&endpoint.addr), SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, size), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static int setup(void **state)
{
	(void)state;
	t.loop = ev_loop_new(EVFLAG_AUTO);
	t.listeners[0] = listen_at("127.0.0.1");
	t.listeners[1] = listen_at("::1");
	t.accepted = 0;
	return entrance_new(&t.entrance, t.loop, t.listeners, on_accepted, &t);
}

static int teardown(void **state)
{
	(void)state;
	entrance_free(t.entrance);
	ev_loop_destroy(t.loop);
	close(t.listeners[0]);
	close(t.listeners[1]);
	return 0;
}

static struct endpoint own_endpoint(int fd)
{
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	struct endpoint endpoint;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &size), 0);
	assert_int_equal(
		endpoint_from_sockaddr(&endpoint, (struct sockaddr *)&ss), 0);
	return endpoint;
}

static int connect_to(int listener)
{
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	int fd;

	assert_int_equal(getsockname(listener, (struct sockaddr *)&ss, &size),
			 0);
	fd = socket(ss.ss_family, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, size), 0);
	return fd;
}

static void turn(void)
{
	ev_run(t.loop, EVRUN_NOWAIT);
	poll(NULL, 0, 1);
}

static void tells_who_came_and_where_to(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int fd = connect_to(t.listeners[i]);
		struct endpoint src = own_endpoint(fd);
		struct endpoint dst = own_endpoint(t.listeners[i]);

		while (t.accepted == i)
			turn();
		assert_true(endpoint_equal(&t.tuple.src, &src));
		assert_true(endpoint_equal(&t.tuple.dst, &dst));
		assert_true(fcntl(t.fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(t.fd, F_GETFD) & FD_CLOEXEC);
		close(t.fd);
		close(fd);
	}
}

static void accepted_sockets_inherit_options(void **state)
{
	int fd = connect_to(t.listeners[0]), value;
	socklen_t size = sizeof(value);

	(void)state;
	while (t.accepted == 0)
		turn();
	assert_int_equal(
		getsockopt(t.fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
	assert_int_equal(value, 1);
	close(t.fd);
	close(fd);
}

/* What the kernel does with it when this process is killed. */
static void accepted_sockets_that_are_just_closed_are_reset(void **state)
{
	int fd = connect_to(t.listeners[0]);
	char byte;

	(void)state;
	while (t.accepted == 0)
		turn();
	close(t.fd);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
}

static void without_descriptors_connections_are_reset(void **state)
{
	struct rlimit old, none;
	ssize_t n = 0;
	int fd = connect_to(t.listeners[0]), last;
	char byte;

	(void)state;
	/* Not one more than are in use. */
	last = dup(0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)last + 1,
			       .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	do
		turn();
	while ((n = recv(fd, &byte, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN);
	assert_int_equal(n, -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(last);
	close(fd);

	fd = connect_to(t.listeners[0]);
	while (t.accepted == 0)
		turn();
	close(t.fd);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_who_came_and_where_to),
		TEST(accepted_sockets_inherit_options),
		TEST(accepted_sockets_that_are_just_closed_are_reset),
		TEST(without_descriptors_connections_are_reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
