// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/icmp/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWERS_A_ROUND 64

struct exit_socket {
	struct icmp_sockets *sockets;
	struct ev_io io;
	int ifindex;   /* 0: this place is free */
	bool is_known; /* the link was there already */
	enum addr_family family;
	int pmtu; /* what IP_MTU_DISCOVER was set to */
};

struct icmp_sockets {
	struct ev_loop *loop; /* borrowed */
	icmp_answer_fn fn;
	void *ctx;
	struct exit_socket list[ICMP_SOCKETS_MAX];
	uint8_t buffer[64 << 10];
};

union control {
	struct cmsghdr align;
	uint8_t bytes[2 * CMSG_SPACE(sizeof(int))];
};

static void close_one(struct exit_socket *socket)
{
	ev_io_stop(socket->sockets->loop, &socket->io);
	close(socket->io.fd);
	socket->ifindex = 0;
}

int icmp_sockets_new(struct icmp_sockets **sockets, struct ev_loop *loop,
		     icmp_answer_fn fn, void *ctx)
{
	struct icmp_sockets *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->fn = fn;
	new->ctx = ctx;
	for (size_t i = 0; i < ARRAY_LEN(new->list); i++)
		new->list[i].sockets = new;
	*sockets = new;
	return 0;
}

void icmp_sockets_free(struct icmp_sockets *sockets)
{
	if (!sockets)
		return;
	for (size_t i = 0; i < ARRAY_LEN(sockets->list); i++) {
		if (sockets->list[i].ifindex > 0)
			close_one(&sockets->list[i]);
	}
	free(sockets);
}

static struct exit_socket *find(struct icmp_sockets *sockets, int ifindex,
				enum addr_family family)
{
	for (size_t i = 0; i < ARRAY_LEN(sockets->list); i++) {
		struct exit_socket *socket = &sockets->list[i];

		if (socket->ifindex == ifindex &&
		    (ifindex == 0 || socket->family == family))
			return socket;
	}
	return NULL;
}

/* IPv6 gives the hop limit and the class beside the message. */
static void read_control(struct msghdr *header, struct icmp_answer *answer)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c;
	     c = CMSG_NXTHDR(header, c)) {
		int value;

		if (c->cmsg_level != IPPROTO_IPV6 ||
		    c->cmsg_len < CMSG_LEN(sizeof(value)))
			continue;
		memcpy(&value, CMSG_DATA(c), sizeof(value));
		if (c->cmsg_type == IPV6_HOPLIMIT)
			answer->ttl = (uint8_t)value;
		else if (c->cmsg_type == IPV6_TCLASS)
			answer->tos = (uint8_t)value;
	}
}

/* False when there was nothing. */
static bool receive(struct exit_socket *socket)
{
	struct icmp_sockets *sockets = socket->sockets;
	struct sockaddr_storage ss;
	struct endpoint from;
	struct icmp_answer answer;
	union control control;
	struct iovec iov = {.iov_base = sockets->buffer,
			    .iov_len = sizeof(sockets->buffer)};
	struct msghdr header = {
		.msg_name = &ss,
		.msg_namelen = sizeof(ss),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = recvmsg(socket->io.fd, &header, MSG_DONTWAIT);

	if (n < 0)
		return false;
	if (icmp_read_answer(&answer, socket->family, sockets->buffer,
			     (size_t)n) < 0 ||
	    endpoint_from_sockaddr(&from, (struct sockaddr *)&ss) < 0)
		return true;
	if (socket->family == ADDR_IPV6)
		read_control(&header, &answer);
	sockets->fn(sockets->ctx, &from.addr, &answer);
	return true;
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	(void)loop, (void)revents;
	for (int i = 0; i < ANSWERS_A_ROUND && receive(io->data); i++)
		;
}

void icmp_sockets_give(struct icmp_sockets *sockets, int ifindex,
		       enum addr_family family, int fd)
{
	struct exit_socket *socket = find(sockets, ifindex, family);

	if (socket)
		close_one(socket);
	socket = find(sockets, 0, family);
	if (!socket) {
		close(fd);
		return;
	}
	socket->ifindex = ifindex;
	socket->is_known = false;
	socket->family = family;
	socket->pmtu = -1;
	ev_io_init(&socket->io, on_readable, fd, EV_READ);
	socket->io.data = socket;
	ev_io_start(sockets->loop, &socket->io);
}

void icmp_sockets_on_links(struct icmp_sockets *sockets,
			   const struct nl_state *state)
{
	for (size_t i = 0; i < ARRAY_LEN(sockets->list); i++) {
		struct exit_socket *socket = &sockets->list[i];

		if (socket->ifindex == 0)
			continue;
		/* The parent may have heard of a new link before us. */
		if (nl_link_by_index(state, socket->ifindex))
			socket->is_known = true;
		else if (socket->is_known)
			close_one(socket);
	}
}

static void put_int(struct msghdr *header, struct cmsghdr **c, int type,
		    int value)
{
	int level = type == IPV6_HOPLIMIT || type == IPV6_TCLASS ? IPPROTO_IPV6
								 : IPPROTO_IP;

	(*c)->cmsg_level = level;
	(*c)->cmsg_type = type;
	(*c)->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(*c), &value, sizeof(value));
	*c = CMSG_NXTHDR(header, *c);
}

/*
 * What must stay whole is told when it is too large; the rest the kernel cuts.
 * Never what the kernel has learnt of the path before: a router shall say it.
 */
static void set_pmtu(struct exit_socket *socket, bool is_whole)
{
	int pmtu = is_whole ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT;

	if (socket->family != ADDR_IPV4 || socket->pmtu == pmtu)
		return;
	if (setsockopt(socket->io.fd, IPPROTO_IP, IP_MTU_DISCOVER, &pmtu,
		       sizeof(pmtu)) == 0)
		socket->pmtu = pmtu;
}

int icmp_sockets_send(struct icmp_sockets *sockets, const struct icmp_way *way,
		      const struct icmp_echo *echo)
{
	enum addr_family family = (enum addr_family)way->to.family;
	struct exit_socket *socket = find(sockets, way->ifindex, family);
	const struct endpoint to = {.addr = way->to};
	struct sockaddr_storage ss;
	union control control = {0};
	struct iovec iov = {.iov_base = sockets->buffer};
	struct msghdr header = {
		.msg_name = &ss,
		.msg_namelen = endpoint_to_sockaddr(&to, &ss),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&header);
	bool is_ipv6 = family == ADDR_IPV6;

	if (way->ifindex <= 0 || !socket)
		return -ENETUNREACH;
	iov.iov_len = icmp_build_request(sockets->buffer,
					 sizeof(sockets->buffer), family, echo);
	set_pmtu(socket, echo->is_whole);
	put_int(&header, &c, is_ipv6 ? IPV6_HOPLIMIT : IP_TTL, echo->ttl);
	put_int(&header, &c, is_ipv6 ? IPV6_TCLASS : IP_TOS, echo->tos);
	if (sendmsg(socket->io.fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}
