// SPDX-License-Identifier: BSD-2-Clause
/*
 * links.h - the connections of one group of servers, that queries share.
 *
 * Ownership	struct links is embedded
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_UPSTREAM_LINKS_H
#define ERSATZ_DNSD_UPSTREAM_LINKS_H

#include "dnsd/upstream/group.h"
#include "dnsd/upstream/stream.h"

struct links {
	struct tunnel_conf conf; /* set by the caller */
	/* One for each way: libcurl keeps the connections of each apart. */
	struct tunnel *tunnels[GROUP_SERVERS]; /* owned; NULL: not needed yet */
	struct stream streams[GROUP_SERVERS];
};

/* With links->conf set. */
void links_init(struct links *links, const struct stream_ops *ops);
/* Nothing is under way any more. */
void links_fini(struct links *links);

/* libcurl on the way to that server. */
NODISCARD int links_tunnel(struct links *links,
			   const struct upstream_server_conf *server,
			   struct tunnel **tunnel);

/* Does asking that server, other than by UDP, take libcurl? */
bool links_need_tunnel(const struct links *links,
		       const struct upstream_server_conf *server);

/* libcurl is loaded, or cannot be. */
void links_go_on(struct links *links);

/*
 * Another network, or other servers: all connections end, and what is under
 * way on them fails, but for DoH, whose requests wait for their time-out.
 */
void links_reset(struct links *links);

#endif
