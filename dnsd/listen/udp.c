// SPDX-License-Identifier: BSD-2-Clause
/*
 * Replies leave by a socket of their own.  On one that is watched for queries
 * the kernel looks after each datagram whether who watches it waits for room to
 * send, under locks that whoever sends the next query wants as well: a
 * twentieth of all that a query costs.
 */
#include "dnsd/listen/udp.h"

#include "common/clock.h"
#include "dnsd/listen/port.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A longer query is read up to here; its records then seem to be cut. */
#define QUERY_MAX 1536
#define CONTROL_SIZE CMSG_SPACE(sizeof(struct in6_pktinfo))
#define RECEIVE_BUFFER (4 << 20)

struct listener {
	struct udp *udp; /* borrowed */
	uint16_t index;
	int fd;
	int reply_fd; /* to send by; the same one where there is no other */
	ev_io io;
	struct endpoint endpoint;
	bool is_wildcard;
};

/* What a datagram needs beside its bytes. */
struct envelope {
	struct sockaddr_storage peer;
	struct iovec iov;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_SIZE];
};

struct udp {
	struct ev_loop *loop;
	const struct udp_ops *ops; /* borrowed */
	void *ctx;
	struct listener *listeners; /* owned */
	size_t listener_count;

	struct mmsghdr in[UDP_BATCH];
	struct envelope in_envelope[UDP_BATCH];
	uint8_t query[UDP_BATCH][QUERY_MAX];

	struct mmsghdr out[UDP_BATCH];
	struct envelope out_envelope[UDP_BATCH];
	unsigned out_count;
	uint16_t out_listener;

	uint64_t queries, replies, unsent;
};

static int set_on(int fd, int level, int option)
{
	const int on = 1;

	return setsockopt(fd, level, option, &on, sizeof(on)) ? -errno : 0;
}

static int bind_listener(struct listener *listener)
{
	bool is_ipv6 = listener->endpoint.addr.family == ADDR_IPV6;
	const int size = RECEIVE_BUFFER;
	int fd = port_open(&listener->endpoint, SOCK_DGRAM);
	int ret = 0;

	listener->fd = fd;
	if (fd < 0)
		return fd;
	/* More than rmem_max needs privilege; less serves too. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
				 sizeof(size));
	/* Before it is bound: not one datagram comes without. */
	if (listener->is_wildcard)
		ret = is_ipv6 ? set_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO)
			      : set_on(fd, IPPROTO_IP, IP_PKTINFO);
	if (ret == 0)
		ret = port_bind(fd, &listener->endpoint);
	if (ret < 0)
		return ret;
	listener->reply_fd = port_open_sender(fd, &listener->endpoint);
	if (listener->reply_fd < 0)
		listener->reply_fd = fd;
	return 0;
}

static void prepare_receiving(struct udp *udp)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		struct envelope *envelope = &udp->in_envelope[i];
		struct msghdr *msg = &udp->in[i].msg_hdr;

		envelope->iov.iov_base = udp->query[i];
		envelope->iov.iov_len = QUERY_MAX;
		msg->msg_name = &envelope->peer;
		msg->msg_iov = &envelope->iov;
		msg->msg_iovlen = 1;
	}
}

/* The kernel writes into these; they are set anew before each call. */
static void reset_lengths(struct udp *udp, bool wants_control)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		struct msghdr *msg = &udp->in[i].msg_hdr;

		msg->msg_namelen = sizeof(struct sockaddr_storage);
		msg->msg_control =
			wants_control ? udp->in_envelope[i].control : NULL;
		msg->msg_controllen = wants_control ? CONTROL_SIZE : 0;
	}
}

static void read_pktinfo(struct asker *asker, const struct cmsghdr *cmsg)
{
	struct in_pktinfo info;
	struct in6_pktinfo info6;

	if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
		memcpy(&info, CMSG_DATA(cmsg), sizeof(info));
		asker->local = addr_ipv4(ntohl(info.ipi_spec_dst.s_addr));
	} else if (cmsg->cmsg_level == IPPROTO_IPV6 &&
		   cmsg->cmsg_type == IPV6_PKTINFO) {
		memcpy(&info6, CMSG_DATA(cmsg), sizeof(info6));
		asker->local.family = ADDR_IPV6;
		memcpy(asker->local.bytes, &info6.ipi6_addr, 16);
		if (IN6_IS_ADDR_LINKLOCAL(&info6.ipi6_addr))
			asker->ifindex = (int)info6.ipi6_ifindex;
	}
}

/* A sender without a port cannot be answered. */
static bool read_asker(struct asker *asker, const struct listener *listener,
		       struct msghdr *msg)
{
	const struct sockaddr_storage *peer = msg->msg_name;

	*asker = (struct asker){.local = listener->endpoint.addr,
				.listener = listener->index};
	if (endpoint_from_sockaddr(&asker->client,
				   (const struct sockaddr *)peer) < 0)
		return false;
	if (peer->ss_family == AF_INET6)
		asker->ifindex =
			(int)((const struct sockaddr_in6 *)peer)->sin6_scope_id;
	if (listener->is_wildcard) {
		for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg;
		     cmsg = CMSG_NXTHDR(msg, cmsg))
			read_pktinfo(asker, cmsg);
	}
	return asker->client.port != 0;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct listener *listener = io->data;
	struct udp *udp = listener->udp;
	int64_t now_ms;
	int count;

	(void)loop;
	(void)events;
	reset_lengths(udp, listener->is_wildcard);
	count = recvmmsg(listener->fd, udp->in, UDP_BATCH, MSG_DONTWAIT, NULL);
	now_ms = clock_boottime_ms();
	for (int i = 0; i < count; i++) {
		struct asker asker;

		udp->queries++;
		if (!read_asker(&asker, listener, &udp->in[i].msg_hdr))
			continue;
		asker.now_ms = now_ms;
		(void)udp->ops->on_query(udp->ctx, &asker, udp->query[i],
					 udp->in[i].msg_len);
	}
	udp->ops->on_queries_end(udp->ctx);
}

