// SPDX-License-Identifier: BSD-2-Clause
/*
 * The thread goes into the new namespace only to open what stays there: the
 * namespace's own descriptor, a netlink socket, the listeners.  Everything
 * later is done through these from outside, as the capability to go there
 * again is dropped.
 *
 * The first TUN is made inside, others are made outside and moved in.  The
 * rule names it, so that it holds
 * for each TUN of that name to come; the default routes go with a TUN and
 * are made again.  Multicast and broadcast need no care: the relay lets in
 * TCP and nothing else.
 */
#include "routed/inner.h"

#include "common/err.h"
#include "common/log.h"
#include "routed/carry.h"
#include "routed/carry_probe.h"
#include "routed/nft.h"
#include "routed/nl_device.h"
#include "routed/steer.h"
#include "routed/trial.h"
#include "routed/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WHY_SIZE 128

struct inner {
	int netns;                 /* owned */
	struct nl_device *device;  /* owned, inside */
	struct nl_device *outside; /* owned, at the host */
	int listener4;             /* owned, inside */
	int listener6;             /* owned, inside; -1: kernel without IPv6 */
	struct steer *steer;       /* owned; NULL: nft does it */
	struct carry *carry;       /* owned; NULL: the relay does it */
	struct trial *trial;       /* owned; NULL: its result is known */
	int first_tun;             /* owned; -1: others are moved in */
	bool must_carry;
	bool is_carried;    /* what goes by the TUN of now */
	char why[WHY_SIZE]; /* not */
};

/*
 * A new namespace takes some values over from the host, where they may be
 * anything.
 */
static const struct {
	const char *path;
	const char *value;
} settings[] = {
	{"/proc/sys/net/ipv4/conf/all/rp_filter", "0"},
	{"/proc/sys/net/ipv4/conf/default/rp_filter", "0"},
	{"/proc/sys/net/ipv6/conf/all/disable_ipv6", "0"},
	{"/proc/sys/net/ipv6/conf/default/disable_ipv6", "0"},
	{"/proc/sys/net/ipv6/conf/default/accept_ra", "0"},
};

/* Writes only what is different: /proc/sys may be read-only, and right. */
static int set_one(const char *path, const char *value)
{
	char old[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ssize_t n = read(fd, old, sizeof(old) - 1);
	close(fd);
	if (n > 0 && strncmp(old, value, strlen(value)) == 0)
		return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, value, strlen(value));
	int ret = n < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int set_all(void)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		int ret = set_one(settings[i].path, settings[i].value);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int bind_loopback(int fd, int family)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (family == AF_INET)
		return bind(fd, (struct sockaddr *)&in, sizeof(in));
	return bind(fd, (struct sockaddr *)&in6, sizeof(in6));
}

/* What is accepted inherits all of it. */
static int open_listener(int family)
{
	const int on = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int ret = family == AF_INET
			  ? setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on,
				       sizeof(on))
			  : setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on,
				       sizeof(on));
	if (ret < 0 || bind_loopback(fd, family) < 0 ||
	    listen(fd, INNER_BACKLOG) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	/* bbr would pace between two ends of one machine: three times the CPU
	 */
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) < 0)
		log_debug("cannot set 'cubic' on the inner listener: %s",
			  strerror(errno));
	return fd;
}

static int port_of(int fd, uint16_t *port)
{
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	struct endpoint endpoint;

	if (getsockname(fd, (struct sockaddr *)&ss, &size) < 0)
		return -errno;
	int ret = endpoint_from_sockaddr(&endpoint, (struct sockaddr *)&ss);
	*port = endpoint.port;
	return ret;
}

/* Called inside, as nft works where its caller is. */
static int steer_by_nft(const struct inner *inner)
{
	char commands[512], error[NFT_ERROR_SIZE] = "";
	uint16_t port4, port6 = 0;
	int ret = port_of(inner->listener4, &port4);

	if (ret == 0 && inner->listener6 >= 0)
		ret = port_of(inner->listener6, &port6);
	if (ret < 0)
		return ret;
	nft_steer_commands(commands, sizeof(commands), port4, port6);
	ret = nft_run(commands, error, sizeof(error));
	if (ret < 0)
		log_error("cannot steer flows by nft: %s", error);
	return ret;
}

static int steer(struct inner *inner, const struct inner_conf *conf)
{
	int ret = -EOPNOTSUPP;

	if (!conf->without_bpf)
		ret = steer_open(&inner->steer, inner->netns, inner->listener4,
				 inner->listener6);
	if (ret == 0)
		return 0;
	inner->steer = NULL;
	log_debug("steering flows by nft instead of BPF: %s", strerror(-ret));
	return steer_by_nft(inner);
}

