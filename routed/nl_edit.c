// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages are built with libnl's core (its route objects know neither
 * RTAX_CC_ALGO nor port ranges) and sent many at a time: rtnetlink works
 * through a buffer within the sendto(), so when that returns every answer
 * waits in the socket and nothing here ever blocks.
 */
#include "routed/nl_edit.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_BYTES_MAX 512
#define BUFFER_BYTES (NL_EDIT_BATCH_MAX * MESSAGE_BYTES_MAX)
#define ANSWER_BYTES 8192
#define NO_ANSWER 1 /* in nl_change.result until the kernel's word is there */

struct nl_edit {
	struct nl_sock *sock; /* owned */
	uint32_t seq;         /* of the last message sent */
	_Alignas(struct nlmsghdr) char buffer[BUFFER_BYTES];
	_Alignas(struct nlmsghdr) char answer[ANSWER_BYTES];
};

static int put_addr(struct nl_msg *msg, int type, const struct addr *addr)
{
	if (addr->family == ADDR_NONE)
		return 0;
	return nla_put(msg, type, (int)addr_size(addr), addr->bytes);
}

static int put_text(struct nl_msg *msg, int type, const char *text)
{
	return text[0] ? nla_put_string(msg, type, text) : 0;
}

/* Zero is what the kernel takes when there is none. */
static int put_u32(struct nl_msg *msg, int type, uint32_t value)
{
	return value ? nla_put_u32(msg, type, value) : 0;
}

static int af_from_family(uint8_t family)
{
	return family == ADDR_IPV4 ? AF_INET : AF_INET6;
}

static int put_gateway(struct nl_msg *msg, const struct nl_route *route)
{
	const struct addr *gateway = &route->gateway;
	char via[2 + sizeof(gateway->bytes)];
	uint16_t af;

	if (gateway->family == ADDR_NONE || gateway->family == route->family)
		return put_addr(msg, RTA_GATEWAY, gateway);
	af = (uint16_t)addr_af(gateway);
	memcpy(via, &af, sizeof(af));
	memcpy(via + sizeof(af), gateway->bytes, addr_size(gateway));
	return nla_put(msg, RTA_VIA, (int)(sizeof(af) + addr_size(gateway)),
		       via);
}

static int put_metrics(struct nl_msg *msg, const struct nl_route *route)
{
	struct nlattr *nest;
	int ret;

	if (!route->mtu && !route->is_cubic)
		return 0;
	nest = nla_nest_start(msg, RTA_METRICS);
	if (!nest)
		return -NLE_NOMEM;
	ret = put_u32(msg, RTAX_MTU, route->mtu);
	if (ret >= 0 && route->is_cubic)
		ret = nla_put_string(msg, RTAX_CC_ALGO, "cubic");
	nla_nest_end(msg, nest);
	return ret;
}

static int build_route(struct nl_msg *msg, const struct nl_route *route,
		       bool is_removal)
{
	struct rtmsg rtm = {
		.rtm_family = (unsigned char)af_from_family(route->family),
		.rtm_dst_len = route->dst.length,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = route->protocol,
		.rtm_scope = is_removal ? RT_SCOPE_NOWHERE : route->scope,
		.rtm_type = route->type,
		.rtm_flags = route->is_onlink ? RTNH_F_ONLINK : 0,
	};

	if (nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO) < 0 ||
	    put_u32(msg, RTA_TABLE, route->table) < 0 ||
	    put_u32(msg, RTA_PRIORITY, route->metric) < 0 ||
	    put_u32(msg, RTA_OIF, (uint32_t)route->oif) < 0 ||
	    put_gateway(msg, route) < 0)
		return -ENOMEM;
	if (route->dst.length && put_addr(msg, RTA_DST, &route->dst.addr) < 0)
		return -ENOMEM;
	/* The rest is no part of the key. */
	if (!is_removal && (put_addr(msg, RTA_PREFSRC, &route->prefsrc) < 0 ||
			    put_metrics(msg, route) < 0))
		return -ENOMEM;
	return 0;
}

