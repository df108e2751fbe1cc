// SPDX-License-Identifier: BSD-2-Clause
#include "routed/nft_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES 16384
#define ROUNDS_MAX 64 /* before others in the loop get their turn */
#define NAME_SIZE 16  /* TASK_COMM_LEN */
#define NEWOBJ (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWOBJ)
#define NEWGEN (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)

struct nft_watch {
	struct ev_loop *loop; /* borrowed */
	int fd;               /* owned */
	struct ev_io io;
	nft_watch_fn fn;
	void *ctx;
	uint32_t seen_pid, changer;
	char seen_name[NAME_SIZE], changer_name[NAME_SIZE];
	_Alignas(struct nlmsghdr) char buffer[BUFFER_BYTES];
};

static void take_attr(struct nft_watch *watch, const struct nlattr *attr,
		      const char *value)
{
	const size_t length = attr->nla_len - sizeof(*attr);
	uint32_t pid;

	switch (attr->nla_type & NLA_TYPE_MASK) {
	case NFTA_GEN_PROC_PID:
		if (length < sizeof(pid))
			return;
		memcpy(&pid, value, sizeof(pid));
		watch->seen_pid = ntohl(pid);
		break;
	case NFTA_GEN_PROC_NAME:
		snprintf(watch->seen_name, sizeof(watch->seen_name), "%.*s",
			 (int)length, value);
		break;
	}
}

static void take_attrs(struct nft_watch *watch, const char *attrs,
		       size_t length)
{
	struct nlattr attr;

	watch->seen_pid = 0;
	watch->seen_name[0] = '\0';
	while (length >= sizeof(attr)) {
		size_t step;

		memcpy(&attr, attrs, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > length)
			return;
		take_attr(watch, &attr, attrs + sizeof(attr));
		step = NLA_ALIGN(attr.nla_len);
		if (step > length)
			return;
		attrs += step;
		length -= step;
	}
}

/* Does the message end a change that somebody else made? */
static bool is_foreign_end(struct nft_watch *watch, const char *message,
			   const struct nlmsghdr *nlh)
{
	const size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));

	if (nlh->nlmsg_type != NEWGEN || nlh->nlmsg_len < head)
		return false;
	take_attrs(watch, message + head, nlh->nlmsg_len - head);
	if (watch->seen_pid == (uint32_t)getpid())
		return false;
	watch->changer = watch->seen_pid;
	memcpy(watch->changer_name, watch->seen_name,
	       sizeof(watch->changer_name));
	return true;
}

/* By itself: a quota (side.h) is used up. */
static bool is_of_kernel(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == NEWOBJ && nlh->nlmsg_pid == 0 &&
	       nlh->nlmsg_seq == 0;
}

static bool has_foreign(struct nft_watch *watch, size_t length)
{
	const char *at = watch->buffer;
	bool is_foreign = false;

	while (length >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr nlh;
		size_t step;

		memcpy(&nlh, at, sizeof(nlh));
		step = NLMSG_ALIGN(nlh.nlmsg_len);
		if (nlh.nlmsg_len < sizeof(nlh) || nlh.nlmsg_len > length)
			break;
		if (is_foreign_end(watch, at, &nlh) || is_of_kernel(&nlh))
			is_foreign = true;
		if (step > length)
			break;
		at += step;
		length -= step;
	}
	return is_foreign;
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct nft_watch *watch = io->data;
	bool is_foreign = false;

	(void)loop;
	(void)revents;
	for (int i = 0; i < ROUNDS_MAX; i++) {
		ssize_t got = recv(watch->fd, watch->buffer,
				   sizeof(watch->buffer), MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			is_foreign = true;
			continue;
		}
		if (got <= 0)
			break;
		if (has_foreign(watch, (size_t)got))
			is_foreign = true;
	}
	if (is_foreign)
		watch->fn(watch->ctx);
}

static int open_socket(void)
{
	const struct sockaddr_nl self = {.nl_family = AF_NETLINK};
	const int group = NFNLGRP_NFTABLES;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_NETFILTER);

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&self, sizeof(self)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)) < 0) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

int nft_watch_open(struct nft_watch **out, struct ev_loop *loop,
		   nft_watch_fn fn, void *ctx)
{
	struct nft_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	watch->fd = open_socket();
	if (watch->fd < 0) {
		int ret = watch->fd;

		free(watch);
		return ret;
	}
	watch->loop = loop;
	watch->fn = fn;
	watch->ctx = ctx;
	ev_io_init(&watch->io, on_readable, watch->fd, EV_READ);
	watch->io.data = watch;
	ev_io_start(loop, &watch->io);
	*out = watch;
	return 0;
}

void nft_watch_close(struct nft_watch *watch)
{
	if (!watch)
		return;
	ev_io_stop(watch->loop, &watch->io);
	close(watch->fd);
	free(watch);
}

const char *nft_watch_changer(const struct nft_watch *watch, uint32_t *pid)
{
	*pid = watch->changer;
	return watch->changer_name;
}
