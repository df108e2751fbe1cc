// SPDX-License-Identifier: BSD-2-Clause
#include "common/nl_neigh.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES (32 * 1024)

struct nl_neigh {
	struct nl_sock *sock; /* owned */
};

struct dump {
	nl_neigh_fn fn;
	void *ctx;
};

int nl_neigh_open(struct nl_neigh **neigh)
{
	struct nl_neigh *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->sock = nl_socket_alloc();
	if (!new->sock)
		goto free_neigh;
	if (nl_connect(new->sock, NETLINK_ROUTE) < 0) {
		ret = -EPROTONOSUPPORT;
		goto free_sock;
	}
	nl_socket_set_msg_buf_size(new->sock, BUFFER_BYTES);
	*neigh = new;
	return 0;

free_sock:
	nl_socket_free(new->sock);
free_neigh:
	free(new);
	return ret;
}

void nl_neigh_close(struct nl_neigh *neigh)
{
	if (!neigh)
		return;
	nl_socket_free(neigh->sock);
	free(neigh);
}

static bool read_addr(struct addr *addr, uint8_t family,
		      const struct nlattr *attr)
{
	int size = family == AF_INET ? 4 : 16;

	if ((family != AF_INET && family != AF_INET6) || !attr ||
	    nla_len(attr) != size)
		return false;
	*addr = (struct addr){.family = family == AF_INET ? ADDR_IPV4
							  : ADDR_IPV6};
	memcpy(addr->bytes, nla_data(attr), (size_t)size);
	return true;
}

/* One that did not answer has none, or one of long ago. */
static int on_message(struct nl_msg *msg, void *ctx)
{
	const struct dump *dump = ctx;
	const struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *attrs[NDA_MAX + 1];
	struct ndmsg head;
	struct addr addr;
	struct mac mac;

	if (nlh->nlmsg_type != RTM_NEWNEIGH ||
	    nlmsg_parse(nlmsg_hdr(msg), sizeof(head), attrs, NDA_MAX, NULL) < 0)
		return NL_SKIP;
	memcpy(&head, nlmsg_data(nlh), sizeof(head));
	if (head.ndm_state & (NUD_FAILED | NUD_INCOMPLETE | NUD_NOARP) ||
	    !read_addr(&addr, head.ndm_family, attrs[NDA_DST]) ||
	    !attrs[NDA_LLADDR] ||
	    nla_len(attrs[NDA_LLADDR]) != sizeof(mac.bytes))
		return NL_SKIP;
	memcpy(mac.bytes, nla_data(attrs[NDA_LLADDR]), sizeof(mac.bytes));
	dump->fn(dump->ctx, &addr, &mac);
	return NL_OK;
}

int nl_neigh_dump(struct nl_neigh *neigh, nl_neigh_fn fn, void *ctx)
{
	struct dump dump = {.fn = fn, .ctx = ctx};
	struct ndmsg head = {.ndm_family = AF_UNSPEC};
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (!cb)
		return -ENOMEM;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, &dump);
	ret = nl_send_simple(neigh->sock, RTM_GETNEIGH, NLM_F_DUMP, &head,
			     sizeof(head));
	if (ret >= 0)
		ret = nl_recvmsgs(neigh->sock, cb);
	nl_cb_put(cb);
	/* One that changed meanwhile is as good as it was. */
	return ret < 0 && ret != -NLE_DUMP_INTR ? -EIO : 0;
}