static int build_ifaddr(struct nl_msg *msg, const struct nl_ifaddr *ifaddr)
{
	const uint32_t flags = IFA_F_NODAD | IFA_F_NOPREFIXROUTE;
	struct ifaddrmsg ifa = {
		.ifa_family = (unsigned char)addr_af(&ifaddr->addr),
		.ifa_prefixlen = ifaddr->prefix.length,
		.ifa_scope = ifaddr->scope,
		.ifa_index = (uint32_t)ifaddr->ifindex,
	};

	if (nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO) < 0 ||
	    put_addr(msg, IFA_LOCAL, &ifaddr->addr) < 0 ||
	    put_addr(msg, IFA_ADDRESS, &ifaddr->addr) < 0 ||
	    nla_put_u32(msg, IFA_FLAGS, flags) < 0)
		return -ENOMEM;
	return 0;
}

static int build_link(struct nl_msg *msg, int ifindex, unsigned flags)
{
	struct ifinfomsg info = {
		.ifi_index = ifindex,
		.ifi_flags = flags,
		.ifi_change = flags,
	};

	return nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO) < 0
		       ? -ENOMEM
		       : 0;
}

static int put_rule_selectors(struct nl_msg *msg, const struct nl_rule *rule)
{
	const struct fib_rule_port_range sport = {rule->sport_first,
						  rule->sport_last};
	const struct fib_rule_port_range dport = {rule->dport_first,
						  rule->dport_last};
	const struct fib_rule_uid_range uids = {rule->uid_first,
						rule->uid_last};

	if (put_addr(msg, FRA_SRC, &rule->src.addr) < 0 ||
	    put_addr(msg, FRA_DST, &rule->dst.addr) < 0 ||
	    put_text(msg, FRA_IIFNAME, rule->iif) < 0 ||
	    put_text(msg, FRA_OIFNAME, rule->oif) < 0)
		return -ENOMEM;
	if (rule->mark_mask &&
	    (nla_put_u32(msg, FRA_FWMARK, rule->mark) < 0 ||
	     nla_put_u32(msg, FRA_FWMASK, rule->mark_mask) < 0))
		return -ENOMEM;
	if (rule->has_uid &&
	    nla_put(msg, FRA_UID_RANGE, sizeof(uids), &uids) < 0)
		return -ENOMEM;
	if (rule->ip_protocol &&
	    nla_put_u8(msg, FRA_IP_PROTO, rule->ip_protocol) < 0)
		return -ENOMEM;
	if (rule->sport_last &&
	    nla_put(msg, FRA_SPORT_RANGE, sizeof(sport), &sport) < 0)
		return -ENOMEM;
	if (rule->dport_last &&
	    nla_put(msg, FRA_DPORT_RANGE, sizeof(dport), &dport) < 0)
		return -ENOMEM;
	return 0;
}

static int build_rule(struct nl_msg *msg, const struct nl_rule *rule)
{
	struct fib_rule_hdr hdr = {
		.family = (uint8_t)af_from_family(rule->family),
		.src_len = rule->src.length,
		.dst_len = rule->dst.length,
		.table = RT_TABLE_UNSPEC,
		.action = rule->action,
		.flags = rule->is_inverted ? FIB_RULE_INVERT : 0,
	};

	if (nlmsg_append(msg, &hdr, sizeof(hdr), NLMSG_ALIGNTO) < 0 ||
	    nla_put_u32(msg, FRA_PRIORITY, rule->priority) < 0 ||
	    nla_put_u8(msg, FRA_PROTOCOL, rule->protocol) < 0 ||
	    put_u32(msg, FRA_TABLE, rule->table) < 0)
		return -ENOMEM;
	if (rule->suppress_prefixlength >= 0 &&
	    nla_put_u32(msg, FRA_SUPPRESS_PREFIXLEN,
			(uint32_t)rule->suppress_prefixlength) < 0)
		return -ENOMEM;
	return put_rule_selectors(msg, rule);
}

