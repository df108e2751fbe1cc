// SPDX-License-Identifier: BSD-2-Clause
#include "routed/nl_device.h"

#include "common/nl.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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

/* By name, or by index where that is not 0; to be put back. */
static int find_link(struct nl_device *device, int index, const char *name,
		     struct rtnl_link **link)
{
	device->error = 0;
	if (rtnl_link_get_kernel(device->sock, index, name, link) < 0)
		return device->error ? device->error : -EIO;
	return 0;
}

int nl_device_index(struct nl_device *device, const char *name)
{
	struct rtnl_link *link = NULL;
	int ret = find_link(device, 0, name, &link);

	if (ret < 0)
		return ret;
	ret = rtnl_link_get_ifindex(link);
	rtnl_link_put(link);
	return ret;
}

int nl_device_name(struct nl_device *device, int index, char name[IFNAMSIZ])
{
	struct rtnl_link *link = NULL;
	int ret = find_link(device, index, NULL, &link);

	if (ret < 0)
		return ret;
	snprintf(name, IFNAMSIZ, "%s", rtnl_link_get_name(link));
	rtnl_link_put(link);
	return 0;
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

int nl_device_count(struct nl_device *device, const char *name,
		    struct nl_device_packets *packets)
{
	struct rtnl_link *link = NULL;
	int ret = find_link(device, 0, name, &link);

	if (ret < 0)
		return ret;
	packets->in = rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS);
	packets->out = rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS);
	rtnl_link_put(link);
	return 0;
}

int nl_device_down(struct nl_device *device, const char *name)
{
	struct ifinfomsg info = {.ifi_change = IFF_UP};
	struct nl_msg *msg = begin(RTM_NEWLINK, 0, &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	return finish(device, msg, nla_put_string(msg, IFLA_IFNAME, name));
}

int nl_device_del(struct nl_device *device, int index)
{
	struct ifinfomsg info = {.ifi_index = index};
	struct nl_msg *msg = begin(RTM_DELLINK, 0, &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	return finish(device, msg, 0);
}

static int set_group(struct nl_device *device, int index, uint32_t group)
{
	struct ifinfomsg info = {.ifi_index = index};
	struct nl_msg *msg = begin(RTM_NEWLINK, 0, &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	return finish(device, msg, nla_put_u32(msg, IFLA_GROUP, group));
}

static int del_group(struct nl_device *device, uint32_t group)
{
	struct ifinfomsg info = {0};
	struct nl_msg *msg = begin(RTM_DELLINK, 0, &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	return finish(device, msg, nla_put_u32(msg, IFLA_GROUP, group));
}

int nl_device_del_all(struct nl_device *device, const int *indices,
		      size_t count)
{
	uint32_t group;
	int ret = 0;

	/* One that people or programs choose is small. */
	if (getrandom(&group, sizeof(group), 0) != sizeof(group))
		return -EIO;
	group |= 1U << 31;
	for (size_t i = 0; i < count && ret == 0; i++) {
		ret = set_group(device, indices[i], group);
		if (ret == -ENODEV)
			ret = 0;
	}
	return ret < 0 ? ret : del_group(device, group);
}

/* The header and the attributes of the other end, as its own message has. */
static int put_peer(struct nl_msg *msg, const struct nl_device_veth *veth)
{
	struct ifinfomsg info = {
		.ifi_flags = IFF_NOARP,
		.ifi_change = IFF_NOARP,
	};
	struct nlattr *peer = nla_nest_start(msg, VETH_INFO_PEER);

	if (!peer || nlmsg_append(msg, &info, sizeof(info), 0) < 0 ||
	    nla_put_string(msg, IFLA_IFNAME, veth->peer_name) < 0 ||
	    nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)veth->peer_netns) < 0 ||
	    nla_put_u32(msg, IFLA_MTU, veth->peer_mtu) < 0 ||
	    nla_put_u32(msg, IFLA_GROUP, NL_PROTOCOL) < 0)
		return -ENOMEM;
	nla_nest_end(msg, peer);
	return 0;
}

static int put_veth(struct nl_msg *msg, const struct nl_device_veth *veth)
{
	struct nlattr *outer, *data;

	if (nla_put_string(msg, IFLA_IFNAME, veth->name) < 0 ||
	    nla_put_u32(msg, IFLA_GROUP, NL_PROTOCOL) < 0)
		return -ENOMEM;
	outer = nla_nest_start(msg, IFLA_LINKINFO);
	if (!outer || nla_put_string(msg, IFLA_INFO_KIND, "veth") < 0)
		return -ENOMEM;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || put_peer(msg, veth) < 0)
		return -ENOMEM;
	nla_nest_end(msg, data);
	nla_nest_end(msg, outer);
	return 0;
}

int nl_device_add_veth(struct nl_device *device,
		       const struct nl_device_veth *veth)
{
	struct ifinfomsg info = {
		.ifi_flags = IFF_NOARP,
		.ifi_change = IFF_NOARP,
	};
	struct rtnl_link *link = NULL;
	struct nl_msg *msg = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
				   &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	int ret = finish(device, msg, put_veth(msg, veth));
	if (ret == 0)
		ret = find_link(device, 0, veth->name, &link);
	if (ret < 0)
		return ret;
	ret = rtnl_link_get_link(link);
	rtnl_link_put(link);
	return ret;
}

/* Starts a message about a qdisc or a filter of a link. */
static struct nl_msg *begin_tc(struct nl_device *device, int type,
			       const char *name, struct tcmsg *info)
{
	int index = nl_device_index(device, name);

	if (index < 0) {
		device->error = index;
		return NULL;
	}
	device->error = -ENOMEM;
	info->tcm_ifindex = index;
	return begin(type, NLM_F_CREATE | NLM_F_EXCL, info, sizeof(*info));
}

int nl_device_add_clsact(struct nl_device *device, const char *name)
{
	struct tcmsg info = {
		.tcm_family = AF_UNSPEC,
		.tcm_parent = TC_H_CLSACT,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
	};
	struct nl_msg *msg = begin_tc(device, RTM_NEWQDISC, name, &info);
	if (!msg)
		return device->error;
	return finish(device, msg, nla_put_string(msg, TCA_KIND, "clsact"));
}

static int put_program(struct nl_msg *msg, int program_fd)
{
	struct nlattr *options;

	if (nla_put_string(msg, TCA_KIND, "bpf") < 0)
		return -ENOMEM;
	options = nla_nest_start(msg, TCA_OPTIONS);
	if (!options ||
	    nla_put_u32(msg, TCA_BPF_FD, (uint32_t)program_fd) < 0 ||
	    nla_put_string(msg, TCA_BPF_NAME, "ersatz") < 0 ||
	    nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) < 0)
		return -ENOMEM;
	nla_nest_end(msg, options);
	return 0;
}

