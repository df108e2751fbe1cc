// SPDX-License-Identifier: BSD-2-Clause
/*
 * choice.h - which outbound a flow gets, through groups in groups.
 *
 * And the other way round: what became of flows and probes is noted with
 * each member that it tells of, and in the groups that have this group as a
 * member.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_CHOICE_H
#define ERSATZ_ROUTED_RELAY_CHOICE_H

#include "routed/relay/policy.h"

#define CHOICE_TRIES_MAX 8 /* outbounds for one flow */

/* What load-balance goes by. */
struct choice_key {
	struct addr src, dst;
	const struct name *name; /* NULL: none, then it is dst */
};

/* What was tried for a flow and failed. */
struct choice_tried {
	uint8_t count;
	uint16_t outbounds[CHOICE_TRIES_MAX];
};

/* An outbound that is no group; -1: everything was tried. */
int choice_make(const struct policy *policy, int outbound,
		const struct choice_key *key, const struct choice_tried *tried);
/* False: that is enough. */
NODISCARD bool choice_add_tried(struct choice_tried *tried, int outbound);

/* Notes that the groups on the way to it are in use. */
void choice_note_use(const struct policy *policy, int outbound, int64_t now_ms);

/* What a flow showed of an outbound; true: some member's state changed. */
bool choice_note_success(const struct policy *policy, int outbound,
			 int64_t now_ms);
bool choice_note_failure(const struct policy *policy, int outbound,
			 int64_t now_ms, const char *reason);

/* Something of the members of `group` is another now: who else is affected. */
void choice_settle(const struct policy *policy, struct group *group,
		   int64_t now_ms);

/* After a reload: what is known of members that stayed. */
void choice_adopt(const struct policy *policy, const struct policy *old);

/* Do they lead to the same place in the same way, whatever their names? */
bool choice_is_same_way(const struct outbound_conf *a,
			const struct outbound_conf *b);
/* Does a policy have, under whatever name, an outbound like this one? */
bool choice_has_way(const struct policy *policy,
		    const struct outbound_conf *conf);

#endif
