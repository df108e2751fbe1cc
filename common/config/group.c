// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/err.h"

#include <errno.h>
#include <string.h>

static int tell_destination(const struct schema_call *call, const char *text)
{
	return schema_error(call, "'%s' cannot be '%.200s', expected %s",
			    call->path, text, call->key->expected);
}

/* "www.example.com:443" */
static int parse_named(const struct schema_call *call,
		       struct destination *destination, const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[NAME_TEXT_SIZE];
	uint64_t port;

	if (!colon || (size_t)(colon - text) >= sizeof(host) ||
	    schema_parse_number(colon + 1, 65535, &port) || !port)
		return tell_destination(call, text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (name_parse(&destination->name, host) ||
	    destination->name.length < 3)
		return tell_destination(call, text);
	destination->endpoint.port = (uint16_t)port;
	return 0;
}

static int parse_destination(const struct schema_call *call, void *target,
			     const char *text)
{
	struct destination *destination =
		arena_alloc(call->walk->arena, sizeof(*destination));
	const struct destination **out = target;
	int ret = 0;

	if (!destination)
		return -ENOMEM;
	destination->text = arena_text(call->walk->arena, text, strlen(text));
	if (!destination->text)
		return -ENOMEM;
	if (endpoint_parse(&destination->endpoint, text, 0) ||
	    !destination->endpoint.port)
		ret = parse_named(call, destination, text);
	if (!ret)
		*out = destination;
	return ret;
}

static const char *format_destination(const struct schema_key *key,
				      const void *root, const void *target,
				      char *out)
{
	const struct destination *const *destination = target;

	(void)key, (void)root, (void)out;
	return *destination ? (*destination)->text : NULL;
}

const struct schema_type config_destination = {
	.expected = "HOST:PORT",
	.size = sizeof(const struct destination *),
	.parse = parse_destination,
	.format = format_destination,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

int config_check_group(const struct schema_call *call,
		       struct outbound_conf *outbound)
{
	if (outbound->type != OUTBOUND_TYPE_LATENCY || outbound->group.probe)
		return 0;
	return schema_error(call,
			    "'%s' has no 'probe.destination', expected one "
			    "with 'type: latency', such as 'probe: "
			    "{destination: \"www.example.com:443\"}'",
			    call->path);
}

static int resolve_member(const struct schema_call *call,
			  const struct config *config,
			  const struct outbound_conf *outbound, size_t at)
{
	const struct config_names *names = call->walk->context;
	const char *name = outbound->group.names[at];
	const void *place = &outbound->group.names[at];
	int index = config_outbound(config, name);
	const char *nearest;

	if (index == OUTBOUND_PASS)
		return schema_error_at(call->walk, place,
				       "'PASS' cannot be a member of '%s', "
				       "expected an outbound that leads "
				       "somewhere",
				       outbound->name);
	if (index >= 0) {
		outbound->group.members[at] = index;
		return 0;
	}
	nearest = diag_nearest(name, names->outbounds);
	if (nearest)
		return schema_error_at(call->walk, place,
				       "there is no outbound '%s', did you "
				       "mean '%s'?",
				       name, nearest);
	return schema_error_at(call->walk, place,
			       "there is no outbound '%s', expected one that "
			       "is listed, or DIRECT, REJECT, REJECT-DROP",
			       name);
}

static int resolve_group(const struct schema_call *call,
			 const struct config *config,
			 struct outbound_conf *outbound)
{
	int ret = 0;

	outbound->group.members =
		arena_array(call->walk->arena, outbound->group.name_count,
			    sizeof(outbound->group.members[0]));
	if (!outbound->group.members)
		return -ENOMEM;
	for (size_t i = 0; i < outbound->group.name_count; i++) {
		int one = resolve_member(call, config, outbound, i);

		ret = one ? one : ret;
	}
	return ret;
}

/* The way from a group down to where it is now. */
struct descent {
	struct config *config;
	const struct schema_call *call;
	int path[GROUP_DEPTH_MAX + 1];
	size_t depth;
};

static const char *descent_text(const struct descent *descent, int last,
				char *out, size_t size)
{
	const struct outbound_conf *outbounds = descent->config->outbounds;
	size_t used = 0;

	for (size_t i = 0; i < descent->depth && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s > ",
					 outbounds[descent->path[i]].name);
	if (used < size)
		snprintf(out + used, size - used, "%s", outbounds[last].name);
	return out;
}

static int tell_circle(const struct descent *descent, int outbound)
{
	const struct outbound_conf *conf =
		&descent->config->outbounds[outbound];
	char text[512];

	return schema_error_at(
		descent->call->walk, conf,
		"the group '%s' is a member of itself: %s, expected groups "
		"without a circle",
		conf->name,
		descent_text(descent, outbound, text, sizeof(text)));
}

static int tell_depth(const struct descent *descent, int outbound)
{
	char text[512];

	return schema_error_at(
		descent->call->walk, &descent->config->outbounds[outbound],
		"groups are nested more than %d deep: %s, expected fewer",
		GROUP_DEPTH_MAX,
		descent_text(descent, outbound, text, sizeof(text)));
}

static void add_leaf(struct group_conf *group, int leaf)
{
	for (size_t i = 0; i < group->leaf_count; i++) {
		if (group->leaves[i] == leaf)
			return;
	}
	group->leaves[group->leaf_count++] = leaf;
}

static void add_member(struct group_conf *group,
		       const struct outbound_conf *member, int index)
{
	if (!config_is_group(member->type)) {
		add_leaf(group, index);
		return;
	}
	for (size_t i = 0; i < member->group.leaf_count; i++)
		add_leaf(group, member->group.leaves[i]);
	if (group->height <= member->group.height)
		group->height = member->group.height + 1;
}

/* Each group is gone through once; what is wrong below it has been told. */
static int descend(struct descent *descent, int outbound)
{
	struct config *config = descent->config;
	struct outbound_conf *conf = &config->outbounds[outbound];
	struct group_conf *group = &conf->group;
	int ret = 0;

	if (!config_is_group(conf->type) || group->height)
		return 0;
	for (size_t i = 0; i < descent->depth; i++) {
		if (descent->path[i] == outbound)
			return tell_circle(descent, outbound);
	}
	if (descent->depth == GROUP_DEPTH_MAX)
		return tell_depth(descent, outbound);
	group->leaves =
		arena_array(descent->call->walk->arena, config->outbound_count,
			    sizeof(group->leaves[0]));
	if (!group->leaves)
		return -ENOMEM;
	descent->path[descent->depth++] = outbound;
	for (size_t i = 0; !ret && i < group->name_count; i++)
		ret = descend(descent, group->members[i]);
	descent->depth--;
	if (ret)
		return ret;
	group->height = 1;
	for (size_t i = 0; i < group->name_count; i++)
		add_member(group, &config->outbounds[group->members[i]],
			   group->members[i]);
	return group->height > GROUP_DEPTH_MAX ? tell_depth(descent, outbound)
					       : 0;
}

static int check_circles(const struct schema_call *call, struct config *config)
{
	struct descent descent = {.config = config, .call = call};

	for (size_t i = OUTBOUND_FIRST; i < config->outbound_count; i++) {
		int ret = descend(&descent, (int)i);

		if (ret)
			return ret;
	}
	return 0;
}

int config_resolve_members(const struct schema_call *call,
			   struct config *config)
{
	int ret = 0;

	for (size_t i = OUTBOUND_FIRST; i < config->outbound_count; i++) {
		struct outbound_conf *outbound = &config->outbounds[i];
		int one = 0;

		if (config_is_group(outbound->type))
			one = resolve_group(call, config, outbound);
		if (one == -ENOMEM)
			return one;
		ret = one ? one : ret;
	}
	ret = ret ? ret : check_circles(call, config);
	return ret == -ENOMEM ? ret : 0;
}

bool config_leads_to(const struct config *config, int outbound, int leaf)
{
	const struct group_conf *group = &config->outbounds[outbound].group;

	for (size_t i = 0; i < group->leaf_count; i++) {
		if (group->leaves[i] == leaf)
			return true;
	}
	return outbound == leaf;
}

bool config_leads_to_proxy(const struct config *config, int outbound)
{
	const struct group_conf *group = &config->outbounds[outbound].group;

	for (size_t i = 0; i < group->leaf_count; i++) {
		if (config_is_proxy(config->outbounds[group->leaves[i]].type))
			return true;
	}
	return config_is_proxy(config->outbounds[outbound].type);
}
