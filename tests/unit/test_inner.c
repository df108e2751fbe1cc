// SPDX-License-Identifier: BSD-2-Clause
/*
 * The claims that the inner namespace stands on, each with the real kernel.
 *
 * Every test gets an empty network namespace as its host.  In place of the
 * relay a loop carries packets between the two TUNs as they are.
 *
 *	client --> ersatz0 [outer] <-- carry() --> [tun] inner0 --> listener
 */
#include "routed/inner.h"

#include "common/addr.h"
#include "routed/nft.h"
#include "routed/nl_device.h"
#include "routed/relay/leave.h"
#include "routed/tun.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PACKET_MAX (64 * 1024 + 64)
#define MTU 1500

struct world {
	enum routed_carrier carrier;
	struct inner *inner;
	int outer;
	int tun;
};

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void add_outer(struct world *world)
{
	struct nl_device *device;
	struct addr ipv4, ipv6;

	assert_int_equal(addr_parse(&ipv4, "198.18.0.1"), 0);
	assert_int_equal(addr_parse(&ipv6, "2001:2::1"), 0);
	world->outer = tun_open("ersatz0", MTU);
	assert_true(world->outer >= 0);
	assert_int_equal(nl_device_open(&device), 0);
	assert_int_equal(nl_device_up(device, "ersatz0", 0), 0);
	assert_int_equal(nl_device_add_addr(device, "ersatz0", &ipv4), 0);
	assert_int_equal(nl_device_add_addr(device, "ersatz0", &ipv6), 0);
	assert_int_equal(nl_device_add_default(device, AF_INET, RTN_UNICAST,
					       RT_TABLE_MAIN, "ersatz0"),
			 0);
	assert_int_equal(nl_device_add_default(device, AF_INET6, RTN_UNICAST,
					       RT_TABLE_MAIN, "ersatz0"),
			 0);
	nl_device_close(device);
}

static void add_inner(struct world *world)
{
	world->tun = inner_add_tun(world->inner, "ersatz0", MTU);
	assert_true(world->tun >= 0);
	assert_string_equal(inner_carrier_why(world->inner), "");
	assert_string_equal(inner_carrier(world->inner),
			    world->carrier == ROUTED_CARRIER_USER ? "user"
								  : "kernel");
}

static void build(struct world *world, bool without_bpf)
{
	struct inner_conf conf = {
		.without_bpf = without_bpf,
		.carrier = world->carrier,
	};

	assert_int_equal(inner_new(&world->inner, &conf), 0);
	add_outer(world);
	add_inner(world);
}

static int setup(void **state)
{
	struct nl_device *device;

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	assert_int_equal(nl_device_open(&device), 0);
	assert_int_equal(nl_device_up(device, "lo", 0), 0);
	nl_device_close(device);
	struct world *world = calloc(1, sizeof(*world));
	if (!world)
		return -1;
	world->carrier = *(const enum routed_carrier *)*state;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	inner_free(world->inner);
	close(world->outer);
	close(world->tun);
	free(world);
	return 0;
}

static void carry_one_way(int from, int to)
{
	static char packet[PACKET_MAX];
	ssize_t n;

	while ((n = read(from, packet, sizeof(packet))) > 0)
		assert_int_equal(write(to, packet, (size_t)n), n);
	assert_int_equal(errno, EAGAIN);
}

/* Carries packets until `fd` has one of `events`. */
static void carry_until(const struct world *world, int fd, short events)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = fd, .events = events},
			{.fd = world->outer, .events = POLLIN},
			{.fd = world->tun, .events = POLLIN},
		};
		assert_true(poll(fds, 3, 10000) > 0);
		if (fds[0].revents)
			return;
		carry_one_way(world->outer, world->tun);
		carry_one_way(world->tun, world->outer);
	}
}

