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
		cmocka_unit_test(an_address_of_somebody_else_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