static int type_of_change(const struct nl_change *change)
{
	switch (change->object.kind) {
	case NL_OBJECT_LINK_UP:
		return RTM_NEWLINK;
	case NL_OBJECT_IFADDR:
		return change->is_removal ? RTM_DELADDR : RTM_NEWADDR;
	case NL_OBJECT_ROUTE:
		return change->is_removal ? RTM_DELROUTE : RTM_NEWROUTE;
	case NL_OBJECT_RULE:
		return change->is_removal ? RTM_DELRULE : RTM_NEWRULE;
	}
	return NLMSG_NOOP;
}

static int build_change(struct nl_msg *msg, const struct nl_change *change)
{
	const struct nl_object *object = &change->object;

	switch (object->kind) {
	case NL_OBJECT_LINK_UP:
		return build_link(msg, object->ifindex, IFF_UP);
	case NL_OBJECT_IFADDR:
		return build_ifaddr(msg, &object->ifaddr);
	case NL_OBJECT_ROUTE:
		return build_route(msg, &object->route, change->is_removal);
	case NL_OBJECT_RULE:
		return build_rule(msg, &object->rule);
	}
	return -EINVAL;
}

/* Copies the message to `out`; the bytes that it takes. */
static int append_change(char *out, size_t room, const struct nl_change *change,
			 uint32_t seq)
{
	const int adding = change->object.kind == NL_OBJECT_LINK_UP
				   ? 0
				   : NLM_F_CREATE | NLM_F_EXCL;
	struct nl_msg *msg = nlmsg_alloc_simple(
		type_of_change(change),
		NLM_F_REQUEST | NLM_F_ACK | (change->is_removal ? 0 : adding));
	struct nlmsghdr *nlh;
	int ret;

	if (!msg)
		return -ENOMEM;
	ret = build_change(msg, change);
	if (ret < 0)
		goto free_msg;
	nlh = nlmsg_hdr(msg);
	nlh->nlmsg_seq = seq;
	ret = (int)NLMSG_ALIGN(nlh->nlmsg_len);
	if ((size_t)ret > room) {
		ret = -EMSGSIZE;
		goto free_msg;
	}
	memset(out, 0, (size_t)ret);
	memcpy(out, nlh, nlh->nlmsg_len);

free_msg:
	nlmsg_free(msg);
	return ret;
}

static int send_bytes(struct nl_edit *edit, size_t length)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t sent;

	do {
		sent = sendto(nl_socket_get_fd(edit->sock), edit->buffer,
			      length, 0, (const struct sockaddr *)&kernel,
			      sizeof(kernel));
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* 0 when nothing waits. */
static int receive(struct nl_edit *edit)
{
	ssize_t length;

	do {
		length = recv(nl_socket_get_fd(edit->sock), edit->answer,
			      sizeof(edit->answer), MSG_DONTWAIT);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return errno == EAGAIN ? 0 : -errno;
	return (int)length;
}

static void drain(struct nl_edit *edit)
{
	int ret;

	do {
		ret = receive(edit);
	} while (ret > 0 || ret == -ENOBUFS);
}

static void take_result(const struct nlmsghdr *nlh, struct nl_change *changes,
			size_t count, uint32_t first_seq)
{
	struct nlmsgerr error;
	uint32_t index = nlh->nlmsg_seq - first_seq;

	if (nlh->nlmsg_type != NLMSG_ERROR || index >= count ||
	    nlmsg_datalen(nlh) < (int)sizeof(error))
		return;
	memcpy(&error, nlmsg_data(nlh), sizeof(error));
	changes[index].result = error.error;
}

static void take_results(struct nl_edit *edit, struct nl_change *changes,
			 size_t count, uint32_t first_seq)
{
	int left;

	while ((left = receive(edit)) > 0) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)edit->answer;

		for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left))
			take_result(nlh, changes, count, first_seq);
	}
}

/*
 * The kernel works in order and always tells what failed: the answer to the
 * last change says that those before it are done, too.
 */
