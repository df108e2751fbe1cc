// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attributes are read with libnl's core and not with its route objects: those
 * do not know RTAX_CC_ALGO, suppress_prefixlength or port ranges, and a dump
 * of ten thousand routes should cost an array, not as many objects.
 */
#include "common/nl.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DUMP_TRIES 16
#define FLAG_LOWER_UP (1U << 16) /* IFF_LOWER_UP, not in net/if.h */
#define DUMP_BUFFER_BYTES (64 * 1024)

struct nl_reader {
	bool is_main_only;
	struct nl_sock *sock; /* owned */
};

struct dump {
	struct nl_state *state; /* borrowed */
	uint8_t family;         /* AF_*; what was asked for */
	int error;
};

/*
 * Room for one more element, zeroed; NULL: no memory.  `array` is where the
 * pointer to the elements is: of which type, only the caller knows.
 */
static void *array_grow(void *array, size_t *count, size_t size)
{
	char *items;

	memcpy(&items, array, sizeof(items));
	/* Full at every power of two. */
	if ((*count & (*count - 1)) == 0) {
		size_t room = *count ? *count * 2 : 1;

		items = realloc(items, room * size);
		if (!items)
			return NULL;
		memcpy(array, &items, sizeof(items));
	}
	void *item = items + *count * size;
	memset(item, 0, size);
	(*count)++;
	return item;
}

static struct addr addr_from_attr(const struct nlattr *attr)
{
	struct addr addr = {0};
	int length = attr ? nla_len(attr) : 0;

	if (length != 4 && length != 16)
		return addr;
	addr.family = length == 4 ? ADDR_IPV4 : ADDR_IPV6;
	memcpy(addr.bytes, nla_data(attr), (size_t)length);
	return addr;
}

/* RTA_VIA, a gateway of the other family: address family, then bytes. */
static struct addr addr_from_via(const struct nlattr *attr)
{
	struct addr addr = {0};
	int length = attr ? nla_len(attr) - 2 : 0;

	if (length != 4 && length != 16)
		return addr;
	addr.family = length == 4 ? ADDR_IPV4 : ADDR_IPV6;
	memcpy(addr.bytes, (const char *)nla_data(attr) + 2, (size_t)length);
	return addr;
}

static uint8_t family_from_af(int af)
{
	return af == AF_INET ? ADDR_IPV4 : ADDR_IPV6;
}

/* A missing attribute is the prefix of length 0, or none when `none`. */
static struct prefix prefix_from_attr(const struct nlattr *attr, int af,
				      uint8_t length)
{
	struct prefix prefix = {.addr = addr_from_attr(attr), .length = length};

	if (prefix.addr.family == ADDR_NONE)
		prefix.addr.family = family_from_af(af);
	return prefix;
}

static uint32_t u32_from_attr(struct nlattr *attr, uint32_t otherwise)
{
	return attr && nla_len(attr) >= 4 ? nla_get_u32(attr) : otherwise;
}

static void text_from_attr(char *out, size_t size, const struct nlattr *attr)
{
	if (attr)
		nla_strlcpy(out, attr, size);
}

static void read_link_kind(struct nl_link *link, struct nlattr *info)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (!info || nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	text_from_attr(link->kind, sizeof(link->kind), tb[IFLA_INFO_KIND]);
}

