// SPDX-License-Identifier: BSD-2-Clause
/*
 * group.h - in which order the members of a group are tried.
 *
 *	fallback	as they are written
 *	latency		the one that was preferred last, for as long as no
 *			other is faster by more than the tolerance; then by
 *			latency
 *	load-balance	by a hash of the flow's key and the member's name, so
 *			that of all keys only those of a member that fails or
 *			is taken away change theirs
 *
 * Those that are down come last in each.  Pure; nested groups are choice.h's.
 *
 * Source	rendezvous hashing: Thaler, Ravishankar, "Using Name-Based
 *		Mappings to Increase Hit Rates", 1998
 */
#ifndef ERSATZ_ROUTED_RELAY_GROUP_H
#define ERSATZ_ROUTED_RELAY_GROUP_H

#include "common/config.h"
#include "routed/relay/health.h"

struct group_member {
	int outbound;  /* index in the configuration */
	uint64_t hash; /* of its name */
	struct health health;
	bool is_probed;  /* a probe is under way */
	bool is_changed; /* somebody is to be told */
	enum health_state told;
};

struct group {
	const struct outbound_conf *conf; /* borrowed */
	int64_t used_ms; /* last choice, monotonic; INT64_MIN: none */
	int preferred;   /* latency: a member, -1: none yet */
	size_t count;
	struct group_member members[];
};

/* NULL: no memory.  `conf` is of a group of `config`. */
struct group *group_new(const struct config *config,
			const struct outbound_conf *conf, int64_t now_ms);

/* FNV-1a, 64 bits: the same in every process, for keys and names. */
uint64_t group_hash(const void *bytes, size_t length);

/* Numbers of all members, the one to try first in front. */
void group_order(const struct group *group, uint64_t key,
		 uint8_t order[GROUP_MEMBERS_MAX]);

/*
 * Health or latency of a member is another one: which is preferred from now
 * on?  True: another than before.
 */
bool group_settle(struct group *group);

/* Is its members' health worth to be found out now? */
bool group_is_in_use(const struct group *group, int64_t now_ms);

/* True unless all members are down. */
bool group_is_usable(const struct group *group);

#endif
