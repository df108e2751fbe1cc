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
	struct tunnel *tunnel;   /* owned; NULL: not needed yet */
	bool has_no_tunnel;      /* it could not be had, which was told */
	struct stream streams[GROUP_SERVERS];
};

/* With links->conf set. */
void links_init(struct links *links, const struct stream_ops *ops);
/* Nothing is under way any more. */
void links_fini(struct links *links);

/* libcurl, loaded when it is asked for first. */
NODISCARD int links_tunnel(struct links *links, struct tunnel **tunnel);

/* Does asking that server, other than by UDP, take libcurl? */
bool links_need_tunnel(const struct links *links,
		       const struct upstream_server_conf *server);

/*
 * Another network, or other servers: all connections end, and what is under
 * way on them fails, but for DoH, whose requests wait for their time-out.
 */
void links_reset(struct links *links);

#endif
