// SPDX-License-Identifier: BSD-2-Clause
#include "routed/flow_owner.h"

#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[LINK_PATH_SIZE];

static void version_two_counts(void **state)
{
	(void)state;
	assert_true(flow_owner_parse_cgroup("0::/user.slice/a.scope\n", path,
					    sizeof(path)));
	assert_string_equal(path, "/user.slice/a.scope");
	assert_true(flow_owner_parse_cgroup(
		"12:cpu:/x\n1:name=systemd:/old\n0::/new\n", path,
		sizeof(path)));
	assert_string_equal(path, "/new");
	assert_true(flow_owner_parse_cgroup("0::/a:b", path, sizeof(path)));
	assert_string_equal(path, "/a:b");
}

static void systemds_own_is_next(void **state)
{
	(void)state;
	assert_true(flow_owner_parse_cgroup("12:cpu:/x\n1:name=systemd:/old\n",
					    path, sizeof(path)));
	assert_string_equal(path, "/old");
}

static void nothing_else_is_a_group(void **state)
{
	static const char *const texts[] = {"", "\n", "12:cpu:/x\n", "0:/x\n",
					    "name=systemd:/x\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_false(
			flow_owner_parse_cgroup(texts[i], path, sizeof(path)));
	assert_false(flow_owner_parse_cgroup("0::/longer\n", path, 5));
}

/* A connection of this very program over loopback. */
static void a_flow_of_ours_is_ours(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct link_flow flow = {.network = NETWORK_TCP};
	struct link_owner owner = {.outbound = -1};
	struct sockdiag_socket found;
	struct sockdiag *diag;
	char exe[PATH_MAX] = "";

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&addr, &size);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, size), 0);
	assert_int_equal(
		endpoint_from_sockaddr(&flow.dst, (struct sockaddr *)&addr), 0);
	getsockname(fd, (struct sockaddr *)&addr, &size);
	assert_int_equal(
		endpoint_from_sockaddr(&flow.src, (struct sockaddr *)&addr), 0);
	assert_int_equal(sockdiag_open(&diag), 0);
	assert_int_equal(flow_owner_find(diag, &flow, &found), 0);
	flow_owner_describe(&found, true, &owner);
	assert_int_equal(owner.is_known, 1);
	assert_int_equal(owner.uid, getuid());
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_string_equal(owner.process, exe);
	/* Nobody has the flow the other way round but the listener's side. */
	flow.src.port++;
	assert_true(flow_owner_find(diag, &flow, &found) < 0);
	assert_int_equal(owner.outbound, -1);
	flow_owner_describe(&found, false, &owner);
	assert_string_equal(owner.process, "");
	sockdiag_close(diag);
	close(fd);
	close(listener);
}

static void nonsense_is_nobodys(void **state)
{
	struct link_flow flow = {.network = 200};
	struct sockdiag_socket found;
	struct sockdiag *diag;

	(void)state;
	assert_int_equal(sockdiag_open(&diag), 0);
	assert_true(flow_owner_find(diag, &flow, &found) < 0);
	flow.network = NETWORK_TCP;
	assert_true(flow_owner_find(diag, &flow, &found) < 0);
	flow.src.addr.family = flow.dst.addr.family = 99;
	assert_true(flow_owner_find(diag, &flow, &found) < 0);
	flow.src.addr.family = ADDR_IPV4;
	flow.dst.addr.family = ADDR_IPV6;
	assert_true(flow_owner_find(diag, &flow, &found) < 0);
	sockdiag_close(diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_two_counts),
		cmocka_unit_test(systemds_own_is_next),
		cmocka_unit_test(nothing_else_is_a_group),
		cmocka_unit_test(a_flow_of_ours_is_ours),
		cmocka_unit_test(nonsense_is_nobodys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