static int dial(const char *to)
{
	struct endpoint endpoint;
	struct sockaddr_storage ss;

	assert_int_equal(endpoint_parse(&endpoint, to, 0), 0);
	socklen_t size = endpoint_to_sockaddr(&endpoint, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, size), -1);
	assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static void assert_same_end(int fd, int other_fd)
{
	struct sockaddr_storage a, b;
	socklen_t a_size = sizeof(a), b_size = sizeof(b);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &a_size), 0);
	assert_int_equal(getpeername(other_fd, (struct sockaddr *)&b, &b_size),
			 0);
	assert_int_equal(a_size, b_size);
	assert_memory_equal(&a, &b, a_size);
}

/* Returns the accepted end; its names are those that the client has. */
static int take(const struct world *world, int client, int family)
{
	int listener = inner_listener(world->inner, family);

	carry_until(world, listener, POLLIN);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(fd >= 0);
	carry_until(world, client, POLLOUT);
	assert_same_end(fd, client);
	assert_same_end(client, fd);
	return fd;
}

static void send_through(const struct world *world, int from, int to)
{
	static char sent[1 << 20], got[1 << 20];
	size_t in = 0, out = 0;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 31 + i / 251);
	while (out < sizeof(got)) {
		ssize_t n =
			send(from, sent + in, sizeof(sent) - in, MSG_NOSIGNAL);
		in += n > 0 ? (size_t)n : 0;
		carry_until(world, to, POLLIN);
		n = recv(to, got + out, sizeof(got) - out, 0);
		assert_true(n > 0);
		out += (size_t)n;
	}
	assert_memory_equal(sent, got, sizeof(sent));
}

static void flow_arrives(const struct world *world, const char *to, int family)
{
	int client = dial(to);
	int fd = take(world, client, family);

	send_through(world, client, fd);
	send_through(world, fd, client);
	close(fd);
	close(client);
}

static void any_ipv4_destination_is_accepted_as_itself(void **state)
{
	struct world *world = *state;

	build(world, false);
	flow_arrives(world, "198.18.18.103:443", AF_INET);
	flow_arrives(world, "8.8.8.8:1", AF_INET);
	flow_arrives(world, "192.0.2.1:65535", AF_INET);
}

static void any_ipv6_destination_is_accepted_as_itself(void **state)
{
	struct world *world = *state;

	build(world, false);
	flow_arrives(world, "[2001:2::1267]:443", AF_INET6);
	flow_arrives(world, "[2606:4700::1111]:53", AF_INET6);
}

static void nft_steers_where_bpf_is_not_to_be_had(void **state)
{
	struct world *world = *state;

	build(world, true);
	assert_string_equal(inner_steering(world->inner), "nft");
	flow_arrives(world, "198.18.18.103:443", AF_INET);
	flow_arrives(world, "[2001:2::1267]:443", AF_INET6);
}

static void a_firewall_that_drops_input_does_not_matter(void **state)
{
	struct world *world = *state;
	char error[NFT_ERROR_SIZE];

	build(world, false);
	assert_int_equal(
		nft_run("add table inet fw\n"
			"add chain inet fw input_all { type filter hook input "
			"priority 0; policy drop; }\n"
			"add rule inet fw input_all ct state invalid drop\n"
			"add rule inet fw input_all ct state "
			"established,related accept\n"
			"add chain inet fw forward_all { type filter hook "
			"forward "
			"priority 0; policy drop; }\n",
			error, sizeof(error)),
		0);
	flow_arrives(world, "198.18.18.103:443", AF_INET);
	flow_arrives(world, "[2001:2::1267]:443", AF_INET6);
}

static void any_rp_filter_of_the_host_will_do(void **state)
{
	struct world *world = *state;
	static const char *const values[] = {"0", "1", "2"};

	/* Before the build too: a new namespace takes the host's values. */
	write_file("/proc/sys/net/ipv4/conf/all/rp_filter", "1");
	write_file("/proc/sys/net/ipv4/conf/default/rp_filter", "1");
	build(world, false);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		write_file("/proc/sys/net/ipv4/conf/all/rp_filter", values[i]);
		write_file("/proc/sys/net/ipv4/conf/ersatz0/rp_filter",
			   values[i]);
		flow_arrives(world, "198.18.18.103:443", AF_INET);
	}
}