static int read_link(struct dump *dump, struct nlmsghdr *nlh)
{
	struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *info = nlmsg_data(nlh);
	struct nl_link *link;

	if (nlmsg_parse(nlh, sizeof(*info), tb, IFLA_MAX, NULL) < 0)
		return -EBADMSG;
	link = array_grow(&dump->state->links, &dump->state->link_count,
			  sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->ifindex = info->ifi_index;
	text_from_attr(link->name, sizeof(link->name), tb[IFLA_IFNAME]);
	read_link_kind(link, tb[IFLA_LINKINFO]);
	link->master = (int)u32_from_attr(tb[IFLA_MASTER], 0);
	link->mtu = u32_from_attr(tb[IFLA_MTU], 0);
	link->group = u32_from_attr(tb[IFLA_GROUP], 0);
	link->is_up = info->ifi_flags & IFF_UP;
	link->has_carrier = info->ifi_flags & FLAG_LOWER_UP;
	link->is_loopback = info->ifi_flags & IFF_LOOPBACK;
	link->is_ethernet = info->ifi_type == ARPHRD_ETHER;
	return 0;
}

static int read_ifaddr(struct dump *dump, struct nlmsghdr *nlh)
{
	struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *ifa = nlmsg_data(nlh);
	struct nl_ifaddr *addr;

	if (nlmsg_parse(nlh, sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return -EBADMSG;
	addr = array_grow(&dump->state->addrs, &dump->state->addr_count,
			  sizeof(*addr));
	if (!addr)
		return -ENOMEM;
	addr->ifindex = (int)ifa->ifa_index;
	addr->scope = ifa->ifa_scope;
	/* On a point-to-point link IFA_ADDRESS is the other end. */
	addr->addr =
		addr_from_attr(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]);
	addr->prefix = prefix_from_attr(tb[IFA_ADDRESS], ifa->ifa_family,
					ifa->ifa_prefixlen);
	prefix_mask(&addr->prefix);
	return 0;
}

/* The first hop that is not dead, or the first of all. */
static void read_multipath(struct nl_route *route, const struct nlattr *attr)
{
	const struct rtnexthop *hop = nla_data(attr);
	int left = nla_len(attr);
	bool is_first = true;

	route->is_multipath = true;
	for (; left >= (int)sizeof(*hop) && RTNH_OK(hop, left);
	     left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		struct nlattr *tb[RTA_MAX + 1];
		bool is_dead =
			hop->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN);
		int length = hop->rtnh_len - (int)sizeof(*hop);

		if ((is_dead && !is_first) ||
		    nla_parse(tb, RTA_MAX, (struct nlattr *)RTNH_DATA(hop),
			      length, NULL) < 0)
			continue;
		route->oif = hop->rtnh_ifindex;
		route->is_onlink = hop->rtnh_flags & RTNH_F_ONLINK;
		route->gateway = tb[RTA_VIA] ? addr_from_via(tb[RTA_VIA])
					     : addr_from_attr(tb[RTA_GATEWAY]);
		if (!is_dead)
			return;
		is_first = false;
	}
}

static void read_route_metrics(struct nl_route *route, struct nlattr *attr)
{
	struct nlattr *tb[RTAX_MAX + 1];

	if (!attr || nla_parse_nested(tb, RTAX_MAX, attr, NULL) < 0)
		return;
	route->mtu = u32_from_attr(tb[RTAX_MTU], 0);
	route->is_cubic =
		tb[RTAX_CC_ALGO] && nla_strcmp(tb[RTAX_CC_ALGO], "cubic") == 0;
}

static void read_route_attrs(struct nl_route *route, struct nlattr **tb,
			     const struct rtmsg *rtm)
{
	route->dst = prefix_from_attr(tb[RTA_DST], rtm->rtm_family,
				      rtm->rtm_dst_len);
	route->gateway = tb[RTA_VIA] ? addr_from_via(tb[RTA_VIA])
				     : addr_from_attr(tb[RTA_GATEWAY]);
	route->prefsrc = addr_from_attr(tb[RTA_PREFSRC]);
	route->oif = (int)u32_from_attr(tb[RTA_OIF], 0);
	route->metric = u32_from_attr(tb[RTA_PRIORITY], 0);
	route->is_onlink = rtm->rtm_flags & RTNH_F_ONLINK;
	read_route_metrics(route, tb[RTA_METRICS]);
	if (tb[RTA_MULTIPATH])
		read_multipath(route, tb[RTA_MULTIPATH]);
}

static int read_route(struct dump *dump, struct nlmsghdr *nlh)
{
	struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *rtm = nlmsg_data(nlh);
	struct nl_route *route;
	uint32_t table;

	if (nlmsg_parse(nlh, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	table = u32_from_attr(tb[RTA_TABLE], rtm->rtm_table);
	if (table == RT_TABLE_LOCAL || rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	route = array_grow(&dump->state->routes, &dump->state->route_count,
			   sizeof(*route));
	if (!route)
		return -ENOMEM;
	route->family = family_from_af(rtm->rtm_family);
	route->type = rtm->rtm_type;
	route->scope = rtm->rtm_scope;
	route->protocol = rtm->rtm_protocol;
	route->table = table;
	read_route_attrs(route, tb, rtm);
	return 0;
}

/* Attributes of a rule that struct nl_rule has a member for. */
static bool is_rule_attr_known(int type)
{
	static const uint8_t known[] = {
		FRA_UNSPEC,      FRA_DST,      FRA_SRC,
		FRA_IIFNAME,     FRA_OIFNAME,  FRA_PRIORITY,
		FRA_FWMARK,      FRA_FWMASK,   FRA_TABLE,
		FRA_PAD,         FRA_PROTOCOL, FRA_SUPPRESS_PREFIXLEN,
		FRA_UID_RANGE,   FRA_IP_PROTO, FRA_SPORT_RANGE,
		FRA_DPORT_RANGE,
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i] == type)
			return true;
	}
	return false;
}

static bool has_rule_more(const struct nlmsghdr *nlh,
			  const struct fib_rule_hdr *hdr)
{
	const uint32_t understood = FIB_RULE_PERMANENT | FIB_RULE_INVERT |
				    FIB_RULE_IIF_DETACHED |
				    FIB_RULE_OIF_DETACHED;
	struct nlattr *attr;
	int left;

	if (hdr->tos || hdr->flags & ~understood)
		return true;
	nlmsg_for_each_attr(attr, nlh, sizeof(*hdr), left)
	{
		if (!is_rule_attr_known(nla_type(attr)))
			return true;
	}
	return false;
}

static void read_port_range(struct nlattr *attr, uint16_t *first,
			    uint16_t *last)
{
	struct fib_rule_port_range range = {0};

	if (attr && nla_len(attr) >= (int)sizeof(range))
		memcpy(&range, nla_data(attr), sizeof(range));
	*first = range.start;
	*last = range.end;
}

static void read_rule_ranges(struct nl_rule *rule, struct nlattr **tb)
{
	read_port_range(tb[FRA_SPORT_RANGE], &rule->sport_first,
			&rule->sport_last);
	read_port_range(tb[FRA_DPORT_RANGE], &rule->dport_first,
			&rule->dport_last);
	if (tb[FRA_UID_RANGE] && nla_len(tb[FRA_UID_RANGE]) >= 8) {
		struct fib_rule_uid_range range;

		memcpy(&range, nla_data(tb[FRA_UID_RANGE]), sizeof(range));
		rule->has_uid = true;
		rule->uid_first = range.start;
		rule->uid_last = range.end;
	}
}

static void read_rule_attrs(struct nl_rule *rule, struct nlattr **tb)
{
	text_from_attr(rule->iif, sizeof(rule->iif), tb[FRA_IIFNAME]);
	text_from_attr(rule->oif, sizeof(rule->oif), tb[FRA_OIFNAME]);
	rule->priority = u32_from_attr(tb[FRA_PRIORITY], 0);
	rule->mark = u32_from_attr(tb[FRA_FWMARK], 0);
	rule->mark_mask = u32_from_attr(tb[FRA_FWMASK], 0);
	rule->suppress_prefixlength =
		(int)u32_from_attr(tb[FRA_SUPPRESS_PREFIXLEN], UINT32_MAX);
	if (tb[FRA_PROTOCOL])
		rule->protocol = nla_get_u8(tb[FRA_PROTOCOL]);
	if (tb[FRA_IP_PROTO])
		rule->ip_protocol = nla_get_u8(tb[FRA_IP_PROTO]);
	read_rule_ranges(rule, tb);
}

static int read_rule(struct dump *dump, struct nlmsghdr *nlh)
{
	struct nlattr *tb[FRA_MAX + 1];
	const struct fib_rule_hdr *hdr = nlmsg_data(nlh);
	struct nl_rule *rule;

	if (nlmsg_parse(nlh, sizeof(*hdr), tb, FRA_MAX, NULL) < 0)
		return -EBADMSG;
	rule = array_grow(&dump->state->rules, &dump->state->rule_count,
			  sizeof(*rule));
	if (!rule)
		return -ENOMEM;
	rule->family = family_from_af(hdr->family);
	rule->action = hdr->action;
	rule->table = u32_from_attr(tb[FRA_TABLE], hdr->table);
	rule->is_inverted = hdr->flags & FIB_RULE_INVERT;
	if (tb[FRA_SRC])
		rule->src = prefix_from_attr(tb[FRA_SRC], hdr->family,
					     hdr->src_len);
	if (tb[FRA_DST])
		rule->dst = prefix_from_attr(tb[FRA_DST], hdr->family,
					     hdr->dst_len);
	read_rule_attrs(rule, tb);
	/*
	 * Of ours we know what they have; newer kernels tell more (Linux 6.15
	 * a mask beside each port), which must not make them strangers.
	 */
	rule->has_more =
		rule->protocol != NL_PROTOCOL && has_rule_more(nlh, hdr);
	return 0;
}

static int read_message(struct dump *dump, struct nlmsghdr *nlh)
{
	/* All four headers start with the family. */
	const uint8_t *family = nlmsg_data(nlh);

	/*
	 * A family that the kernel does not have is dumped as if all had been
	 * asked for.
	 */
	if (nlmsg_datalen(nlh) < 1 ||
	    (dump->family != AF_UNSPEC && *family != dump->family))
		return 0;
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
		return read_link(dump, nlh);
	case RTM_NEWADDR:
		return *family == AF_INET || *family == AF_INET6
			       ? read_ifaddr(dump, nlh)
			       : 0;
	case RTM_NEWROUTE:
		return read_route(dump, nlh);
	case RTM_NEWRULE:
		return read_rule(dump, nlh);
	}
	return 0;
}

/* After an error the rest is read all the same, to leave the socket clean. */
static int on_message(struct nl_msg *msg, void *ctx)
{
	struct dump *dump = ctx;

	if (!dump->error)
		dump->error = read_message(dump, nlmsg_hdr(msg));
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *ctx)
{
	struct dump *dump = ctx;

	(void)from;
	/* No entry: a table that has no route yet. */
	if (error->error != -EAFNOSUPPORT && error->error != -EOPNOTSUPP &&
	    error->error != -ENOENT)
		dump->error = error->error;
	return NL_STOP;
}

/* What asks for a dump; each begins with the family. */
union dump_header {
	uint8_t family;
	struct ifinfomsg link;
	struct ifaddrmsg addr;
	struct rtmsg route;
	struct fib_rule_hdr rule;
};

static size_t header_size(int type)
{
	switch (type) {
	case RTM_GETLINK:
		return sizeof(struct ifinfomsg);
	case RTM_GETADDR:
		return sizeof(struct ifaddrmsg);
	case RTM_GETROUTE:
		return sizeof(struct rtmsg);
	}
	return sizeof(struct fib_rule_hdr);
}

static int dump_part(struct nl_reader *reader, struct dump *dump, int type)
{
	union dump_header header = {.route = {0}};
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (!cb)
		return -ENOMEM;
	header.family = dump->family;
	if (type == RTM_GETROUTE && reader->is_main_only)
		header.route.rtm_table = RT_TABLE_MAIN;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, dump);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, dump);
	ret = nl_send_simple(reader->sock, type, NLM_F_DUMP, &header,
			     header_size(type));
	if (ret >= 0)
		ret = nl_recvmsgs(reader->sock, cb);
	nl_cb_put(cb);
	if (dump->error)
		return dump->error;
	if (ret == -NLE_DUMP_INTR)
		return -EINTR;
	if (ret == -NLE_AF_NOSUPPORT || ret == -NLE_OPNOTSUPP ||
	    ret == -NLE_OBJ_NOTFOUND)
		return 0;
	return ret < 0 ? -EIO : 0;
}

