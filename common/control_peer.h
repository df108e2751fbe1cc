// SPDX-License-Identifier: BSD-2-Clause
/*
 * control_peer.h - who is at the other end of a control socket, and what he
 * may ask.
 *
 * The kernel says who connected (SO_PEERCRED, SO_PEERGROUPS); what he says
 * himself does not count.  Strangers, who may read and no more, share an
 * allowance: reading costs us time too.
 *
 * Source	unix(7), socket(7)
 */
#ifndef ERSATZ_COMMON_CONTROL_PEER_H
#define ERSATZ_COMMON_CONTROL_PEER_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Each may what those before it may. */
enum control_access {
	CONTROL_READ,    /* everybody on this host: how the daemon is */
	CONTROL_WATCH,   /* the group: what others do */
	CONTROL_PARTNER, /* the other daemon */
	CONTROL_CHANGE,  /* root, and the user who opened the socket */
};

struct control_peers {
	uid_t owner;
	uid_t partner; /* 0: nobody else */
	gid_t group;   /* (gid_t)-1: none */
};

struct control_peer {
	uid_t uid;
	enum control_access access; /* the most that he may */
};

/* -errno.  A peer in more than 1,024 groups is in none of them. */
NODISCARD int control_peer_read(struct control_peer *peer, int fd,
				const struct control_peers *peers);

/* What one hears who may not. */
const char *control_peer_refusal(enum control_access needed);

#define CONTROL_ALLOWANCE_BURST 40
#define CONTROL_ALLOWANCE_PER_S 20

/* All zero before use. */
struct control_allowance {
	int64_t spent_until_ms; /* monotonic: when what was taken is earned */
};

/* One more request; false: that is too much now.  Pure. */
NODISCARD bool control_allowance_take(struct control_allowance *allowance,
				      int64_t now_ms);

#endif