static void accepted_flows_use_cubic(void **state)
{
	struct world *world = *state;
	char name[16] = "";
	socklen_t size = sizeof(name);

	build(world, false);
	int client = dial("198.18.18.103:443");
	int fd = take(world, client, AF_INET);
	assert_int_equal(
		getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
	assert_string_equal(name, "cubic");
	close(fd);
	close(client);
}

static void super_packets_arrive_whole(void **state)
{
	struct world *world = *state;
	static char bytes[PACKET_MAX], zeros[128 << 10];
	ssize_t longest = 0, n;

	build(world, false);
	int client = dial("198.18.18.103:443");
	int fd = take(world, client, AF_INET);
	send_through(world, client, fd);
	carry_until(world, client, POLLOUT);
	assert_true(send(client, zeros, sizeof(zeros), 0) > 0);
	while ((n = read(world->outer, bytes, sizeof(bytes))) > 0)
		longest = n > longest ? n : longest;
	assert_true(longest > 10 * MTU);
	close(fd);
	close(client);
}

static void a_new_tun_takes_the_place_of_a_dead_one(void **state)
{
	struct world *world = *state;

	build(world, false);
	int client = dial("198.18.18.103:443");
	int fd = take(world, client, AF_INET);
	int waiting = dial("198.18.18.103:444");
	carry_until(world, inner_listener(world->inner, AF_INET), POLLIN);

	close(world->tun);
	close(world->outer);
	close(fd);
	add_outer(world);
	add_inner(world);
	/* What had waited for the old relay is not there for the new one. */
	assert_int_equal(
		accept4(inner_listener(world->inner, AF_INET), NULL, NULL, 0),
		-1);
	close(client);
	close(waiting);
	flow_arrives(world, "198.18.18.103:443", AF_INET);
	flow_arrives(world, "[2001:2::1267]:443", AF_INET6);
}

/* In a child, as what is dropped does not come back. */
static void a_new_tun_needs_no_more_than_net_admin(void **state)
{
	struct world *world = *state;
	int status;

	build(world, false);
	/* Before the fork: the device stays while anybody has it open. */
	close(world->tun);
	close(world->outer);
	world->tun = world->outer = -1;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		capng_clear(CAPNG_SELECT_BOTH);
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			     CAP_NET_ADMIN);
		if (capng_apply(CAPNG_SELECT_BOTH) != 0)
			_exit(2);
		add_outer(world);
		_exit(inner_add_tun(world->inner, "ersatz0", MTU) >= 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* For the rest of this process. */
static void refuse_bpf(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {ARRAY_LEN(code), code};

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
			 0);
}

static int be_refused(struct world *world)
{
	const struct inner_conf wish = {.carrier = ROUTED_CARRIER_AUTO};
	const struct inner_conf must = {.carrier = ROUTED_CARRIER_KERNEL};
	struct inner *none;

	refuse_bpf();
	if (inner_new(&none, &must) != -EPERM ||
	    inner_new(&world->inner, &wish) < 0)
		return 2;
	add_outer(world);
	world->tun = inner_add_tun(world->inner, "ersatz0", MTU);
	if (world->tun < 0 ||
	    strcmp(inner_carrier(world->inner), "user") != 0 ||
	    strcmp(inner_carrier_why(world->inner),
		   "cannot load the programs or make a veth: Operation not "
		   "permitted") != 0)
		return 3;
	flow_arrives(world, "198.18.18.103:443", AF_INET);
	flow_arrives(world, "[2001:2::1267]:443", AF_INET6);
	return 0;
}

/* In a child, which keeps the filter. */
static void without_bpf_the_relay_carries_and_says_why(void **state)
{
	struct world *world = *state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(be_refused(world));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	world->tun = world->outer = -1;
}

static ino_t netns_inode(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	return st.st_ino;
}

static void the_caller_stays_where_it_was(void **state)
{
	struct world *world = *state;
	ino_t before = netns_inode();

	build(world, false);
	assert_int_equal(netns_inode(), before);
}

static void nobody_of_the_host_reaches_the_listener(void **state)
{
	struct world *world = *state;
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	int listener;

	build(world, false);
	listener = inner_listener(world->inner, AF_INET);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&ss, &size),
			 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&ss, size), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
}