static int dump_all(struct nl_reader *reader, struct nl_state *state)
{
	static const struct {
		int type;
		uint8_t family;
	} parts[] = {
		{RTM_GETLINK, AF_UNSPEC}, {RTM_GETADDR, AF_UNSPEC},
		{RTM_GETROUTE, AF_INET},  {RTM_GETROUTE, AF_INET6},
		{RTM_GETRULE, AF_INET},   {RTM_GETRULE, AF_INET6},
	};

	memset(state, 0, sizeof(*state));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct dump dump = {
			.state = state,
			.family = parts[i].family,
		};
		int ret = dump_part(reader, &dump, parts[i].type);

		if (ret < 0) {
			nl_state_free(state);
			return ret;
		}
	}
	return 0;
}

int nl_reader_open(struct nl_reader **reader)
{
	struct nl_reader *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	if (!new)
		return -ENOMEM;
	new->sock = nl_socket_alloc();
	if (!new->sock)
		goto free_reader;
	ret = nl_connect(new->sock, NETLINK_ROUTE);
	if (ret < 0) {
		ret = ret == -NLE_NOMEM ? -ENOMEM : -EPROTONOSUPPORT;
		goto free_sock;
	}
	nl_socket_set_msg_buf_size(new->sock, DUMP_BUFFER_BYTES);
	*reader = new;
	return 0;

free_sock:
	nl_socket_free(new->sock);
free_reader:
	free(new);
	return ret;
}

