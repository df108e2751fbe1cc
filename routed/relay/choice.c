// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/choice.h"

#include <string.h>

/* Groups that share members can be walked in very many ways. */
#define VISITS_MAX 4096

struct walk {
	const struct policy *policy;
	const struct choice_key *key;
	const struct choice_tried *tried;
	unsigned visits;
};

static uint64_t hash_of(const struct group *group, const struct choice_key *key)
{
	bool is_by_name = group->conf->group.balance == BALANCE_NAME;

	if (is_by_name && key->name)
		return group_hash(key->name->wire, key->name->length);
	if (is_by_name)
		return group_hash(key->dst.bytes, addr_size(&key->dst));
	return group_hash(key->src.bytes, addr_size(&key->src));
}

static bool was_tried(const struct choice_tried *tried, int outbound)
{
	for (unsigned i = 0; tried && i < tried->count; i++) {
		if (tried->outbounds[i] == outbound)
			return true;
	}
	return false;
}

static int descend(struct walk *walk, int outbound)
{
	const struct group *group = walk->policy->outbounds[outbound].group;
	uint8_t order[GROUP_MEMBERS_MAX];
	int leaf = -1;

	if (++walk->visits > VISITS_MAX)
		return -1;
	if (!group)
		return was_tried(walk->tried, outbound) ? -1 : outbound;
	group_order(group, hash_of(group, walk->key), order);
	for (size_t i = 0; leaf < 0 && i < group->count; i++)
		leaf = descend(walk, group->members[order[i]].outbound);
	return leaf;
}

int choice_make(const struct policy *policy, int outbound,
		const struct choice_key *key, const struct choice_tried *tried)
{
	struct walk walk = {.policy = policy, .key = key, .tried = tried};

	return descend(&walk, outbound);
}

bool choice_add_tried(struct choice_tried *tried, int outbound)
{
	if (tried->count == CHOICE_TRIES_MAX)
		return false;
	tried->outbounds[tried->count++] = (uint16_t)outbound;
	return true;
}

void choice_note_use(const struct policy *policy, int outbound, int64_t now_ms)
{
	struct group *group = policy->outbounds[outbound].group;

	if (!group || group->used_ms == now_ms)
		return;
	group->used_ms = now_ms;
	for (size_t i = 0; i < group->count; i++)
		choice_note_use(policy, group->members[i].outbound, now_ms);
}

/* Everybody who has the group as a member sees it as its members are. */
static bool follow_group(struct group_member *member, const struct group *group,
			 int64_t now_ms)
{
	const struct health *best = NULL;
	bool is_usable = group_is_usable(group);
	uint8_t order[GROUP_MEMBERS_MAX];

	group_order(group, 0, order);
	best = &group->members[order[0]].health;
	member->health.latency_us = best->latency_us;
	if (is_usable && best->state == HEALTH_UP)
		return health_on_success(&member->health, now_ms);
	if (is_usable)
		return false;
	return health_on_failure(&member->health, now_ms, HEALTH_RETRY_MS,
				 "none of its members works");
}

static void mark_changed(struct group *group)
{
	for (size_t i = 0; i < group->count; i++)
		group->members[i].is_changed = true;
}

void choice_settle(const struct policy *policy, struct group *group,
		   int64_t now_ms)
{
	const struct config *config = policy->config;

	group_settle(group);
	mark_changed(group);
	/* Upwards: without circles, so never the same one twice on a way. */
	for (size_t i = OUTBOUND_FIRST; i < config->outbound_count; i++) {
		struct group *outer = policy->outbounds[i].group;
		bool is_changed = false;

		for (size_t k = 0; outer && k < outer->count; k++) {
			struct group_member *member = &outer->members[k];

			if (policy->outbounds[member->outbound].group == group)
				is_changed |=
					follow_group(member, group, now_ms);
		}
		if (is_changed)
			choice_settle(policy, outer, now_ms);
	}
}

/* `reason` NULL: a success. */
static bool note(const struct policy *policy, int outbound, int64_t now_ms,
		 const char *reason)
{
	const struct config *config = policy->config;
	bool is_any = false;

	for (size_t i = OUTBOUND_FIRST; i < config->outbound_count; i++) {
		struct group *group = policy->outbounds[i].group;
		bool is_changed = false;

		for (size_t k = 0; group && k < group->count; k++) {
			struct health *health = &group->members[k].health;

			if (group->members[k].outbound != outbound)
				continue;
			is_changed |=
				reason ? health_on_failure(
						 health, now_ms,
						 group->conf->group
							 .probe_interval_ms,
						 reason)
				       : health_on_success(health, now_ms);
		}
		if (is_changed)
			choice_settle(policy, group, now_ms);
		is_any |= is_changed;
	}
	return is_any;
}

bool choice_note_success(const struct policy *policy, int outbound,
			 int64_t now_ms)
{
	struct policy_outbound *one = &policy->outbounds[outbound];

	if (!one->is_doubted)
		return false;
	one->is_doubted = false;
	return note(policy, outbound, now_ms, NULL);
}

bool choice_note_failure(const struct policy *policy, int outbound,
			 int64_t now_ms, const char *reason)
{
	policy->outbounds[outbound].is_doubted = true;
	return note(policy, outbound, now_ms, reason);
}

static bool is_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool choice_is_same_way(const struct outbound_conf *a,
			const struct outbound_conf *b)
{
	return a->type == b->type && a->udp == b->udp &&
	       endpoint_equal(&a->server, &b->server) &&
	       is_equal(a->server_path, b->server_path) &&
	       is_equal(a->username, b->username) &&
	       is_equal(a->interface, b->interface);
}

bool choice_has_way(const struct policy *policy,
		    const struct outbound_conf *conf)
{
	for (size_t i = 0; i < policy->config->outbound_count; i++) {
		if (choice_is_same_way(conf, policy->outbounds[i].conf))
			return true;
	}
	return false;
}

static void adopt_member(struct group_member *member, const char *name,
			 const struct policy *old, const struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct group_member *other = &group->members[i];
		const struct outbound_conf *conf =
			&old->config->outbounds[other->outbound];

		if (strcmp(conf->name, name) == 0)
			member->health = other->health;
	}
}

static void adopt_group(const struct policy *policy, struct group *group,
			const struct policy *old, const struct group *other)
{
	group->used_ms = other->used_ms;
	for (size_t i = 0; i < group->count; i++) {
		struct group_member *member = &group->members[i];
		const struct outbound_conf *conf =
			&policy->config->outbounds[member->outbound];
		int was = config_outbound(old->config, conf->name);

		if (was >= 0 &&
		    choice_is_same_way(conf, &old->config->outbounds[was]))
			adopt_member(member, conf->name, old, other);
	}
	/* Which was preferred follows from latencies, but for the tolerance. */
	group_settle(group);
}

void choice_adopt(const struct policy *policy, const struct policy *old)
{
	const struct config *config = policy->config;

	for (size_t i = OUTBOUND_FIRST; i < config->outbound_count; i++) {
		struct group *group = policy->outbounds[i].group;
		int was =
			config_outbound(old->config, config->outbounds[i].name);

		if (group && was >= 0 && old->outbounds[was].group)
			adopt_group(policy, group, old,
				    old->outbounds[was].group);
	}
}
