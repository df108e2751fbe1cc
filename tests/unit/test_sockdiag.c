// SPDX-License-Identifier: BSD-2-Clause
#include "routed/sockdiag.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
	return sockdiag_open((struct sockdiag **)state);
}

static int teardown(void **state)
{
	sockdiag_close(*state);
	return 0;
}

static uint32_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint32_t)st.st_ino;
}

static struct endpoint own_end(int fd)
{
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	struct endpoint endpoint;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &size), 0);
	assert_int_equal(
		endpoint_from_sockaddr(&endpoint, (struct sockaddr *)&ss), 0);
	return endpoint;
}

/* A socket of that type, bound to a port of its own at `address`. */
static int open_at(const char *address, int type)
{
	struct endpoint endpoint = {.port = 0};
	struct sockaddr_storage ss;

	assert_int_equal(addr_parse(&endpoint.addr, address), 0);
	socklen_t size = endpoint_to_sockaddr(&endpoint, &ss);
	int fd = socket(ss.ss_family, type, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, size), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void connect_to(int fd, int server)
{
	const struct endpoint there = own_end(server);
	struct sockaddr_storage ss;
	socklen_t size = endpoint_to_sockaddr(&there, &ss);

	assert_int_equal(connect(fd, (struct sockaddr *)&ss, size), 0);
}

struct hunt {
	uint32_t inode;
	int found, seen;
	struct sockdiag_socket socket;
};

static void look(void *ctx, const struct sockdiag_socket *socket)
{
	struct hunt *hunt = ctx;

	hunt->seen++;
	if (socket->inode != hunt->inode)
		return;
	hunt->found++;
	hunt->socket = *socket;
}

static void listener_is_found_by_its_port(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "::1"};

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		int fd = open_at(addresses[i], SOCK_STREAM);
		struct hunt hunt = {.inode = inode_of(fd)};
		const struct endpoint end = own_end(fd);

		struct sockdiag_query query = {.network = NETWORK_TCP,
					       .states = SOCKDIAG_LISTENING,
					       .port = end.port};

		assert_int_equal(sockdiag_each(*state, &query, look, &hunt), 0);
		assert_int_equal(hunt.found, 1);
		assert_true(endpoint_equal(&hunt.socket.local, &end));
		assert_int_equal(hunt.socket.uid, getuid());
		hunt.found = 0;
		query.port ^= 1;
		assert_int_equal(sockdiag_each(*state, &query, look, &hunt), 0);
		assert_int_equal(hunt.found, 0);
		close(fd);
	}
}

static void unconnected_udp_socket_is_found(void **state)
{
	int fd = open_at("0.0.0.0", SOCK_DGRAM);
	struct hunt hunt = {.inode = inode_of(fd)};

	const struct sockdiag_query query = {.network = NETWORK_UDP,
					     .states = SOCKDIAG_UNCONNECTED};

	assert_int_equal(sockdiag_each(*state, &query, look, &hunt), 0);
	assert_int_equal(hunt.found, 1);
	assert_true(addr_is_unspecified(&hunt.socket.local.addr));
	close(fd);
}

static void each_end_of_a_connection_is_told_apart(void **state)
{
	int server = open_at("127.0.0.1", SOCK_STREAM);
	int client = socket(AF_INET, SOCK_STREAM, 0);
	connect_to(client, server);
	int accepted = accept(server, NULL, NULL);
	const struct endpoint there = own_end(server), here = own_end(client);
	struct sockdiag_socket socket;

	assert_int_equal(
		sockdiag_find(*state, NETWORK_TCP, &here, &there, &socket), 0);
	assert_int_equal(socket.inode, inode_of(client));
	assert_int_equal(
		sockdiag_find(*state, NETWORK_TCP, &there, &here, &socket), 0);
	assert_int_equal(socket.inode, inode_of(accepted));
	close(accepted);
	close(client);
	close(server);
}

static void ipv4_flow_of_an_ipv6_socket_is_found(void **state)
{
	const int off = 0;
	int server = open_at("127.0.0.1", SOCK_STREAM);
	int client = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 to = {.sin6_family = AF_INET6};
	struct sockdiag_socket socket;

	setsockopt(client, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	to.sin6_addr.s6_addr[10] = to.sin6_addr.s6_addr[11] = 0xff;
	to.sin6_addr.s6_addr[12] = 127;
	to.sin6_addr.s6_addr[15] = 1;
	to.sin6_port = htons(own_end(server).port);
	assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)),
			 0);
	const struct endpoint there = own_end(server), here = own_end(client);
	assert_int_equal(here.addr.family, ADDR_IPV4);
	assert_int_equal(
		sockdiag_find(*state, NETWORK_TCP, &here, &there, &socket), 0);
	assert_int_equal(socket.inode, inode_of(client));
	close(client);
	close(server);
}

static void udp_flow_is_found_by_what_it_sends(void **state)
{
	int server = open_at("127.0.0.1", SOCK_DGRAM);
	int client = socket(AF_INET, SOCK_DGRAM, 0);
	connect_to(client, server);
	const struct endpoint there = own_end(server), here = own_end(client);
	struct sockdiag_socket socket;

	assert_int_equal(
		sockdiag_find(*state, NETWORK_UDP, &here, &there, &socket), 0);
	assert_int_equal(socket.inode, inode_of(client));
	close(client);
	close(server);
}

static void socket_that_is_not_there_is_no_entry(void **state)
{
	struct endpoint here, there;
	struct sockdiag_socket socket;

	assert_int_equal(endpoint_parse(&here, "127.0.0.1:1", 0), 0);
	assert_int_equal(endpoint_parse(&there, "127.0.0.2:1", 0), 0);
	assert_int_equal(
		sockdiag_find(*state, NETWORK_TCP, &here, &there, &socket),
		-ENOENT);
	assert_int_equal(
		sockdiag_find(*state, NETWORK_UDP, &here, &there, &socket),
		-ENOENT);
}

static int error_of(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	int error = 0;
	socklen_t size = sizeof(error);

	assert_true(poll(&pollfd, 1, 10000) >= 0);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

static void connections_of_one_address_end_and_no_others(void **state)
{
	int server = open_at("127.0.0.1", SOCK_STREAM);
	int doomed = socket(AF_INET, SOCK_STREAM, 0);
	int other = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct addr src;

	if (geteuid() != 0)
		skip();
	assert_int_equal(addr_parse(&src, "127.77.66.55"), 0);
	memcpy(&from.sin_addr, src.bytes, 4);
	assert_int_equal(bind(doomed, (struct sockaddr *)&from, sizeof(from)),
			 0);
	connect_to(doomed, server);
	connect_to(other, server);
	int ret = sockdiag_destroy(*state, &src);
	if (ret == -EOPNOTSUPP)
		skip();
	assert_int_equal(ret, 1);
	assert_int_equal(error_of(doomed), ECONNABORTED);
	assert_int_equal(send(other, "x", 1, 0), 1);
	assert_int_equal(sockdiag_destroy(*state, &src), 0);
	close(other);
	close(doomed);
	close(server);
}

#define WITH_DIAG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIAG(listener_is_found_by_its_port),
		WITH_DIAG(unconnected_udp_socket_is_found),
		WITH_DIAG(each_end_of_a_connection_is_told_apart),
		WITH_DIAG(ipv4_flow_of_an_ipv6_socket_is_found),
		WITH_DIAG(udp_flow_is_found_by_what_it_sends),
		WITH_DIAG(socket_that_is_not_there_is_no_entry),
		WITH_DIAG(connections_of_one_address_end_and_no_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
