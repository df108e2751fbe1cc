// SPDX-License-Identifier: BSD-2-Clause
#include "routed/carry_probe.h"

#include "common/addr.h"
#include "common/log.h"
#include "routed/carry.h"
#include "routed/relay/packet.h"
#include "routed/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROBE_TUN "probe0"
#define MTU 1500
#define PATIENCE_MS 5000 /* with a busy machine; it takes a millisecond */
#define HEADER_SIZE 10   /* struct virtio_net_hdr, see tun.h */
#define FRAME_MAX 2048   /* a SYN is small */
#define FRAMES_MAX 64    /* before the SYN: groups that IPv6 joins */
#define AMOUNT (256 << 10)

static const struct {
	int family;
	const char *own, *far;
} families[] = {
	{AF_INET, "192.0.2.1", "198.51.100.1:9"},
	{AF_INET6, "2001:db8::1", "[2001:db8:1::1]:9"},
};

/* What it holds ends with the process. */
struct probe {
	const struct carry_probe_conf *conf; /* borrowed */
	const char *what;                    /* is being done; static */
	struct nl_device *outside;
	int netns;
	int tun, inner_tun;
	struct carry *carry;
	int client, server;
};

static int await(int fd, short events)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int ret = poll(&poll_fd, 1, PATIENCE_MS);

	if (ret < 0)
		return -errno;
	return ret == 0 ? -ETIMEDOUT : 0;
}

static int furnish_tun(struct probe *probe)
{
	int ret = nl_device_up(probe->outside, PROBE_TUN, 0);

	for (size_t i = 0; ret == 0 && i < ARRAY_LEN(families); i++) {
		struct addr own;

		if (families[i].family == AF_INET6 &&
		    probe->conf->listener6 < 0)
			break;
		ret = addr_parse(&own, families[i].own);
		if (ret == 0)
			ret = nl_device_add_addr(probe->outside, PROBE_TUN,
						 &own);
		if (ret == 0)
			ret = nl_device_add_default(
				probe->outside, (uint8_t)families[i].family,
				RTN_UNICAST, RT_TABLE_MAIN, PROBE_TUN);
	}
	return ret;
}

/* Created where it belongs: to move one costs a wait for RCU. */
static int make_inner_tun(struct probe *probe)
{
	const struct carry_probe_conf *conf = probe->conf;
	char name[IFNAMSIZ];

	if (setns(conf->netns, CLONE_NEWNET) < 0)
		return -errno;
	probe->inner_tun = tun_open_nameless(conf->tun_name, name);
	if (setns(probe->netns, CLONE_NEWNET) < 0)
		return -errno;
	if (probe->inner_tun < 0)
		return probe->inner_tun;
	return nl_device_up(conf->inside, conf->tun_name, MTU);
}

static int make_tuns(struct probe *probe)
{

	probe->what = "cannot make the TUNs of a trial";
	probe->tun = tun_open(PROBE_TUN, MTU);
	if (probe->tun < 0)
		return probe->tun;
	int ret = furnish_tun(probe);

	return ret < 0 ? ret : make_inner_tun(probe);
}

static int start_carry(struct probe *probe)
{
	const struct carry_conf conf = {
		.inside = probe->conf->inside,
		.outside = probe->outside,
		.outside_netns = probe->netns,
	};
	int ret;

	probe->what = "cannot load the programs or make a veth";
	ret = carry_new(&probe->carry, &conf);
	if (ret < 0)
		return ret;
	probe->what = "cannot attach the programs";
	return carry_start(probe->carry, PROBE_TUN, MTU,
			   probe->conf->listener6 >= 0);
}

static int dial(struct probe *probe, const char *far)
{
	struct endpoint endpoint;
	struct sockaddr_storage ss;
	int ret = endpoint_parse(&endpoint, far, 0);

	if (ret < 0)
		return ret;
	socklen_t size = endpoint_to_sockaddr(&endpoint, &ss);
	probe->client = socket(ss.ss_family,
			       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->client < 0 ||
	    (connect(probe->client, (struct sockaddr *)&ss, size) < 0 &&
	     errno != EINPROGRESS))
		return -errno;
	return 0;
}

static bool parse(struct packet *packet, const uint8_t *frame, ssize_t length)
{
	return length > HEADER_SIZE &&
	       packet_parse(packet, frame + HEADER_SIZE,
			    (size_t)length - HEADER_SIZE) == 0;
}

