// SPDX-License-Identifier: BSD-2-Clause
/*
 * scout.h - connections of our own that show which outbounds work.
 *
 * A member of a group is probed as a flow would be carried: by a connection
 * through it to the destination that the group names, or, where none is named
 * and the member is a proxy that failed, up to the proxy's greeting.  Groups
 * that are not in use are left in peace.
 *
 * A SOCKS server is also tried once for whether it takes greeting and request
 * in one packet: after the first flow through it, by a connection of its own
 * to a port that cannot be connected, so that no flow is ever the trial.
 *
 * What changed is logged and told to the parent (LINK_MEMBER).
 *
 * Errors	-ENOMEM from scout_new(); probes that cannot be made are made
 *		later
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_SCOUT_H
#define ERSATZ_ROUTED_RELAY_SCOUT_H

#include "common/compiler.h"
#include "routed/relay/policy.h"

struct parts;
struct scout;

/* `parts`, which must have everything that dials need, is borrowed. */
NODISCARD int scout_new(struct scout **scout, struct parts *parts, int link_fd);
void scout_free(struct scout *scout);

/* parts->policy is another one. */
void scout_follow(struct scout *scout);

/* Health of a member may have changed: somebody has to know. */
void scout_tell(struct scout *scout);

/* A flow was connected through this outbound of a policy. */
void scout_on_connected(struct scout *scout, struct policy *policy,
			int outbound);

#endif