int nl_device_add_program(struct nl_device *device, const char *name,
			  enum nl_device_direction direction, int program_fd)
{
	const uint32_t minor = direction == NL_DEVICE_INGRESS ? TC_H_MIN_INGRESS
							      : TC_H_MIN_EGRESS;
	struct tcmsg info = {
		.tcm_family = AF_UNSPEC,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor),
		/* The first priority, every protocol. */
		.tcm_info = TC_H_MAKE(1U << 16, htons(ETH_P_ALL)),
	};
	struct nl_msg *msg = begin_tc(device, RTM_NEWTFILTER, name, &info);
	if (!msg)
		return device->error;
	return finish(device, msg, put_program(msg, program_fd));
}

int nl_device_add_addr(struct nl_device *device, const char *name,
		       const struct addr *addr)
{
	int index = nl_device_index(device, name);
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
	int index = nl_device_index(device, name);
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
	int index = nl_device_index(device, name);
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

int nl_device_add_gateway(struct nl_device *device, const struct addr *gateway,
			  const char *name)
{
	int index = nl_device_index(device, name);
	if (index < 0)
		return index;

	struct rtmsg info = {
		.rtm_family = (uint8_t)addr_af(gateway),
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
		.rtm_flags = RTNH_F_ONLINK,
	};
	struct nl_msg *msg = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
				   &info, sizeof(info));
	if (!msg)
		return -ENOMEM;
	int put = nla_put_u32(msg, RTA_OIF, (uint32_t)index);
	if (put == 0)
		put = nla_put(msg, RTA_GATEWAY, (int)addr_size(gateway),
			      gateway->bytes);
	return finish(device, msg, put);
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