static void expect_errors_only(char *message)
{
	struct nlmsghdr nlh;

	memcpy(&nlh, message, sizeof(nlh));
	nlh.nlmsg_flags &= (uint16_t)~NLM_F_ACK;
	memcpy(message, &nlh, sizeof(nlh));
}

int nl_edit_batch(struct nl_edit *edit, struct nl_change *changes, size_t count)
{
	const uint32_t first_seq = edit->seq + 1;
	size_t length = 0;
	int failed = 0;
	int silence;
	int ret;

	if (count > NL_EDIT_BATCH_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		ret = append_change(edit->buffer + length,
				    sizeof(edit->buffer) - length, &changes[i],
				    first_seq + (uint32_t)i);
		if (ret < 0)
			return ret;
		if (i + 1 < count)
			expect_errors_only(edit->buffer + length);
		length += (size_t)ret;
		changes[i].result = NO_ANSWER;
	}
	edit->seq += (uint32_t)count;
	drain(edit);
	ret = send_bytes(edit, length);
	if (ret >= 0)
		take_results(edit, changes, count, first_seq);
	silence = count && changes[count - 1].result != NO_ANSWER ? 0 : -EIO;
	for (size_t i = 0; i < count; i++) {
		if (changes[i].result == NO_ANSWER)
			changes[i].result = silence;
		failed += changes[i].result < 0;
	}
	return ret < 0 ? ret : failed;
}

static int change_one(struct nl_edit *edit, const struct nl_object *object,
		      bool is_removal)
{
	struct nl_change change = {
		.is_removal = is_removal,
		.object = *object,
	};
	int ret = nl_edit_batch(edit, &change, 1);

	return ret < 0 ? ret : change.result;
}

int nl_edit_add(struct nl_edit *edit, const struct nl_object *object)
{
	return change_one(edit, object, false);
}

int nl_edit_del(struct nl_edit *edit, const struct nl_object *object)
{
	return change_one(edit, object, true);
}

/* Sends one message and leaves its first answer in edit->answer. */
static int ask(struct nl_edit *edit, struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlmsgerr error;
	int ret;

	nlh->nlmsg_seq = ++edit->seq;
	memcpy(edit->buffer, nlh, nlh->nlmsg_len);
	drain(edit);
	ret = send_bytes(edit, nlh->nlmsg_len);
	if (ret < 0)
		return ret;
	ret = receive(edit);
	if (ret <= 0)
		return ret < 0 ? ret : -EIO;
	nlh = (struct nlmsghdr *)edit->answer;
	if (!nlmsg_ok(nlh, ret) || nlh->nlmsg_seq != edit->seq)
		return -EIO;
	if (nlh->nlmsg_type != NLMSG_ERROR)
		return 0;
	if (nlmsg_datalen(nlh) < (int)sizeof(error))
		return -EIO;
	memcpy(&error, nlmsg_data(nlh), sizeof(error));
	return error.error;
}

int nl_edit_del_link(struct nl_edit *edit, int ifindex)
{
	struct nl_msg *msg =
		nlmsg_alloc_simple(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK);
	int ret;

	if (!msg)
		return -ENOMEM;
	ret = build_link(msg, ifindex, 0);
	if (ret == 0)
		ret = ask(edit, msg);
	nlmsg_free(msg);
	return ret;
}

static int put_lookup(struct nl_msg *msg, const struct nl_lookup *lookup)
{
	const uint32_t iif = lookup->iif[0] ? if_nametoindex(lookup->iif) : 0;
	const uint32_t oif = lookup->oif[0] ? if_nametoindex(lookup->oif) : 0;

	if ((lookup->iif[0] && !iif) || (lookup->oif[0] && !oif))
		return -ENODEV;
	if (put_addr(msg, RTA_DST, &lookup->dst) < 0 ||
	    put_addr(msg, RTA_SRC, &lookup->src) < 0 ||
	    put_u32(msg, RTA_IIF, iif) < 0 || put_u32(msg, RTA_OIF, oif) < 0 ||
	    put_u32(msg, RTA_MARK, lookup->mark) < 0)
		return -ENOMEM;
	if (lookup->has_uid && nla_put_u32(msg, RTA_UID, lookup->uid) < 0)
		return -ENOMEM;
	if (lookup->ip_protocol &&
	    nla_put_u8(msg, RTA_IP_PROTO, lookup->ip_protocol) < 0)
		return -ENOMEM;
	if (lookup->sport &&
	    nla_put_u16(msg, RTA_SPORT, htons(lookup->sport)) < 0)
		return -ENOMEM;
	if (lookup->dport &&
	    nla_put_u16(msg, RTA_DPORT, htons(lookup->dport)) < 0)
		return -ENOMEM;
	return 0;
}