/* What the relay does: the SYN comes to user space, and is let in. */
static int pass_syn(struct probe *probe)
{
	uint8_t frame[FRAME_MAX];
	struct packet packet;

	for (int i = 0; i < FRAMES_MAX; i++) {
		int ret = await(probe->tun, POLLIN);
		if (ret < 0)
			return ret;
		ssize_t n = read(probe->tun, frame, sizeof(frame));
		if (!parse(&packet, frame, n) || !packet_is_opening(&packet))
			continue;
		return write(probe->inner_tun, frame, (size_t)n) < 0 ? -errno
								     : 0;
	}
	return -ETIMEDOUT;
}

static int open_flow(struct probe *probe, size_t index)
{
	const bool is_ipv6 = families[index].family == AF_INET6;
	const int listener =
		is_ipv6 ? probe->conf->listener6 : probe->conf->listener4;

	probe->what = is_ipv6 ? "cannot open a flow of IPv6"
			      : "cannot open a flow of IPv4";
	int ret = dial(probe, families[index].far);
	if (ret == 0)
		ret = pass_syn(probe);
	if (ret == 0)
		ret = await(listener, POLLIN);
	if (ret < 0)
		return ret;
	probe->server =
		accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (probe->server < 0)
		return -errno;
	return await(probe->client, POLLOUT);
}

/* Different at each place, so that nothing can be missing or out of place. */
static void fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251);
}

static int move(int from, int to, const uint8_t *sent, uint8_t *got)
{
	size_t in = 0, out = 0;

	while (out < AMOUNT) {
		ssize_t n = send(from, sent + in, AMOUNT - in, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return -errno;
		in += n > 0 ? (size_t)n : 0;
		int ret = await(to, POLLIN);
		if (ret < 0)
			return ret;
		n = recv(to, got + out, AMOUNT - out, 0);
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		out += (size_t)n;
	}
	return memcmp(sent, got, AMOUNT) == 0 ? 0 : -EBADMSG;
}

static int exchange(struct probe *probe)
{
	int ret = -ENOMEM;
	uint8_t *bytes = malloc(2UL * AMOUNT);

	if (!bytes)
		return ret;
	fill(bytes, AMOUNT);
	probe->what = "cannot send through a flow";
	ret = move(probe->client, probe->server, bytes, bytes + AMOUNT);
	probe->what = "cannot receive through a flow";
	if (ret == 0)
		ret = move(probe->server, probe->client, bytes, bytes + AMOUNT);
	free(bytes);
	return ret;
}

/* Nothing of the flow but its SYN may have come to user space. */
static int look_at_tun(struct probe *probe)
{
	uint8_t frame[FRAME_MAX];
	struct packet packet;
	ssize_t n;

	probe->what = "the flow is not carried by the kernel";
	for (int i = 0; i < FRAMES_MAX; i++) {
		n = read(probe->tun, frame, sizeof(frame));
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (parse(&packet, frame, n) && packet.protocol == PACKET_TCP &&
		    !packet_is_opening(&packet))
			return -ENOTUNIQ;
	}
	return -ENOTUNIQ;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int try_family(struct probe *probe, size_t index)
{
	int ret = open_flow(probe, index);

	if (ret == 0)
		ret = exchange(probe);
	if (ret == 0)
		ret = look_at_tun(probe);
	close_fd(&probe->client);
	close_fd(&probe->server);
	return ret;
}

/* Inside of the namespace that stands for the host. */
static int try_all(struct probe *probe)
{
	probe->what = "cannot make a namespace for a trial";
	probe->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (probe->netns < 0)
		return -errno;
	int ret = nl_device_open(&probe->outside);
	if (ret == 0)
		ret = make_tuns(probe);
	if (ret == 0)
		ret = start_carry(probe);
	if (ret == 0)
		ret = try_family(probe, 0);
	if (ret == 0 && probe->conf->listener6 >= 0)
		ret = try_family(probe, 1);
	return ret;
}

int carry_probe(const struct carry_probe_conf *conf, const char **what)
{
	struct probe probe = {
		.conf = conf,
		.what = "cannot make a namespace for a trial",
		.netns = -1,
		.tun = -1,
		.inner_tun = -1,
		.client = -1,
		.server = -1,
	};
	int ret = unshare(CLONE_NEWNET) < 0 ? -errno : try_all(&probe);

	*what = probe.what;
	return ret;
}
