// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/flow_line.h"

#include "common/clock.h"
#include "common/rules.h"
#include "routed/relay/intake.h"

#include <stdio.h>
#include <sys/socket.h>

static const char *state_text(const struct flow *flow)
{
	switch (flow->state) {
	case FLOW_HELD:
		return "held";
	case FLOW_ENTERING:
		return "entering";
	case FLOW_SNIFFING:
		return "sniffing";
	case FLOW_OPEN:
		return "open";
	case FLOW_NONE:
		break;
	}
	return "none";
}

static void set_endpoint(struct json *json, const char *key,
			 const struct endpoint *endpoint)
{
	char text[ENDPOINT_TEXT_SIZE];

	json_set_text(json, key, endpoint_format(endpoint, text, sizeof(text)));
}

static void set_name(struct json *json, struct parts *parts,
		     const struct udp_line *flow)
{
	char text[NAME_TEXT_SIZE];
	struct name name;

	if (decider_name(parts->decider, flow->slot, &name))
		json_set_text(json, "name",
			      name_format(&name, text, sizeof(text)));
	else if (flow->sniffed)
		json_set_text(json, "name", flow->sniffed);
	else
		json_set_null(json, "name");
	json_set_bool(json, "sniffed", flow->sniffed != NULL);
}

/* Behind a proxy nobody here knows it. */
static struct endpoint real_of(const struct flow *flow)
{
	int fd = flow->mover.side[MOVER_OUT].fd;
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	struct endpoint real;

	if (flow->slot == 0 || flow->state != FLOW_OPEN ||
	    config_is_proxy(flow->policy->outbounds[flow->outbound].conf->type))
		return (struct endpoint){.port = 0};
	if (getpeername(fd, (struct sockaddr *)&ss, &size) < 0 ||
	    endpoint_from_sockaddr(&real, (struct sockaddr *)&ss) < 0)
		return (struct endpoint){.port = 0};
	return real;
}

struct udp_line flow_line_of(const struct parts *parts, const struct flow *flow)
{
	bool is_open = flow->state == FLOW_OPEN;

	return (struct udp_line){
		.tuple = flows_tuple(parts->flows, flow),
		.policy = flow->policy,
		.rule = flow->rule,
		.slot = flow->slot,
		.sniffed = flow->sniffed,
		.outbound = flow->outbound,
		.state = state_text(flow),
		.is_own = flow->is_own,
		.real = real_of(flow),
		.up = is_open ? flow->mover.lane[MOVER_APP].bytes : 0,
		.down = is_open ? flow->mover.lane[MOVER_OUT].bytes : 0,
		.since_ms = flow->since_ms,
		.setup = &flow->setup,
	};
}

/*
 * Short enough to be typed, and another one when the same two begin anew: of
 * what does not change while it lives (FNV-1a).
 */
static void set_id(struct json *json, const char *network,
		   const struct udp_line *flow)
{
	char src[ENDPOINT_TEXT_SIZE], dst[ENDPOINT_TEXT_SIZE];
	char text[2 * ENDPOINT_TEXT_SIZE + 32];
	uint32_t hash = 2166136261U;

	snprintf(text, sizeof(text), "%s %s %s %lld", network,
		 endpoint_format(&flow->tuple->src, src, sizeof(src)),
		 endpoint_format(&flow->tuple->dst, dst, sizeof(dst)),
		 (long long)flow->since_ms);
	for (const char *at = text; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * 16777619U;
	snprintf(text, sizeof(text), "%08x", hash);
	json_set_text(json, "id", text);
}

/* Steps that were not taken yet, or were not needed, are 0. */
static void set_setup(struct json *json, const struct flow_setup *setup)
{
	if (!setup)
		return;
	json_set_int(json, "map_us", setup->map_us);
	json_set_int(json, "rules_us", setup->rules_us);
	json_set_int(json, "owner_us", setup->owner_us);
	json_set_int(json, "connect_us", setup->connect_us);
	json_set_int(json, "handshake_us", setup->handshake_us);
	json_set_int(json, "accept_us", setup->accept_us);
}

/* Of a device behind us, where it is known. */
static void set_mac(struct json *json, struct parts *parts,
		    const struct addr *src)
{
	char text[MAC_TEXT_SIZE];
	struct mac mac;

	if (parts->neighbours && !intake_is_of_this_host(parts, src) &&
	    neighbours_find(parts->neighbours, src, clock_monotonic_ms(), &mac))
		json_set_text(json, "mac", mac_format(&mac, text));
	else
		json_set_null(json, "mac");
}

struct json *flow_line_json(struct parts *parts, const char *network,
			    const struct udp_line *flow)
{
	const struct rule *rule = flow->rule;
	struct json *json = json_new();

	if (!json)
		return NULL;
	set_id(json, network, flow);
	json_set_text(json, "network", network);
	set_endpoint(json, "src", &flow->tuple->src);
	set_mac(json, parts, &flow->tuple->src.addr);
	set_endpoint(json, "dst", &flow->tuple->dst);
	if (flow->real.addr.family != ADDR_NONE)
		set_endpoint(json, "real", &flow->real);
	else
		json_set_null(json, "real");
	set_name(json, parts, flow);
	json_set_text(json, "outbound",
		      policy_outbound_name(flow->policy, flow->outbound));
	json_set_text(json, "rule", rule ? rule->text : NULL);
	json_set_text(json, "file", rule ? rule->file : NULL);
	json_set_int(json, "line", rule ? rule->line : 0);
	json_set_text(json, "state", flow->state);
	json_set_bool(json, "own", flow->is_own);
	json_set_int(json, "up", (int64_t)flow->up);
	json_set_int(json, "down", (int64_t)flow->down);
	json_set_time(json, "since", flow->since_ms);
	set_setup(json, flow->setup);
	return json;
}
