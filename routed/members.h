// SPDX-License-Identifier: BSD-2-Clause
/*
 * members.h - how the members of groups are, by the relay's last word.
 *
 * The relay tells each change; here it is kept for those who ask.  What it
 * says of groups or members that the configuration does not have is not
 * shown, since it may be of the one before, and nothing it sends is trusted.
 *
 * JSON	group, type, member, state (unknown, up, down), first (a new flow
 *	would try it first; false with load-balance), latency_us, reason (of
 *	the last failure), since; what there is not is null
 */
#ifndef ERSATZ_ROUTED_MEMBERS_H
#define ERSATZ_ROUTED_MEMBERS_H

#include "common/config.h"
#include "common/json.h"
#include "routed/link.h"

#define MEMBERS_MAX 256 /* more are not shown */

/* Members are private; all zero before use. */
struct members {
	size_t count;
	struct link_member rows[MEMBERS_MAX];
};

void members_note(struct members *members, const struct config *config,
		  const struct link_member *member);
/* The relay is gone, and what it knew with it. */
void members_clear(struct members *members);

/*
 * The number `at`, from 0 on, of those in the configuration, in its order;
 * NULL: there is none.
 */
const struct link_member *members_at(const struct members *members,
				     const struct config *config, size_t at);

const struct link_member *members_find(const struct members *members,
				       const char *group, const char *member);

/* The one that a new flow of the group tries first, NULL: it depends. */
const struct link_member *members_first(const struct members *members,
					const char *group);

/* NULL: no memory. */
struct json *members_json(const struct link_member *member,
			  const struct config *config);

const char *members_state_text(const struct link_member *member);
/* "fallback", ... */
const char *members_type_text(enum outbound_type type);

#endif
