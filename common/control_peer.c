// SPDX-License-Identifier: BSD-2-Clause
#include "common/control_peer.h"

#include <errno.h>
#include <sys/socket.h>

#define GROUPS_MAX 1024
#define COST_MS (1000 / CONTROL_ALLOWANCE_PER_S)

static bool is_member(int fd, gid_t first, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(groups);

	if (group == (gid_t)-1)
		return false;
	if (first == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

int control_peer_read(struct control_peer *peer, int fd,
		      const struct control_peers *peers)
{
	struct ucred told;
	socklen_t size = sizeof(told);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &told, &size) < 0)
		return -errno;
	peer->uid = told.uid;
	if (told.uid == 0 || told.uid == peers->owner)
		peer->access = CONTROL_CHANGE;
	else if (told.uid == peers->partner)
		peer->access = CONTROL_PARTNER;
	else if (is_member(fd, told.gid, peers->group))
		peer->access = CONTROL_WATCH;
	else
		peer->access = CONTROL_READ;
	return 0;
}

const char *control_peer_refusal(enum control_access needed)
{
	return needed == CONTROL_WATCH
		       ? "only root and the group of the daemons may see this"
		       : "only root may do this";
}

bool control_allowance_take(struct control_allowance *allowance, int64_t now_ms)
{
	int64_t until_ms = allowance->spent_until_ms;

	if (until_ms < now_ms)
		until_ms = now_ms;
	if (until_ms + COST_MS > now_ms + CONTROL_ALLOWANCE_BURST * COST_MS)
		return false;
	allowance->spent_until_ms = until_ms + COST_MS;
	return true;
}
