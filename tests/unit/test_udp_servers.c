// SPDX-License-Identifier: BSD-2-Clause
#include "routed/udp_servers.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct port_range clients = {32768, 60999};

static struct sockdiag_socket server_at(uint16_t port)
{
	struct sockdiag_socket socket = {.local.port = port};

	socket.local.addr.family = ADDR_IPV4;
	return socket;
}

static bool counts(const struct sockdiag_socket *socket)
{
	return udp_servers_counts(socket, &clients, 998);
}

static void unbound_socket_on_a_server_port_is_a_server(void **state)
{
	struct sockdiag_socket socket = server_at(9999);

	(void)state;
	assert_true(counts(&socket));
	socket = server_at(32767);
	assert_true(counts(&socket));
	socket = server_at(61000);
	assert_true(counts(&socket));
}

static void client_ports_make_no_server(void **state)
{
	struct sockdiag_socket socket = server_at(32768);

	(void)state;
	assert_false(counts(&socket));
	socket = server_at(60999);
	assert_false(counts(&socket));
	socket = server_at(0);
	assert_false(counts(&socket));
}

static void bound_connected_and_own_sockets_make_no_server(void **state)
{
	struct sockdiag_socket socket = server_at(9999);

	(void)state;
	socket.local.addr = addr_ipv4(0x7f000001);
	assert_false(counts(&socket));
	socket = server_at(9999);
	socket.remote.port = 53;
	assert_false(counts(&socket));
	socket = server_at(9999);
	socket.uid = 998;
	assert_false(counts(&socket));
}

/* A port below 32768, as the range of clients is the host's. */
static int open_server(int family, uint16_t *port)
{
	int fd = socket(family, SOCK_DGRAM, 0);

	for (*port = 9000; *port < 20000; (*port)++) {
		struct sockaddr_in in = {.sin_family = AF_INET,
					 .sin_port = htons(*port)};
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
					   .sin6_port = htons(*port)};
		int ret = family == AF_INET
				  ? bind(fd, (struct sockaddr *)&in, sizeof(in))
				  : bind(fd, (struct sockaddr *)&in6,
					 sizeof(in6));
		if (ret == 0)
			return fd;
	}
	fail_msg("no port is free");
	return -1;
}

static void servers_are_found_and_forgotten(void **state)
{
	struct sockdiag *diag;
	struct udp_servers servers = {.count = 0};
	struct endpoint server = {.addr.family = ADDR_IPV4};

	(void)state;
	assert_int_equal(sockdiag_open(&diag), 0);
	int fd = open_server(AF_INET, &server.port);
	assert_int_equal(udp_servers_find(&servers, diag, 998), 1);
	assert_true(udp_servers_has(&servers, &server));
	close(fd);
	assert_int_equal(udp_servers_find(&servers, diag, 998), 1);
	assert_false(udp_servers_has(&servers, &server));
	sockdiag_close(diag);
}

static void ipv6_server_serves_ipv4_as_well(void **state)
{
	struct sockdiag *diag;
	struct udp_servers servers = {.count = 0};
	struct endpoint server = {.addr.family = ADDR_IPV6};

	(void)state;
	assert_int_equal(sockdiag_open(&diag), 0);
	int fd = open_server(AF_INET6, &server.port);
	assert_int_equal(udp_servers_find(&servers, diag, 998), 1);
	assert_true(udp_servers_has(&servers, &server));
	server.addr.family = ADDR_IPV4;
	assert_true(udp_servers_has(&servers, &server));
	close(fd);
	sockdiag_close(diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unbound_socket_on_a_server_port_is_a_server),
		cmocka_unit_test(client_ports_make_no_server),
		cmocka_unit_test(
			bound_connected_and_own_sockets_make_no_server),
		cmocka_unit_test(servers_are_found_and_forgotten),
		cmocka_unit_test(ipv6_server_serves_ipv4_as_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
