// SPDX-License-Identifier: BSD-2-Clause
#include "common/nl_watch.h"

#include "common/nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BUFFER_BYTES (64 * 1024)
#define READS_MAX 256 /* then the others of the loop get a turn */

struct nl_watch {
	struct nl_sock *sock; /* owned */
	struct ev_loop *loop; /* borrowed */
	struct ev_io io;
	nl_watch_fn fn;
	void *ctx;
	nl_watch_removal_fn removal_fn; /* NULL: nobody asks */
	void *removal_ctx;
	_Alignas(struct nlmsghdr) char buffer[BUFFER_BYTES];
};

/* Of something that has our protocol number. */
static bool is_removal_of_ours(struct nlmsghdr *nlh, size_t length)
{
	const struct rtmsg *route = NLMSG_DATA(nlh);
	const struct nlattr *attr;

	if (!NLMSG_OK(nlh, length))
		return false;
	if (nlh->nlmsg_type == RTM_DELROUTE)
		return nlh->nlmsg_len >= NLMSG_LENGTH(sizeof(*route)) &&
		       route->rtm_protocol == NL_PROTOCOL;
	if (nlh->nlmsg_type != RTM_DELRULE)
		return false;
	attr = nlmsg_find_attr(nlh, sizeof(struct fib_rule_hdr), FRA_PROTOCOL);
	return attr && nla_len(attr) >= 1 && nla_get_u8(attr) == NL_PROTOCOL;
}

/* A datagram is of one sender; its first message tells which. */
static bool take_event(struct nl_watch *watch, size_t length)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)watch->buffer;

	if (length < sizeof(*nlh))
		return false;
	if (watch->removal_fn && nlh->nlmsg_pid &&
	    is_removal_of_ours(nlh, length))
		watch->removal_fn(watch->removal_ctx, nlh->nlmsg_pid);
	return true;
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct nl_watch *watch = io->data;
	bool is_changed = false;

	(void)loop;
	(void)revents;
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t length = recv(io->fd, watch->buffer,
				      sizeof(watch->buffer), MSG_DONTWAIT);

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && errno != ENOBUFS)
			break;
		is_changed |= length < 0 || take_event(watch, (size_t)length);
	}
	if (is_changed)
		watch->fn(watch->ctx);
}

/* Of the messages as they lie there: no number but a byte is in net order. */
static int attach(struct nl_sock *sock, const struct sock_fprog *program)
{
	int fd = nl_socket_get_fd(sock);

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program,
			  sizeof(*program)) < 0
		       ? -errno
		       : 0;
}

#define NLH_AT(member) ((uint32_t)offsetof(struct nlmsghdr, member))
#define RTM_AT(member) (NLMSG_HDRLEN + (uint32_t)offsetof(struct rtmsg, member))
#define TAKE BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)
#define LEAVE BPF_STMT(BPF_RET | BPF_K, 0)

static int leave_own_changes(struct nl_sock *sock, uint32_t own_portid)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NLH_AT(nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(own_portid), 0, 1),
		LEAVE,
		TAKE,
	};
	const struct sock_fprog program = {ARRAY_LEN(steps), steps};

	return attach(sock, &program);
}

static int leave_own_routes(struct nl_sock *sock)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, NLH_AT(nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, RTM_AT(rtm_protocol)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NL_PROTOCOL, 0, 1),
		LEAVE,
		TAKE,
	};
	const struct sock_fprog program = {ARRAY_LEN(steps), steps};

	return attach(sock, &program);
}

static int join_groups(struct nl_sock *sock)
{
	int ret = nl_socket_add_memberships(
		sock, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
		RTNLGRP_IPV6_RULE, 0);

	return ret < 0 ? -EPROTONOSUPPORT : 0;
}

int nl_watch_open(struct nl_watch **watch, struct ev_loop *loop,
		  uint32_t own_portid, nl_watch_fn fn, void *ctx)
{
	struct nl_watch *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->sock = nl_socket_alloc();
	if (!new->sock)
		goto free_watch;
	nl_socket_disable_seq_check(new->sock);
	ret = -EPROTONOSUPPORT;
	if (nl_connect(new->sock, NETLINK_ROUTE) < 0 ||
	    nl_socket_set_nonblocking(new->sock) < 0)
		goto free_sock;
	ret = own_portid ? leave_own_changes(new->sock, own_portid)
			 : leave_own_routes(new->sock);
	if (ret == 0)
		ret = join_groups(new->sock);
	if (ret < 0)
		goto free_sock;
	new->loop = loop;
	new->fn = fn;
	new->ctx = ctx;
	ev_io_init(&new->io, on_readable, nl_socket_get_fd(new->sock), EV_READ);
	new->io.data = new;
	ev_io_start(loop, &new->io);
	*watch = new;
	return 0;

free_sock:
	nl_socket_free(new->sock);
free_watch:
	free(new);
	return ret;
}

void nl_watch_close(struct nl_watch *watch)
{
	if (!watch)
		return;
	ev_io_stop(watch->loop, &watch->io);
	nl_socket_free(watch->sock);
	free(watch);
}

void nl_watch_removals(struct nl_watch *watch, nl_watch_removal_fn fn,
		       void *ctx)
{
	watch->removal_fn = fn;
	watch->removal_ctx = ctx;
}