static int build_lookup(struct nl_msg *msg, const struct nl_lookup *lookup)
{
	struct rtmsg rtm = {
		.rtm_family = (unsigned char)addr_af(&lookup->dst),
		.rtm_dst_len = (unsigned char)addr_bits(&lookup->dst),
		.rtm_flags = RTM_F_LOOKUP_TABLE,
	};

	if (lookup->src.family != ADDR_NONE)
		rtm.rtm_src_len = (unsigned char)addr_bits(&lookup->src);
	if (nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO) < 0)
		return -ENOMEM;
	return put_lookup(msg, lookup);
}

static struct addr addr_from_attr(const struct nlattr *attr, uint8_t family)
{
	struct addr addr = {0};
	int size = family == ADDR_IPV4 ? 4 : 16;

	if (!attr || nla_len(attr) < size)
		return addr;
	addr.family = family;
	memcpy(addr.bytes, nla_data(attr), (size_t)size);
	return addr;
}

static int read_lookup(struct nl_edit *edit, uint8_t family,
		       struct nl_lookup_answer *answer)
{
	struct nlattr *tb[RTA_MAX + 1];
	struct nlmsghdr *nlh = (struct nlmsghdr *)edit->answer;
	const struct rtmsg *rtm = nlmsg_data(nlh);

	if (nlh->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(nlh, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return -EIO;
	memset(answer, 0, sizeof(*answer));
	answer->type = rtm->rtm_type;
	answer->table =
		tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : rtm->rtm_table;
	if (tb[RTA_OIF])
		answer->oif = (int)nla_get_u32(tb[RTA_OIF]);
	answer->prefsrc = addr_from_attr(tb[RTA_PREFSRC], family);
	answer->gateway = addr_from_attr(tb[RTA_GATEWAY], family);
	return 0;
}

int nl_edit_lookup(struct nl_edit *edit, const struct nl_lookup *lookup,
		   struct nl_lookup_answer *answer)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);
	int ret;

	if (!msg)
		return -ENOMEM;
	ret = build_lookup(msg, lookup);
	if (ret == 0)
		ret = ask(edit, msg);
	if (ret == 0)
		ret = read_lookup(edit, lookup->dst.family, answer);
	nlmsg_free(msg);
	return ret;
}

int nl_edit_open(struct nl_edit **edit)
{
	struct nl_edit *new = calloc(1, sizeof(*new));
	int one = 1;
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->sock = nl_socket_alloc();
	if (!new->sock)
		goto free_edit;
	ret = nl_connect(new->sock, NETLINK_ROUTE);
	if (ret < 0) {
		ret = ret == -NLE_NOMEM ? -ENOMEM : -EPROTONOSUPPORT;
		goto free_sock;
	}
	/* Without it an answer repeats the request; it is only shorter. */
	if (setsockopt(nl_socket_get_fd(new->sock), SOL_NETLINK,
		       NETLINK_CAP_ACK, &one, sizeof(one)) < 0) {
		ret = -errno;
		goto free_sock;
	}
	*edit = new;
	return 0;

free_sock:
	nl_socket_free(new->sock);
free_edit:
	free(new);
	return ret;
}

void nl_edit_close(struct nl_edit *edit)
{
	if (!edit)
		return;
	nl_socket_free(edit->sock);
	free(edit);
}

uint32_t nl_edit_portid(const struct nl_edit *edit)
{
	return nl_socket_get_local_port(edit->sock);
}
