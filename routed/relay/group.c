// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/group.h"

#include <stdlib.h>
#include <string.h>

#define IN_USE_MS (5 * 60000)
#define IN_USE_INTERVALS 3

uint64_t group_hash(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * 0x100000001b3;
	return hash;
}

struct group *group_new(const struct config *config,
			const struct outbound_conf *conf, int64_t now_ms)
{
	size_t count = conf->group.name_count;
	struct group *group =
		calloc(1, sizeof(*group) + count * sizeof(group->members[0]));

	if (!group)
		return NULL;
	group->conf = conf;
	group->used_ms = INT64_MIN;
	group->preferred = -1;
	group->count = count;
	for (size_t i = 0; i < count; i++) {
		struct group_member *member = &group->members[i];
		const char *name;

		member->outbound = conf->group.members[i];
		name = config->outbounds[member->outbound].name;
		member->hash = group_hash(name, strlen(name));
		member->is_changed = true;
		health_init(&member->health, now_ms);
	}
	return group;
}

/* The finalizer of splitmix64: each bit of the input moves all of the output.
 */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Less is earlier.  The top bit is for those that are down. */
static uint64_t rank(const struct group *group, size_t i, uint64_t key)
{
	const struct group_member *member = &group->members[i];
	const uint64_t down = UINT64_C(1) << 63;
	uint64_t rank = i;

	if (group->conf->type == OUTBOUND_TYPE_LOAD_BALANCE)
		rank = mix(key ^ member->hash) >> 1;
	else if (group->conf->type == OUTBOUND_TYPE_LATENCY)
		rank = (int)i == group->preferred ? 0
		       : member->health.latency_us < 0
			       ? UINT64_C(1) << 62 | i
			       : (uint64_t)(member->health.latency_us + 1)
						 << 8 |
					 i;
	return member->health.state == HEALTH_DOWN ? down | rank : rank;
}

void group_order(const struct group *group, uint64_t key,
		 uint8_t order[GROUP_MEMBERS_MAX])
{
	uint64_t ranks[GROUP_MEMBERS_MAX];

	for (size_t i = 0; i < group->count; i++) {
		uint64_t own = rank(group, i, key);
		size_t at = i;

		for (; at > 0 && ranks[at - 1] > own; at--) {
			ranks[at] = ranks[at - 1];
			order[at] = order[at - 1];
		}
		ranks[at] = own;
		order[at] = (uint8_t)i;
	}
}

static bool is_fit(const struct health *health)
{
	return health->state == HEALTH_UP && health->latency_us >= 0;
}

bool group_settle(struct group *group)
{
	const struct group_member *members = group->members;
	int best = -1, before = group->preferred;
	int64_t tolerance_us = group->conf->group.tolerance_ms * 1000;

	if (group->conf->type != OUTBOUND_TYPE_LATENCY)
		return false;
	for (size_t i = 0; i < group->count; i++) {
		if (!is_fit(&members[i].health))
			continue;
		if (best < 0 || members[i].health.latency_us <
					members[best].health.latency_us)
			best = (int)i;
	}
	if (before < 0 || members[before].health.state == HEALTH_DOWN)
		group->preferred = best;
	else if (best >= 0 && is_fit(&members[before].health) &&
		 members[best].health.latency_us + tolerance_us <
			 members[before].health.latency_us)
		group->preferred = best;
	return group->preferred != before;
}

bool group_is_in_use(const struct group *group, int64_t now_ms)
{
	const struct group_conf *conf = &group->conf->group;
	int64_t span_ms = IN_USE_INTERVALS * conf->probe_interval_ms;

	if (span_ms < IN_USE_MS)
		span_ms = IN_USE_MS;
	return conf->is_probed_always || (group->used_ms != INT64_MIN &&
					  now_ms - group->used_ms < span_ms);
}

bool group_is_usable(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		if (group->members[i].health.state != HEALTH_DOWN)
			return true;
	}
	return false;
}