static int route_inside(struct nl_device *device, int family)
{
	int ret = nl_device_add_default(device, (uint8_t)family, RTN_LOCAL,
					INNER_TABLE, "lo");
	if (ret < 0)
		return ret;
	ret = nl_device_add_rule(device, (uint8_t)family, INNER_TUN,
				 INNER_TABLE);
	if (ret < 0)
		return ret;
	return nl_device_add_rule(device, (uint8_t)family, CARRY_INNER_END,
				  INNER_TABLE);
}

/* Whether that is an error depends on what was asked for. */
static int say_why_not(struct inner *inner, const char *what, int error)
{
	snprintf(inner->why, sizeof(inner->why), "%s: %s", what,
		 err_text(error));
	if (inner->must_carry) {
		log_error("the kernel cannot carry TCP, as 'routed.carrier' "
			  "wants it: %s",
			  inner->why);
		return error;
	}
	log_notice("TCP is carried in user space, which takes more CPU: %s",
		   inner->why);
	return 0;
}

/* Runs inside. */
static int prepare_carry(struct inner *inner, int outside)
{
	const struct carry_conf conf = {
		.inside = inner->device,
		.outside = inner->outside,
		.outside_netns = outside,
	};
	int ret = carry_new(&inner->carry, &conf);

	if (ret == 0)
		return 0;
	inner->carry = NULL;
	return say_why_not(inner, "cannot load the programs or make a veth",
			   ret);
}

/* Runs inside; what it leaves half done inner_free() takes down. */
static int furnish(struct inner *inner, const struct inner_conf *conf)
{
	int ret = set_all();
	if (ret < 0)
		return ret;
	inner->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (inner->netns < 0)
		return -errno;
	ret = nl_device_open(&inner->device);
	if (ret < 0)
		return ret;
	ret = nl_device_up(inner->device, "lo", 0);
	if (ret < 0)
		return ret;
	inner->listener4 = open_listener(AF_INET);
	if (inner->listener4 < 0)
		return inner->listener4;
	ret = route_inside(inner->device, AF_INET);
	if (ret < 0)
		return ret;
	inner->listener6 = open_listener(AF_INET6);
	if (inner->listener6 < 0 && inner->listener6 != -EAFNOSUPPORT)
		return inner->listener6;
	if (inner->listener6 >= 0)
		ret = route_inside(inner->device, AF_INET6);
	if (ret < 0)
		return ret;
	return steer(inner, conf);
}

static void inner_init(struct inner *inner, const struct inner_conf *conf)
{
	*inner = (struct inner){
		.netns = -1,
		.listener4 = -1,
		.listener6 = -1,
		.first_tun = -1,
		.must_carry = conf->carrier == ROUTED_CARRIER_KERNEL,
	};
}

/* In a process of its own, and in namespaces like those of the real one. */
static int try_carry(const void *ctx, const char **what)
{
	const struct inner_conf *conf = ctx;
	struct inner inner;
	int ret;

	inner_init(&inner, conf);
	*what = "cannot make a namespace for a trial";
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	ret = furnish(&inner, conf);
	if (ret < 0)
		return ret;
	const struct carry_probe_conf probe_conf = {
		.inside = inner.device,
		.netns = inner.netns,
		.tun_name = INNER_TUN,
		.listener4 = inner.listener4,
		.listener6 = inner.listener6,
	};
	return carry_probe(&probe_conf, what);
}

/* Created where it belongs: to move one costs a wait for RCU. */
static int make_first_tun(struct inner *inner)
{
	char name[IFNAMSIZ];

	inner->first_tun = tun_open_nameless(INNER_TUN, name);
	return inner->first_tun < 0 ? inner->first_tun : 0;
}

int inner_new(struct inner **out, const struct inner_conf *conf)
{
	const bool may_carry = conf->carrier != ROUTED_CARRIER_USER;
	int ret = -ENOMEM, outside;
	struct inner *inner = malloc(sizeof(*inner));
	if (!inner)
		return ret;
	inner_init(inner, conf);
	if (may_carry) {
		ret = trial_start(&inner->trial, try_carry, conf);
		if (ret < 0)
			goto free_inner;
	}

	outside = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (outside < 0) {
		ret = -errno;
		goto free_inner;
	}
	ret = nl_device_open(&inner->outside);
	if (ret < 0)
		goto close_outside;
	if (unshare(CLONE_NEWNET) < 0) {
		ret = -errno;
		goto close_outside;
	}
	ret = furnish(inner, conf);
	if (ret == 0 && may_carry)
		ret = prepare_carry(inner, outside);
	if (ret == 0)
		ret = make_first_tun(inner);
	if (setns(outside, CLONE_NEWNET) < 0) {
		/* Nothing may go on in the wrong namespace. */
		log_error("cannot leave the inner namespace: %s",
			  strerror(errno));
		abort();
	}
	if (ret < 0)
		goto close_outside;
	close(outside);
	*out = inner;
	return 0;

close_outside:
	close(outside);
free_inner:
	inner_free(inner);
	return ret;
}