int nl_reader_keep_main(struct nl_reader *reader)
{
	const int on = 1;

	if (setsockopt(nl_socket_get_fd(reader->sock), SOL_NETLINK,
		       NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0)
		return -errno;
	reader->is_main_only = true;
	return 0;
}

void nl_reader_close(struct nl_reader *reader)
{
	if (!reader)
		return;
	nl_socket_free(reader->sock);
	free(reader);
}

int nl_reader_dump(struct nl_reader *reader, struct nl_state *state)
{
	int ret = -EINTR;

	for (int i = 0; i < DUMP_TRIES && ret == -EINTR; i++)
		ret = dump_all(reader, state);
	return ret;
}

void nl_state_free(struct nl_state *state)
{
	free(state->links);
	free(state->addrs);
	free(state->routes);
	free(state->rules);
	memset(state, 0, sizeof(*state));
}

/* Elements are made of zeroed memory, so padding compares too. */
static bool is_array_equal(const void *a, size_t a_count, const void *b,
			   size_t b_count, size_t size)
{
	return a_count == b_count &&
	       (a_count == 0 || memcmp(a, b, a_count * size) == 0);
}

bool nl_state_equal(const struct nl_state *a, const struct nl_state *b)
{
	return is_array_equal(a->links, a->link_count, b->links, b->link_count,
			      sizeof(*a->links)) &&
	       is_array_equal(a->addrs, a->addr_count, b->addrs, b->addr_count,
			      sizeof(*a->addrs)) &&
	       is_array_equal(a->routes, a->route_count, b->routes,
			      b->route_count, sizeof(*a->routes)) &&
	       is_array_equal(a->rules, a->rule_count, b->rules, b->rule_count,
			      sizeof(*a->rules));
}

bool nl_state_is_local(const struct nl_state *state, const struct addr *addr)
{
	if (addr_is_loopback(addr) || addr_is_unspecified(addr))
		return true;
	for (size_t i = 0; i < state->addr_count; i++) {
		if (addr_equal(&state->addrs[i].addr, addr))
			return true;
	}
	return false;
}

const struct nl_link *nl_link_by_index(const struct nl_state *state,
				       int ifindex)
{
	for (size_t i = 0; i < state->link_count; i++) {
		if (state->links[i].ifindex == ifindex)
			return &state->links[i];
	}
	return NULL;
}

const struct nl_link *nl_link_by_name(const struct nl_state *state,
				      const char *name)
{
	for (size_t i = 0; i < state->link_count; i++) {
		if (strcmp(state->links[i].name, name) == 0)
			return &state->links[i];
	}
	return NULL;
}
