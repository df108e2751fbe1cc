// SPDX-License-Identifier: BSD-2-Clause
#include "routed/tunnels.h"

#include "common/uplink.h"
#include "routed/owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX 256

struct candidate {
	uint32_t inode;
	uint16_t port;
};

struct search {
	const struct nl_state *state;
	const char *tun;
	uid_t own_uid;
	struct tunnels found;
	struct candidate candidates[CANDIDATES_MAX];
	size_t count;
};

static bool is_foreign_tunnel(const struct nl_link *link, const char *tun)
{
	return uplink_is_tunnel(link) && strcmp(link->name, tun) != 0;
}

bool tunnels_are_there(const struct nl_state *state, const char *tun)
{
	for (size_t i = 0; i < state->link_count; i++) {
		if (is_foreign_tunnel(&state->links[i], tun))
			return true;
	}
	return false;
}

bool tunnels_have(const struct tunnels *tunnels, uint16_t port)
{
	for (size_t i = 0; i < tunnels->count; i++) {
		if (tunnels->ports[i] == port)
			return true;
	}
	return false;
}

static void add(struct tunnels *tunnels, uint16_t port)
{
	size_t at = tunnels->count;

	if (at == TUNNEL_PORTS_MAX || tunnels_have(tunnels, port))
		return;
	for (; at > 0 && tunnels->ports[at - 1] > port; at--)
		tunnels->ports[at] = tunnels->ports[at - 1];
	tunnels->ports[at] = port;
	tunnels->count++;
}

/* The order of sockets and links says nothing, so a sum will do. */
static void mix(uint64_t *key, uint64_t value)
{
	value = (value ^ value >> 31) * 0x9e3779b97f4a7c15U;
	*key += value ^ value >> 29;
}

static void on_socket(void *ctx, const struct sockdiag_socket *socket)
{
	struct search *search = ctx;

	if (!socket->local.port || socket->remote.port ||
	    socket->uid == search->own_uid)
		return;
	mix(&search->found.key,
	    (uint64_t)socket->inode << 16 | socket->local.port);
	if (!socket->inode)
		add(&search->found, socket->local.port);
	else if (search->count < CANDIDATES_MAX)
		search->candidates[search->count++] =
			(struct candidate){socket->inode, socket->local.port};
}

/* What a process that holds a TUN has. */
static void on_holder(void *ctx, pid_t pid, const char *device)
{
	struct search *search = ctx;
	const struct nl_link *link = nl_link_by_name(search->state, device);

	if (!link || !is_foreign_tunnel(link, search->tun))
		return;
	for (size_t i = 0; i < search->count; i++) {
		const struct candidate *one = &search->candidates[i];

		if (!tunnels_have(&search->found, one->port) &&
		    owner_family_has(pid, one->inode))
			add(&search->found, one->port);
	}
}

static int look(struct tunnels *tunnels, struct sockdiag *diag,
		struct search *search)
{
	const struct sockdiag_query query = {.network = NETWORK_UDP,
					     .states = SOCKDIAG_UNCONNECTED};
	const struct nl_state *state = search->state;
	struct tunnels *found = &search->found;
	int ret = sockdiag_each(diag, &query, on_socket, search);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < state->link_count; i++) {
		const struct nl_link *link = &state->links[i];

		if (is_foreign_tunnel(link, search->tun))
			mix(&found->key, UINT64_MAX - (unsigned)link->ifindex);
	}
	if (found->key == tunnels->key)
		return 0;
	if (search->count)
		ret = owner_each_tun(on_holder, search);
	if (ret < 0)
		return ret;
	bool is_same =
		found->count == tunnels->count &&
		memcmp(found->ports, tunnels->ports, sizeof(found->ports)) == 0;
	*tunnels = *found;
	return !is_same;
}

int tunnels_find(struct tunnels *tunnels, struct sockdiag *diag,
		 const struct nl_state *state, const char *tun, uid_t own_uid)
{
	struct search *search;
	int ret;

	if (!tunnels_are_there(state, tun)) {
		ret = tunnels->count > 0;
		memset(tunnels, 0, sizeof(*tunnels));
		return ret;
	}
	search = calloc(1, sizeof(*search));
	if (!search)
		return -ENOMEM;
	search->state = state;
	search->tun = tun;
	search->own_uid = own_uid;
	ret = look(tunnels, diag, search);
	free(search);
	return ret;
}