void inner_free(struct inner *inner)
{
	if (!inner)
		return;
	trial_free(inner->trial);
	if (inner->first_tun >= 0)
		close(inner->first_tun);
	carry_free(inner->carry);
	steer_close(inner->steer);
	if (inner->listener6 >= 0)
		close(inner->listener6);
	if (inner->listener4 >= 0)
		close(inner->listener4);
	nl_device_close(inner->device);
	nl_device_close(inner->outside);
	if (inner->netns >= 0)
		close(inner->netns);
	free(inner);
}

void inner_leave_host(struct inner *inner)
{
	carry_free(inner->carry);
	inner->carry = NULL;
	inner->is_carried = false;
}

/* Accepts and drops what a dead relay left; they are resets to nobody. */
static void drain(int listener)
{
	for (int i = 0; listener >= 0 && i < INNER_BACKLOG; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return;
		close(fd);
	}
}

/* A TUN in there, which is down; its descriptor. */
static int make_tun(struct inner *inner)
{
	char name[IFNAMSIZ];
	int fd = inner->first_tun, ret;

	inner->first_tun = -1;
	if (fd >= 0)
		return fd;
	fd = tun_open_nameless("ersatz-in%d", name);
	if (fd < 0)
		return fd;
	ret = nl_device_move(inner->outside, name, inner->netns, INNER_TUN);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

static int route_by_tun(struct inner *inner)
{
	int ret = nl_device_add_default(inner->device, AF_INET, RTN_UNICAST,
					RT_TABLE_MAIN, INNER_TUN);
	if (ret < 0 || inner->listener6 < 0)
		return ret;
	return nl_device_add_default(inner->device, AF_INET6, RTN_UNICAST,
				     RT_TABLE_MAIN, INNER_TUN);
}

/* Waits for it, the first time. */
static int ask_trial(struct inner *inner)
{
	char what[TRIAL_WHAT_SIZE];
	int ret;

	if (!inner->trial)
		return 0;
	ret = trial_result(inner->trial, what);
	trial_free(inner->trial);
	inner->trial = NULL;
	if (ret == 0 || !inner->carry)
		return 0;
	carry_free(inner->carry);
	inner->carry = NULL;
	return say_why_not(inner, what, ret);
}

/* Answers go out by the veth if the kernel carries, else by the TUN. */
static int route_out(struct inner *inner, const char *host_tun, uint32_t mtu)
{
	inner->is_carried = false;
	int ret = ask_trial(inner);
	if (ret < 0 || !inner->carry)
		return ret < 0 ? ret : route_by_tun(inner);
	ret = carry_start(inner->carry, host_tun, mtu, inner->listener6 >= 0);
	inner->is_carried = ret == 0;
	if (ret == 0)
		return 0;
	ret = say_why_not(inner, "cannot attach the programs", ret);
	return ret < 0 ? ret : route_by_tun(inner);
}

int inner_add_tun(struct inner *inner, const char *host_tun, uint32_t mtu)
{
	drain(inner->listener4);
	drain(inner->listener6);
	int fd = make_tun(inner);
	if (fd < 0)
		return fd;
	int ret = nl_device_up(inner->device, INNER_TUN, mtu);
	if (ret == 0)
		ret = route_out(inner, host_tun, mtu);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int inner_set_mtu(struct inner *inner, uint32_t mtu)
{
	int ret = nl_device_set_mtu(inner->device, INNER_TUN, mtu);

	if (ret == 0 && inner->is_carried)
		ret = carry_set_mtu(inner->carry, mtu);
	return ret;
}

int inner_listener(const struct inner *inner, int family)
{
	return family == AF_INET6 && inner->listener6 >= 0 ? inner->listener6
							   : inner->listener4;
}

const char *inner_steering(const struct inner *inner)
{
	return inner->steer ? "bpf" : "nft";
}

const char *inner_carrier(const struct inner *inner)
{
	return inner->is_carried ? "kernel" : "user";
}

struct nl_device_packets inner_carried(const struct inner *inner)
{
	struct nl_device_packets packets = {0};

	if (!inner->carry)
		return packets;
	int ret = nl_device_count(inner->device, CARRY_INNER_END, &packets);
	if (ret < 0)
		log_debug("cannot count packets of the veth: %s",
			  err_text(ret));
	return packets;
}

uint64_t inner_dropped(const struct inner *inner)
{
	return inner->carry ? carry_dropped(inner->carry) : 0;
}

const char *inner_carrier_why(const struct inner *inner)
{
	return inner->is_carried ? "" : inner->why;
}
