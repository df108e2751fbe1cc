// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/egress.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int egress_find(const struct egress *egress, const struct nl_state *state,
		const struct addr *to, char name[IFNAMSIZ])
{
	const char *pinned = egress->uplink;
	struct uplink uplink;
	int ret;

	if (egress->outbound->type == OUTBOUND_TYPE_INTERFACE) {
		pinned = egress->outbound->interface;
		if (!nl_link_by_name(state, pinned))
			return -ENODEV;
	}
	ret = uplink_toward(state, to, pinned, &uplink);
	if (ret != 0)
		return ret < 0 ? ret : 0;
	memcpy(name, uplink.name, IFNAMSIZ);
	return uplink.ifindex;
}

int egress_bind(const struct egress *egress, const struct nl_state *state,
		const struct addr *to, int fd)
{
	char name[IFNAMSIZ];
	int ifindex = egress_find(egress, state, to, name);

	if (ifindex > 0 && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
				      (socklen_t)strlen(name)) < 0)
		return -errno;
	return ifindex;
}

static bool is_replaced(const struct nl_state *state,
			const struct nl_link *link, uint8_t family)
{
	struct uplink uplink;

	return !link->has_carrier &&
	       uplink_find(state, family, NULL, &uplink) == 0 &&
	       uplink.ifindex != link->ifindex;
}

bool egress_is_alive(const struct nl_state *state, int ifindex,
		     const struct addr *local)
{
	const struct nl_link *link;

	if (ifindex == 0)
		return true;
	link = nl_link_by_index(state, ifindex);
	if (!link || !link->is_up || is_replaced(state, link, local->family))
		return false;
	for (size_t i = 0; i < state->addr_count; i++) {
		if (addr_equal(&state->addrs[i].addr, local))
			return true;
	}
	return false;
}
