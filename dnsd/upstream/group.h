// SPDX-License-Identifier: BSD-2-Clause
/*
 * group.h - the servers of one upstream, in the order to be asked.
 *
 * The list of the config with "system" replaced by the resolvers that the
 * host had before us, and without ourselves: a resolver that asked itself
 * would ask for ever.  What is broken (health.h) comes last, what leads back
 * to us (prober.h) not at all.  Among the others it is the strategy that says:
 * the order of the list, where the server that answered when an earlier one
 * did not goes first for a while; or the one with the least latency.  Where
 * outbounds lead there in more than one way (ways.h), each server is one for
 * each way, and those of the best way come first.
 */
#ifndef ERSATZ_DNSD_UPSTREAM_GROUP_H
#define ERSATZ_DNSD_UPSTREAM_GROUP_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/nl.h"
#include "dnsd/question.h"
#include "dnsd/upstream/health.h"
#include "dnsd/upstream/resolvconf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GROUP_SERVERS UPSTREAM_SERVERS_MAX

struct group {
	const struct upstream_conf *conf;      /* borrowed */
	const struct outbound_conf *outbounds; /* borrowed; all of them */
	struct upstream_server_conf servers[GROUP_SERVERS];
	struct health healths[GROUP_SERVERS];
	size_t count;
	uint64_t key;      /* upstreams_key() */
	uint64_t route;    /* changes when its servers are reached otherwise */
	uint64_t moves;    /* how often it did */
	uint32_t loops;    /* servers that lead back to us, as bits */
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
 * Makes the list anew; what is known of a server goes with it.
 * `state` tells which addresses are this host's, for a
 * daemon that listens on all of them; it may be NULL.  Pure.
 */
void group_fill(struct group *group, const struct resolvconf *system,
		const struct group_self *self, const struct nl_state *state);

/* Is every server, of which there is one, in a private network? */
bool group_is_private(const struct group *group);

/* Is the answer to it for one client alone, whose subnet they hear? */
bool group_is_personal(const struct group *group,
		       const struct question *question);

/*
 * The places of the servers in the order to be asked now; how many.  `key` is
 * that of the name, for outbounds that share the load.
 */
size_t group_order(struct group *group, uint64_t key, int64_t now_ms,
		   uint8_t order[GROUP_SERVERS]);

/* That server answered, and an earlier one had not. */
void group_prefer(struct group *group, size_t index, int64_t now_ms);

/* One that was broken is well again: the order is what it was. */
void group_forget_preference(struct group *group);

/*
 * An ask was answered by nobody, for that reason, or by somebody.  One name
 * whose own servers are dead says nothing of the upstream: only some failures
 * in a row are logged, within `limit`, and then that it answers again.
 */
struct log_limit;
void group_note_failure(struct group *group, const char *why,
			struct log_limit *limit);
void group_note_answer(struct group *group);

/* How a server of the group is reached. */
const struct upstream_way *group_way(const struct upstream_conf *conf,
				     const struct upstream_server_conf *server);

/*
 * "192.0.2.1:53", "tls://192.0.2.1:853 via backup" where there is more than
 * one way; returns `out`.
 */
#define GROUP_SERVER_TEXT_SIZE 336
const char *group_server_text(const struct upstream_conf *conf,
			      const struct upstream_server_conf *server,
			      char *out, size_t size);

/* "192.0.2.1:53, 192.0.2.2:53 (tcp) by wg0"; returns `out`. */
const char *group_describe(const struct group *group, char *out, size_t size);

#endif
