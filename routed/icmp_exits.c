// SPDX-License-Identifier: BSD-2-Clause
#include "routed/icmp_exits.h"

#include "common/err.h"
#include "common/log.h"
#include "routed/table.h"

#include <errno.h>
#include <linux/icmp.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool has(const struct icmp_exits *exits, const struct icmp_exit *exit)
{
	for (size_t i = 0; i < exits->count; i++) {
		if (exits->list[i].ifindex == exit->ifindex &&
		    exits->list[i].family == exit->family)
			return true;
	}
	return false;
}

void icmp_exits_find(struct icmp_exits *exits, const struct nl_state *state,
		     const char *tun)
{
	exits->count = 0;
	for (size_t i = 0; i < state->addr_count; i++) {
		const struct nl_ifaddr *own = &state->addrs[i];
		const struct nl_link *link =
			nl_link_by_index(state, own->ifindex);
		const struct icmp_exit exit = {
			.ifindex = own->ifindex,
			.family = (enum addr_family)own->addr.family,
		};

		if (!link || !link->is_up || addr_is_loopback(&own->addr) ||
		    strcmp(link->name, tun) == 0 || has(exits, &exit))
			continue;
		if (exits->count == ICMP_EXITS_MAX)
			return;
		exits->list[exits->count++] = exit;
	}
}

/* Nothing comes in but what answers an echo request. */
static int filter(int fd, enum addr_family family)
{
	struct icmp6_filter filter6;
	const struct icmp_filter filter4 = {
		.data = ~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH |
			  1U << ICMP_TIME_EXCEEDED | 1U << ICMP_PARAMETERPROB),
	};

	if (family == ADDR_IPV4)
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter4,
				  sizeof(filter4));
	ICMP6_FILTER_SETBLOCKALL(&filter6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter6);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &filter6);
	ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &filter6);
	ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &filter6);
	ICMP6_FILTER_SETPASS(ICMP6_PARAM_PROB, &filter6);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6,
			  sizeof(filter6));
}

/* IPv6 tells hop limit and class beside the message. */
static int tell_header(int fd, enum addr_family family)
{
	const int on = 1;

	if (family == ADDR_IPV4)
		return 0;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on)) <
	    0)
		return -1;
	return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof(on));
}

static int open_socket(const struct icmp_exit *exit, const char *name)
{
	const int priority = TABLE_PRIORITY;
	bool is_ipv4 = exit->family == ADDR_IPV4;
	int fd = socket(is_ipv4 ? AF_INET : AF_INET6,
			SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			is_ipv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	int ret;

	if (fd < 0)
		return -errno;
	if (filter(fd, exit->family) < 0 || tell_header(fd, exit->family) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
		       (socklen_t)strlen(name)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority,
		       sizeof(priority)) < 0) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static int give(struct relays *relays, const struct icmp_exit *exit,
		const char *name)
{
	int fd = open_socket(exit, name);
	int ret;

	if (fd < 0)
		return fd;
	ret = relays_give_icmp(relays, exit->ifindex, (uint8_t)exit->family,
			       fd);
	close(fd);
	return ret;
}

void icmp_exits_offer(struct icmp_exits *exits, struct relays *relays,
		      const struct nl_state *state, const char *tun)
{
	struct icmp_exits now, given = {.count = 0};

	if (!relays || !relays_is_ready(relays))
		return;
	icmp_exits_find(&now, state, tun);
	for (size_t i = 0; i < now.count; i++) {
		const struct icmp_exit *exit = &now.list[i];
		const char *name = nl_link_by_index(state, exit->ifindex)->name;
		int ret = 0;

		if (!has(exits, exit))
			ret = give(relays, exit, name);
		if (ret == 0)
			given.list[given.count++] = *exit;
		else
			log_info("cannot give the relay an ICMP socket for "
				 "'%s': %s; pings by it are refused",
				 name, err_text(ret));
	}
	*exits = given;
}