static int open_listener(struct listener *listener)
{
	int ret = bind_listener(listener);

	if (ret < 0)
		return port_explain(&listener->endpoint, SOCK_DGRAM, ret);
	ev_io_init(&listener->io, on_readable, listener->fd, EV_READ);
	listener->io.data = listener;
	return 0;
}

static int open_listeners(struct udp *udp, const struct server_conf *conf)
{
	int ret = 0;

	for (size_t i = 0; i < conf->listen_count && ret == 0; i++) {
		struct listener *listener = &udp->listeners[i];

		listener->udp = udp;
		listener->index = (uint16_t)i;
		listener->reply_fd = -1;
		listener->endpoint = conf->listen[i];
		listener->is_wildcard =
			addr_is_unspecified(&conf->listen[i].addr);
		udp->listener_count++;
		ret = open_listener(listener);
	}
	return ret;
}

int udp_open(struct udp **udp, struct ev_loop *loop,
	     const struct server_conf *conf, const struct udp_ops *ops,
	     void *ctx)
{
	struct udp *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->ops = ops;
	new->ctx = ctx;
	prepare_receiving(new);
	new->listeners = calloc(conf->listen_count, sizeof(*new->listeners));
	if (!new->listeners)
		goto close_all;
	ret = open_listeners(new, conf);
	if (ret < 0)
		goto close_all;
	*udp = new;
	return 0;

close_all:
	udp_close(new);
	return ret;
}

void udp_start(struct udp *udp)
{
	for (size_t i = 0; i < udp->listener_count; i++)
		ev_io_start(udp->loop, &udp->listeners[i].io);
}

void udp_close(struct udp *udp)
{
	if (!udp)
		return;
	for (size_t i = 0; i < udp->listener_count; i++) {
		struct listener *listener = &udp->listeners[i];

		if (ev_is_active(&listener->io))
			ev_io_stop(udp->loop, &listener->io);
		if (listener->reply_fd >= 0 &&
		    listener->reply_fd != listener->fd)
			close(listener->reply_fd);
		if (listener->fd >= 0)
			close(listener->fd);
	}
	free(udp->listeners);
	free(udp);
}

static void write_pktinfo(struct msghdr *msg, struct envelope *envelope,
			  const struct asker *asker)
{
	struct in_pktinfo info = {0};
	struct in6_pktinfo info6 = {0};
	struct cmsghdr *cmsg;

	msg->msg_control = envelope->control;
	msg->msg_controllen = CONTROL_SIZE;
	cmsg = CMSG_FIRSTHDR(msg);
	if (asker->local.family == ADDR_IPV4) {
		info.ipi_spec_dst.s_addr = htonl(addr_to_ipv4(&asker->local));
		cmsg->cmsg_level = IPPROTO_IP;
		cmsg->cmsg_type = IP_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		memcpy(&info6.ipi6_addr, asker->local.bytes, 16);
		info6.ipi6_ifindex = (unsigned)asker->ifindex;
		cmsg->cmsg_level = IPPROTO_IPV6;
		cmsg->cmsg_type = IPV6_PKTINFO;
		cmsg->cmsg_len = CMSG_LEN(sizeof(info6));
		memcpy(CMSG_DATA(cmsg), &info6, sizeof(info6));
		msg->msg_controllen = CMSG_SPACE(sizeof(info6));
	}
}

void udp_queue(struct udp *udp, const struct asker *asker,
	       const uint8_t *message, size_t length)
{
	const struct listener *listener = &udp->listeners[asker->listener];
	struct envelope *envelope;
	struct msghdr *msg;

	assert(asker->listener < udp->listener_count);
	if (udp->out_count == UDP_BATCH || udp->out_listener != asker->listener)
		udp_flush(udp);
	udp->out_listener = asker->listener;
	envelope = &udp->out_envelope[udp->out_count];
	msg = &udp->out[udp->out_count++].msg_hdr;

	/* sendmmsg() only reads it. */
	envelope->iov.iov_base = (void *)(uintptr_t)message;
	envelope->iov.iov_len = length;
	msg->msg_iov = &envelope->iov;
	msg->msg_iovlen = 1;
	msg->msg_name = &envelope->peer;
	msg->msg_namelen =
		endpoint_to_sockaddr(&asker->client, &envelope->peer);
	if (asker->client.addr.family == ADDR_IPV6)
		((struct sockaddr_in6 *)&envelope->peer)->sin6_scope_id =
			(uint32_t)asker->ifindex;
	msg->msg_control = NULL;
	msg->msg_controllen = 0;
	if (listener->is_wildcard)
		write_pktinfo(msg, envelope, asker);
}

void udp_flush(struct udp *udp)
{
	int fd = udp->listeners[udp->out_listener].reply_fd;
	unsigned done = 0;

	while (done < udp->out_count) {
		int sent = sendmmsg(fd, udp->out + done, udp->out_count - done,
				    MSG_DONTWAIT);

		/* The error is that of the first one: the others go on. */
		if (sent <= 0) {
			udp->unsent++;
			done++;
			continue;
		}
		udp->replies += (unsigned)sent;
		done += (unsigned)sent;
	}
	udp->out_count = 0;
}

void udp_stats(const struct udp *udp, struct server_stats *stats)
{
	stats->udp_queries = udp->queries;
	stats->udp_replies = udp->replies;
	stats->udp_unsent = udp->unsent;
}
