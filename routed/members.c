// SPDX-License-Identifier: BSD-2-Clause
#include "routed/members.h"

#include <string.h>

/* The group, or NULL if that is no member of any. */
static const struct outbound_conf *find_group(const struct config *config,
					      const struct link_member *member)
{
	int index = config_outbound(config, member->group);
	const struct outbound_conf *group;

	if (index < 0)
		return NULL;
	group = &config->outbounds[index];
	if (!config_is_group(group->type))
		return NULL;
	for (size_t i = 0; i < group->group.name_count; i++) {
		if (strcmp(group->group.names[i], member->member) == 0)
			return group;
	}
	return NULL;
}

static bool is_same(const struct link_member *a, const struct link_member *b)
{
	return strcmp(a->group, b->group) == 0 &&
	       strcmp(a->member, b->member) == 0;
}

/* Makes room by what an earlier configuration left. */
static void prune(struct members *members, const struct config *config)
{
	size_t kept = 0;

	for (size_t i = 0; i < members->count; i++) {
		if (find_group(config, &members->rows[i]))
			members->rows[kept++] = members->rows[i];
	}
	members->count = kept;
}

void members_note(struct members *members, const struct config *config,
		  const struct link_member *member)
{
	size_t at = 0;

	while (at < members->count && !is_same(&members->rows[at], member))
		at++;
	if (at == MEMBERS_MAX) {
		prune(members, config);
		at = members->count;
	}
	if (at == MEMBERS_MAX)
		return;
	members->rows[at] = *member;
	if (at == members->count)
		members->count++;
}

void members_clear(struct members *members)
{
	members->count = 0;
}

const struct link_member *members_find(const struct members *members,
				       const char *group, const char *member)
{
	for (size_t i = 0; i < members->count; i++) {
		const struct link_member *row = &members->rows[i];

		if (strcmp(row->group, group) == 0 &&
		    strcmp(row->member, member) == 0)
			return row;
	}
	return NULL;
}

const struct link_member *members_at(const struct members *members,
				     const struct config *config, size_t at)
{
	for (size_t i = OUTBOUND_FIRST; i < config->outbound_count; i++) {
		const struct outbound_conf *conf = &config->outbounds[i];

		if (!config_is_group(conf->type))
			continue;
		for (size_t k = 0; k < conf->group.name_count; k++) {
			const struct link_member *row = members_find(
				members, conf->name, conf->group.names[k]);

			if (row && at-- == 0)
				return row;
		}
	}
	return NULL;
}

const struct link_member *members_first(const struct members *members,
					const char *group)
{
	for (size_t i = 0; i < members->count; i++) {
		const struct link_member *row = &members->rows[i];

		if (row->is_first && strcmp(row->group, group) == 0)
			return row;
	}
	return NULL;
}

const char *members_state_text(const struct link_member *member)
{
	switch (member->state) {
	case LINK_MEMBER_UP:
		return "up";
	case LINK_MEMBER_DOWN:
		return "down";
	default: /* a byte, no enum */
		return "unknown";
	}
}

const char *members_type_text(enum outbound_type type)
{
	switch (type) {
	case OUTBOUND_TYPE_FALLBACK:
		return "fallback";
	case OUTBOUND_TYPE_LATENCY:
		return "latency";
	case OUTBOUND_TYPE_LOAD_BALANCE:
		return "load-balance";
	case OUTBOUND_TYPE_DIRECT:
	case OUTBOUND_TYPE_REJECT:
	case OUTBOUND_TYPE_REJECT_DROP:
	case OUTBOUND_TYPE_PASS:
	case OUTBOUND_TYPE_SOCKS5:
	case OUTBOUND_TYPE_HTTP:
	case OUTBOUND_TYPE_INTERFACE:
		break;
	}
	return "none";
}

struct json *members_json(const struct link_member *member,
			  const struct config *config)
{
	const struct outbound_conf *group = find_group(config, member);
	struct json *json = json_new();

	if (!json)
		return NULL;
	json_set_text(json, "group", member->group);
	json_set_text(json, "type",
		      group ? members_type_text(group->type) : NULL);
	json_set_text(json, "member", member->member);
	json_set_text(json, "state", members_state_text(member));
	json_set_bool(json, "first", member->is_first);
	if (member->latency_us >= 0)
		json_set_int(json, "latency_us", member->latency_us);
	else
		json_set_null(json, "latency_us");
	json_set_text(json, "reason",
		      member->reason[0] ? member->reason : NULL);
	json_set_time(json, "since", member->since_ms);
	return json;
}
