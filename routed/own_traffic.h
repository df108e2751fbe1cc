// SPDX-License-Identifier: BSD-2-Clause
/*
 * own_traffic.h - the traffic of an outbound's own server, when that server
 * runs on this very host (ssh -D, tor, ss-local, ...).
 *
 * Captured like everybody's it would be led back to the server it came from.
 * So, for each proxy that rules use, by themselves or as a member of a group,
 * and whose address is local or a Unix socket, we find out who listens there:
 *
 *	a system user of its own	all of that user's traffic is exempt
 *	anybody else			the far ends of its connections are
 *
 * and a flow that enters the TUN all the same (a far end not seen before, a
 * fake address) is asked for by the relay: it is the server's own if the
 * process that listens, or one below it, has the socket; while nobody listens,
 * if a process of the same program and user has it.  That is how a server
 * that is started again while everything is captured finds its way out.
 *
 * Far ends are kept for the whole run: the server may be back for them.
 *
 * Privilege	CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH (see owner.h)
 * Errors	-errno
 */
#ifndef ERSATZ_ROUTED_OWN_TRAFFIC_H
#define ERSATZ_ROUTED_OWN_TRAFFIC_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/nl.h"
#include "routed/link.h"
#include "routed/sockdiag.h"

#define OWN_SERVERS_MAX 16
#define OWN_FAR_ENDS_MAX 1024
#define OWN_WHY_SIZE 256
#define OWN_SYSTEM_UID_END 1000 /* users of services are below */

struct own_traffic;

/* `relay_uid` is the user of the relay and of dnsd; the others borrowed. */
NODISCARD int own_traffic_new(struct own_traffic **own,
			      const struct config *config,
			      struct sockdiag *diag, uid_t relay_uid);
void own_traffic_free(struct own_traffic *own);

/* After a reload: what is known of servers that stayed stays known. */
void own_traffic_set_config(struct own_traffic *own,
			    const struct config *config);

/*
 * Looks who listens now.  1 when users or far ends are others than before, 0
 * when not.  Cheap when nothing changed: to be called every second.
 */
NODISCARD int own_traffic_look(struct own_traffic *own,
			       const struct nl_state *state);

/*
 * Whether the traffic of each server can be told; if not, `why` (OWN_WHY_SIZE)
 * is the sentence for the user.
 */
NODISCARD bool own_traffic_is_known(const struct own_traffic *own,
				    const struct nl_state *state, char *why);

/* Is there a server to look at?  It may come and go unseen otherwise. */
bool own_traffic_has_local(const struct own_traffic *own,
			   const struct nl_state *state);

/* The outbound whose server's own the socket is, or -1. */
int own_traffic_whose(struct own_traffic *own, uint32_t inode,
		      const struct nl_state *state);

/* 1: a new far end; 0: known, not fit to be one, or there is no more room. */
int own_traffic_keep_far_end(struct own_traffic *own, const struct addr *addr,
			     const struct nl_state *state);

/* Borrowed until the next call of anything above. */
const struct uid_range *own_traffic_uids(const struct own_traffic *own,
					 size_t *count);
const struct prefix *own_traffic_far_ends(const struct own_traffic *own,
					  size_t *count);

/* Is that a system user who is nobody but the server? */
bool own_traffic_is_service_uid(uid_t uid, uid_t relay_uid);

#endif
