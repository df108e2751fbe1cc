// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/listen/port.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint;

	assert_int_equal(endpoint_parse(&endpoint, text, 53), 0);
	return endpoint;
}

static void an_ipv6_socket_is_for_ipv6_alone(void **state)
{
	const struct endpoint endpoint = endpoint_of("[::1]:53");
	int fd = port_open(&endpoint, SOCK_DGRAM);
	int is_alone = 0;
	socklen_t size = sizeof(is_alone);

	(void)state;
	if (fd == -EAFNOSUPPORT)
		skip();
	assert_true(fd >= 0);
	assert_int_equal(
		getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_alone, &size), 0);
	assert_int_equal(is_alone, 1);
	close(fd);
}

static void a_port_is_taken_once(void **state)
{
	struct endpoint endpoint = endpoint_of("127.0.0.1:53");
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	int first = port_open(&endpoint, SOCK_DGRAM);
	int second = port_open(&endpoint, SOCK_DGRAM);

	(void)state;
	endpoint.port = 0; /* any */
	assert_int_equal(port_bind(first, &endpoint), 0);
	assert_int_equal(getsockname(first, (struct sockaddr *)&ss, &size), 0);
	assert_int_equal(
		endpoint_from_sockaddr(&endpoint, (struct sockaddr *)&ss), 0);
	assert_int_equal(port_bind(second, &endpoint), -EADDRINUSE);
	close(second);
	close(first);
}

static int open_bound(struct endpoint *endpoint)
{
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	int fd = port_open(endpoint, SOCK_DGRAM);

	endpoint->port = 0; /* any */
	assert_int_equal(port_bind(fd, endpoint), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &size), 0);
	assert_int_equal(
		endpoint_from_sockaddr(endpoint, (struct sockaddr *)&ss), 0);
	return fd;
}

static int shared(const struct endpoint *endpoint)
{
	const int on = 1;
	int fd = port_open(endpoint, SOCK_DGRAM);
	int ret;

	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	ret = port_bind(fd, endpoint);
	close(fd);
	return ret;
}

static void a_sender_sends_from_there_and_takes_nothing(void **state)
{
	struct endpoint endpoint = endpoint_of("127.0.0.1");
	struct endpoint client = endpoint;
	int fd = open_bound(&endpoint), other = open_bound(&client);
	int sender = port_open_sender(fd, &endpoint);
	struct sockaddr_storage to, from;
	socklen_t length = endpoint_to_sockaddr(&endpoint, &to);
	struct endpoint source;
	char byte;

	(void)state;
	assert_true(sender >= 0);
	assert_int_equal(
		sendto(other, "q", 1, 0, (struct sockaddr *)&to, length), 1);
	assert_int_equal(recv(sender, &byte, 1, 0), -1);
	assert_int_equal(recv(fd, &byte, 1, 0), 1);

	length = endpoint_to_sockaddr(&client, &to);
	assert_int_equal(
		sendto(sender, "r", 1, 0, (struct sockaddr *)&to, length), 1);
	length = sizeof(from);
	assert_int_equal(
		recvfrom(other, &byte, 1, 0, (struct sockaddr *)&from, &length),
		1);
	assert_int_equal(
		endpoint_from_sockaddr(&source, (struct sockaddr *)&from), 0);
	assert_true(endpoint_equal(&source, &endpoint));
	close(sender);
	close(other);
	close(fd);
}

static void a_port_with_a_sender_is_not_shared(void **state)
{
	struct endpoint endpoint = endpoint_of("127.0.0.1");
	int fd = open_bound(&endpoint);
	int sender = port_open_sender(fd, &endpoint);

	(void)state;
	assert_true(sender >= 0);
	assert_int_equal(shared(&endpoint), -EADDRINUSE);
	close(fd);
	assert_int_equal(shared(&endpoint), -EADDRINUSE);
	close(sender);
	assert_int_equal(shared(&endpoint), 0);
}

static void an_address_of_somebody_else_is_an_error(void **state)
{
	const struct endpoint endpoint = endpoint_of("192.0.2.1:5353");
	int fd = port_open(&endpoint, SOCK_STREAM);

	(void)state;
	assert_int_equal(port_bind(fd, &endpoint), -EADDRNOTAVAIL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ipv6_socket_is_for_ipv6_alone),
		cmocka_unit_test(a_port_is_taken_once),
		cmocka_unit_test(a_sender_sends_from_there_and_takes_nothing),
		cmocka_unit_test(a_port_with_a_sender_is_not_shared),
		cmocka_unit_test(an_address_of_somebody_else_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
