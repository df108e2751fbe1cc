// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/ways.h"

#include <string.h>

/* A ranking under way. */
struct ranking {
	const struct group *group;
	uint64_t key;
	uint8_t *ranks;
	uint32_t placed; /* ways, as bits */
	uint8_t next;
};

/* How a member does, with all that is below it. */
struct state {
	bool is_well;
	int64_t rtt_us; /* of the fastest; 0: not known */
};

static void look_at_way(const struct group *group, size_t way,
			struct state *state)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct health *health = &group->healths[i];

		if (group->servers[i].way != way || health_is_broken(health) ||
		    group->loops & 1U << i)
			continue;
		if (!state->is_well || health->rtt_us < state->rtt_us)
			state->rtt_us = health->rtt_us;
		state->is_well = true;
	}
}

static struct state state_of(const struct group *group,
			     const struct outbound_conf *member)
{
	const struct group_conf *conf = &member->group;
	struct state state = {.is_well = false};

	for (size_t i = 0; i < group->conf->way_count; i++) {
		const struct outbound_conf *leaf =
			group->conf->ways[i].outbound;
		bool is_below = leaf == member;

		for (size_t k = 0; !is_below && k < conf->leaf_count; k++)
			is_below = &group->outbounds[conf->leaves[k]] == leaf;
		if (is_below)
			look_at_way(group, i, &state);
	}
	return state;
}

/* The finalizer of splitmix64: each bit of the input moves all others. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
	return hash;
}

/* Less is earlier; the top bit is for those that do not answer. */
static uint64_t weigh(const struct ranking *ranking,
		      const struct outbound_conf *of, size_t at)
{
	const struct group *group = ranking->group;
	const struct outbound_conf *member =
		&group->outbounds[of->group.members[at]];
	struct state state = state_of(group, member);
	uint64_t weight = at;

	if (of->type == OUTBOUND_TYPE_LATENCY)
		weight = (uint64_t)state.rtt_us << 8 | at;
	else if (of->type == OUTBOUND_TYPE_LOAD_BALANCE)
		weight = mix(ranking->key ^ hash_of(member->name)) >> 1;
	return state.is_well ? weight : weight | UINT64_C(1) << 63;
}

static void place_leaf(struct ranking *ranking,
		       const struct outbound_conf *leaf)
{
	const struct upstream_conf *conf = ranking->group->conf;

	for (size_t i = 0; i < conf->way_count; i++) {
		if (conf->ways[i].outbound != leaf || ranking->placed & 1U << i)
			continue;
		ranking->placed |= 1U << i;
		ranking->ranks[i] = ranking->next++;
	}
}

/* As deep as groups may be in each other. */
static void place(struct ranking *ranking, const struct outbound_conf *of)
{
	uint64_t weights[GROUP_MEMBERS_MAX];
	uint8_t order[GROUP_MEMBERS_MAX];

	if (!config_is_group(of->type)) {
		place_leaf(ranking, of);
		return;
	}
	for (size_t i = 0; i < of->group.name_count; i++) {
		uint64_t own = weigh(ranking, of, i);
		size_t at = i;

		for (; at > 0 && weights[at - 1] > own; at--) {
			weights[at] = weights[at - 1];
			order[at] = order[at - 1];
		}
		weights[at] = own;
		order[at] = (uint8_t)i;
	}
	for (size_t i = 0; i < of->group.name_count; i++)
		place(ranking,
		      &ranking->group->outbounds[of->group.members[order[i]]]);
}

void ways_rank(const struct group *group, uint64_t key,
	       uint8_t ranks[GROUP_SERVERS])
{
	struct ranking ranking = {
		.group = group,
		.key = key,
		.ranks = ranks,
	};

	memset(ranks, 0, GROUP_SERVERS);
	if (group->conf->way_count > 1)
		place(&ranking, group->conf->via);
}