/* A router solicitation would enter the TUN and find nobody to answer. */
static void neither_tun_speaks_before_it_is_spoken_to(void **state)
{
	struct world *world = *state;
	char bytes[256];

	build(world, false);
	assert_int_equal(read(world->outer, bytes, sizeof(bytes)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(read(world->tun, bytes, sizeof(bytes)), -1);
	assert_int_equal(errno, EAGAIN);
}

static size_t count_links(void)
{
	struct if_nameindex *names = if_nameindex();
	size_t count = 0;

	assert_non_null(names);
	while (names[count].if_index)
		count++;
	if_freenameindex(names);
	return count;
}

static void a_name_that_is_taken_is_refused(void **state)
{
	struct world *world = *state;

	build(world, false);
	assert_int_equal(tun_open("ersatz0", MTU), -EBUSY);
}

/* The TUN of somebody else, which is none of ours, stays. */
static void what_is_at_the_host_goes_together(void **state)
{
	struct world *world = *state;
	const int other = tun_open("other0", MTU);
	char byte;

	assert_true(other >= 0);
	build(world, false);
	assert_int_equal(count_links(), 4); /* lo, both TUNs, veth */
	inner_leave_host(world->inner);
	assert_int_equal(count_links(), 2);
	assert_int_not_equal(if_nametoindex("other0"), 0);
	assert_int_equal(read(world->outer, &byte, 1), -1);
	assert_int_equal(errno, EBADFD);
	close(other);
}

/* It stays with the namespace when nobody has it open any more. */
static void an_inner_tun_is_left_to_its_namespace(void **state)
{
	struct world *world = *state;
	int link[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, link), 0);
	build(world, false);
	/* What the parent asked too late does not hold it up. */
	assert_int_equal(write(link[0], "ping", 4), 4);
	assert_int_equal(shutdown(link[0], SHUT_WR), 0);
	leave_together(link[1], world->tun);
	close(world->tun);
	world->tun = -1;
	assert_int_equal(inner_set_mtu(world->inner, MTU - 20), 0);
	close(link[0]);
	close(link[1]);
}

static const enum routed_carrier user = ROUTED_CARRIER_USER;
static const enum routed_carrier kernel = ROUTED_CARRIER_KERNEL;

#define BY(carrier_, test_)                                               \
	{                                                                 \
		.name = #test_ " (by " #carrier_ ")", .test_func = test_, \
		.setup_func = setup, .teardown_func = teardown,           \
		.initial_state = (void *)(uintptr_t)&carrier_,            \
	}
#define BY_BOTH(test) BY(user, test), BY(kernel, test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BY_BOTH(any_ipv4_destination_is_accepted_as_itself),
		BY_BOTH(any_ipv6_destination_is_accepted_as_itself),
		BY(user, nft_steers_where_bpf_is_not_to_be_had),
		BY_BOTH(a_firewall_that_drops_input_does_not_matter),
		BY_BOTH(any_rp_filter_of_the_host_will_do),
		BY_BOTH(accepted_flows_use_cubic),
		BY(user, super_packets_arrive_whole),
		BY_BOTH(a_new_tun_takes_the_place_of_a_dead_one),
		BY_BOTH(a_new_tun_needs_no_more_than_net_admin),
		BY(user, without_bpf_the_relay_carries_and_says_why),
		BY_BOTH(the_caller_stays_where_it_was),
		BY_BOTH(nobody_of_the_host_reaches_the_listener),
		BY_BOTH(neither_tun_speaks_before_it_is_spoken_to),
		BY_BOTH(a_name_that_is_taken_is_refused),
		BY(kernel, what_is_at_the_host_goes_together),
		BY(user, an_inner_tun_is_left_to_its_namespace),
	};
	if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK) != 0)
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
