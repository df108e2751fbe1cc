// SPDX-License-Identifier: BSD-2-Clause
#include "routed/nl_device.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <stdlib.h>
#include <string.h>

struct nl_device {
	struct nl_sock *sock; /* owned */
	int error;            /* of the last request: the kernel's errno */
};

/* libnl folds errno into its own codes; the original is kept here. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct nl_device *device = arg;

	(void)from;
	device->error = error->error;
	return NL_STOP;
}

int nl_device_open(struct nl_device **out)
{
	int ret = -ENOMEM;
	struct nl_device *device = calloc(1, sizeof(*device));
	if (!device)
		return ret;
	device->sock = nl_socket_alloc();
	if (!device->sock)
		goto free_device;
	if (nl_connect(device->sock, NETLINK_ROUTE) < 0) {
		ret = errno ? -errno : -EIO;
		goto free_sock;
	}
	nl_socket_modify_err_cb(device->sock, NL_CB_CUSTOM, on_error, device);
	*out = device;
	return 0;

free_sock:
	nl_socket_free(device->sock);
free_device:
	free(device);
	return ret;
}

void nl_device_close(struct nl_device *device)
{
	if (!device)
		return;
	nl_socket_free(device->sock);
	free(device);
}

/* Starts a message; NULL when there is no memory. */
static struct nl_msg *begin(int type, int flags, void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags | NLM_F_ACK);

	if (msg && nlmsg_append(msg, header, size, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/*
 * Sends and waits for the answer.  Attributes that did not fit (the page that
 * libnl allocates is far more than is put in) would show as `put` < 0.
 */
static int finish(struct nl_device *device, struct nl_msg *msg, int put)
{
	if (put < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	device->error = 0;
	int ret = nl_send_sync(device->sock, msg);
	if (device->error)
		return device->error;
	return ret < 0 ? -EIO : 0;
}

/* addr_gen_mode "none", as deep as the kernel wants it. */
static int put_no_link_local(struct nl_msg *msg)
{
	struct nlattr *spec = nla_nest_start(msg, IFLA_AF_SPEC);
	struct nlattr *inet6 = nla_nest_start(msg, AF_INET6);

	if (!spec || !inet6 ||
	    nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE) <
		    0)
		return -ENOMEM;
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	return 0;
}

/* Not if_nametoindex(): the socket may be of another namespace. */
static int index_of(struct nl_device *device, const char *name)
{
	struct rtnl_link *link = NULL;

	device->error = 0;
	if (rtnl_link_get_kernel(device->sock, 0, name, &link) < 0)
		return device->error ? device->error : -EIO;
	int index = rtnl_link_get_ifindex(link);
	rtnl_link_put(link);
	return index;
}

static int set_addr_gen_mode(struct nl_device *device, const char *name)
{
	struct ifinfomsg info = {0};
	struct nl_msg *msg = begin(RTM_NEWLINK, 0, &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	int put = nla_put_string(msg, IFLA_IFNAME, name);
	if (put == 0)
		put = put_no_link_local(msg);
	return finish(device, msg, put);
}

int nl_device_set_quiet(struct nl_device *device, const char *name)
{
	int ret = set_addr_gen_mode(device, name);

	/* A kernel without IPv6 has nothing to tell. */
	return ret == -EAFNOSUPPORT || ret == -EINVAL ? 0 : ret;
}

int nl_device_up(struct nl_device *device, const char *name, uint32_t mtu)
{
	int ret = nl_device_set_quiet(device, name);
	if (ret < 0)
		return ret;

	struct ifinfomsg info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct nl_msg *msg = begin(RTM_NEWLINK, 0, &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	int put = nla_put_string(msg, IFLA_IFNAME, name);
	if (put == 0 && mtu > 0)
		put = nla_put_u32(msg, IFLA_MTU, mtu);
	return finish(device, msg, put);
}

int nl_device_set_mtu(struct nl_device *device, const char *name, uint32_t mtu)
{
	struct ifinfomsg info = {0};
	struct nl_msg *msg = begin(RTM_NEWLINK, 0, &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	int put = nla_put_string(msg, IFLA_IFNAME, name);
	if (put == 0)
		put = nla_put_u32(msg, IFLA_MTU, mtu);
	return finish(device, msg, put);
}

int nl_device_add_addr(struct nl_device *device, const char *name,
		       const struct addr *addr)
{
	int index = index_of(device, name);
	if (index < 0)
		return index;

	struct ifaddrmsg info = {
		.ifa_family = (uint8_t)addr_af(addr),
		.ifa_prefixlen = (uint8_t)addr_bits(addr),
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (uint32_t)index,
	};
	struct nl_msg *msg = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
				   &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	int size = (int)addr_size(addr);
	int put = nla_put(msg, IFA_LOCAL, size, addr->bytes);
	if (put == 0)
		put = nla_put(msg, IFA_ADDRESS, size, addr->bytes);
	if (put == 0)
		put = nla_put_u32(msg, IFA_FLAGS,
				  IFA_F_NOPREFIXROUTE | IFA_F_NODAD);
	return finish(device, msg, put);
}

int nl_device_move(struct nl_device *device, const char *name, int netns_fd,
		   const char *new_name)
{
	int index = index_of(device, name);
	if (index < 0)
		return index;

	struct ifinfomsg info = {.ifi_index = index};
	struct nl_msg *msg = begin(RTM_NEWLINK, 0, &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	int put = nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	if (put == 0)
		put = nla_put_string(msg, IFLA_IFNAME, new_name);
	return finish(device, msg, put);
}

int nl_device_add_default(struct nl_device *device, uint8_t family,
			  uint8_t type, uint32_t table, const char *name)
{
	int index = index_of(device, name);
	if (index < 0)
		return index;

	struct rtmsg info = {
		.rtm_family = family,
		.rtm_table = (uint8_t)table,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
		.rtm_type = type,
	};
	struct nl_msg *msg = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
				   &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	return finish(device, msg, nla_put_u32(msg, RTA_OIF, (uint32_t)index));
}

int nl_device_add_rule(struct nl_device *device, uint8_t family,
		       const char *iif, uint32_t table)
{
	struct fib_rule_hdr info = {
		.family = family,
		.table = (uint8_t)table,
		.action = FR_ACT_TO_TBL,
	};
	struct nl_msg *msg = begin(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL,
				   &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	int put = nla_put_u32(msg, FRA_PRIORITY, table);
	if (put == 0)
		put = nla_put_string(msg, FRA_IIFNAME, iif);
	return finish(device, msg, put);
}
