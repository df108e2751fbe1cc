// SPDX-License-Identifier: BSD-2-Clause
/*
 * A batch of messages that the kernel takes or refuses as a whole.  It is
 * worked through within the send(): when that returns the answers wait.
 */
#include "routed/nl_elements.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_BYTES 1024
#define BUFFER_BYTES (6 * MESSAGE_BYTES)

struct nl_elements {
	struct nl_sock *sock; /* owned */
	uint32_t seq;
	size_t length;
	_Alignas(struct nlmsghdr) char buffer[BUFFER_BYTES];
};

int nl_elements_open(struct nl_elements **elements)
{
	struct nl_elements *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->sock = nl_socket_alloc();
	if (!new->sock) {
		free(new);
		return -ENOMEM;
	}
	if (nl_connect(new->sock, NETLINK_NETFILTER) < 0) {
		nl_elements_close(new);
		return -EPROTONOSUPPORT;
	}
	*elements = new;
	return 0;
}

void nl_elements_close(struct nl_elements *elements)
{
	if (!elements)
		return;
	nl_socket_free(elements->sock);
	free(elements);
}

static int put_element(struct nl_msg *msg, const struct addr *addr)
{
	struct nlattr *element = nla_nest_start(msg, NFTA_LIST_ELEM);
	struct nlattr *key;

	if (!element)
		return -ENOMEM;
	key = nla_nest_start(msg, NFTA_SET_ELEM_KEY);
	if (!key || nla_put(msg, NFTA_DATA_VALUE, (int)addr_size(addr),
			    addr->bytes) < 0)
		return -ENOMEM;
	nla_nest_end(msg, key);
	nla_nest_end(msg, element);
	return 0;
}

struct list {
	const char *table, *set;
	const struct addr *addrs;
	size_t count;
	uint8_t family;
};

static int put_list(struct nl_msg *msg, const struct list *list)
{
	struct nlattr *nest;

	if (nla_put_string(msg, NFTA_SET_ELEM_LIST_TABLE, list->table) < 0 ||
	    nla_put_string(msg, NFTA_SET_ELEM_LIST_SET, list->set) < 0)
		return -ENOMEM;
	nest = nla_nest_start(msg, NFTA_SET_ELEM_LIST_ELEMENTS);
	if (!nest)
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++) {
		if (list->addrs[i].family == list->family &&
		    put_element(msg, &list->addrs[i]) < 0)
			return -ENOMEM;
	}
	nla_nest_end(msg, nest);
	return 0;
}

/* A message to the buffer; `list` may be NULL: the ends of the batch. */
static int append(struct nl_elements *elements, int type, int flags,
		  const struct list *list)
{
	struct nfgenmsg head = {
		.nfgen_family = list ? NFPROTO_INET : AF_UNSPEC,
		.version = NFNETLINK_V0,
		.res_id = list ? 0 : htons(NFNL_SUBSYS_NFTABLES),
	};
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_BYTES);
	struct nlmsghdr *nlh;
	size_t size;
	int ret = -ENOMEM;

	if (!msg)
		return -ENOMEM;
	nlh = nlmsg_put(msg, NL_AUTO_PORT, ++elements->seq, type, 0,
			NLM_F_REQUEST | flags);
	if (!nlh || nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
	    (list && put_list(msg, list) < 0))
		goto free_msg;
	nlh = nlmsg_hdr(msg);
	size = NLMSG_ALIGN(nlh->nlmsg_len);
	assert(elements->length + size <= sizeof(elements->buffer));
	memcpy(elements->buffer + elements->length, nlh, nlh->nlmsg_len);
	elements->length += size;
	ret = 0;

free_msg:
	nlmsg_free(msg);
	return ret;
}

static bool has_family(const struct addr *addrs, size_t count, uint8_t family)
{
	for (size_t i = 0; i < count; i++) {
		if (addrs[i].family == family)
			return true;
	}
	return false;
}

static int append_lists(struct nl_elements *elements, int type, int flags,
			struct list list, const char *const sets[2])
{
	int ret = 0;

	type |= NFNL_SUBSYS_NFTABLES << 8;
	for (size_t i = 0; i < 2 && ret == 0; i++) {
		list.family = i ? ADDR_IPV6 : ADDR_IPV4;
		list.set = sets[i];
		if (has_family(list.addrs, list.count, list.family))
			ret = append(elements, type, NLM_F_ACK | flags, &list);
	}
	return ret;
}

static int build(struct nl_elements *elements,
		 const struct nl_elements_change *change)
{
	const struct list removed = {
		.table = change->table,
		.addrs = change->removed,
		.count = change->removed_count,
	};
	const struct list added = {
		.table = change->table,
		.addrs = change->added,
		.count = change->added_count,
	};
	int ret = append(elements, NFNL_MSG_BATCH_BEGIN, 0, NULL);

	if (ret == 0)
		ret = append_lists(elements, NFT_MSG_DELSETELEM, 0, removed,
				   change->sets);
	if (ret == 0)
		ret = append_lists(elements, NFT_MSG_NEWSETELEM, NLM_F_CREATE,
				   added, change->sets);
	if (ret == 0)
		ret = append(elements, NFNL_MSG_BATCH_END, 0, NULL);
	return ret;
}

/* The first error that an answer has. */
static int read_answers(struct nl_elements *elements)
{
	const int fd = nl_socket_get_fd(elements->sock);
	int error = 0;
	ssize_t length;

	while ((length = recv(fd, elements->buffer, sizeof(elements->buffer),
			      MSG_DONTWAIT)) > 0) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)elements->buffer;
		int left = (int)length;

		for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left)) {
			struct nlmsgerr answer;

			if (nlh->nlmsg_type != NLMSG_ERROR ||
			    nlmsg_datalen(nlh) < (int)sizeof(answer))
				continue;
			memcpy(&answer, nlmsg_data(nlh), sizeof(answer));
			if (!error)
				error = answer.error;
		}
	}
	return error;
}

int nl_elements_apply(struct nl_elements *elements,
		      const struct nl_elements_change *change)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int ret;

	assert(change->removed_count <= NL_ELEMENTS_MAX &&
	       change->added_count <= NL_ELEMENTS_MAX);
	if (!change->removed_count && !change->added_count)
		return 0;
	elements->length = 0;
	ret = build(elements, change);
	if (ret < 0)
		return ret;
	if (sendto(nl_socket_get_fd(elements->sock), elements->buffer,
		   elements->length, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	return read_answers(elements);
}
