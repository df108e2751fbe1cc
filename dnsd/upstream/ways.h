// SPDX-License-Identifier: BSD-2-Clause
/*
 * ways.h - by which outbound the servers of an upstream are asked first.
 *
 * `via` may name a group, in groups; each outbound below is a way, and each
 * server is asked by each way as if it were another one, with a health of its
 * own (health.h).  The order is that of the groups:
 *
 *	fallback	as the members are written
 *	latency		the member with the fastest answer
 *	load-balance	by a hash of the name and the member, so that of all
 *			names only those of a member that fails change theirs
 *
 * A member by which no server answers comes last.  Pure.
 */
#ifndef ERSATZ_DNSD_UPSTREAM_WAYS_H
#define ERSATZ_DNSD_UPSTREAM_WAYS_H

#include "dnsd/upstream/group.h"

/* Writes the place of each way, from 0; `key` is the name's. */
void ways_rank(const struct group *group, uint64_t key,
	       uint8_t ranks[GROUP_SERVERS]);

#endif
