// SPDX-License-Identifier: BSD-2-Clause
/*
 * group.h - the servers of one upstream, in the order to be asked.
 *
 * The list of the config with "system" replaced by the resolvers that the
 * host had before us, and without ourselves: a resolver that asked itself
 * would ask for ever.  The server that answered where an earlier one did not
 * goes first for a while.
 */
#ifndef ERSATZ_DNSD_UPSTREAM_GROUP_H
#define ERSATZ_DNSD_UPSTREAM_GROUP_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/nl.h"
#include "dnsd/upstream/resolvconf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GROUP_SERVERS 16

struct group {
	const struct upstream_conf *conf; /* borrowed */
	struct upstream_server_conf servers[GROUP_SERVERS];
	size_t count;
	uint64_t key;      /* upstreams_key() */
	size_t left_out;   /* servers that are ourselves */
	size_t first;      /* the one to begin with ... */
	int64_t until_ms;  /* ... until then */
	unsigned failures; /* asks in a row without any answer */
	bool is_told;      /* the log knows of them */
	size_t under_way;  /* asks */
};

struct group_self {
	const struct endpoint *listen; /* borrowed */
	size_t listen_count;
};

bool group_has_system(const struct upstream_conf *conf);

/*
 * Makes the list anew; the server to begin with stays if it is still there.
 * `state` tells which addresses are this host's, for a
 * daemon that listens on all of them; it may be NULL.  Pure.
 */
void group_fill(struct group *group, const struct resolvconf *system,
		const struct group_self *self, const struct nl_state *state);

/* Is every server, of which there is one, in a private network? */
bool group_is_private(const struct group *group);

/* The server of the nth try, from 0. */
const struct upstream_server_conf *group_server(struct group *group, size_t nth,
						int64_t now_ms);

/* That server answered, and an earlier one had not. */
void group_prefer(struct group *group, const struct endpoint *server,
		  int64_t now_ms);

/* "192.0.2.1:53, 192.0.2.2:53 (tcp) by wg0"; returns `out`. */
const char *group_describe(const struct group *group, char *out, size_t size);

#endif
