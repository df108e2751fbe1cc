// SPDX-License-Identifier: BSD-2-Clause
/*
 * The packet's way, as the kernel has it: from the sender to the TUN or past
 * it, and from the relay to where the outbound leads.
 *
 * The relay's sockets are bound to their exit, as uplink.h says; so that is
 * asked for, and not what a socket without one would get.
 */
#include "routed/explain.h"

#include "common/err.h"
#include "common/uplink.h"
#include "routed/group_mark_limits.h"
#include "routed/groups.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void look_up(const struct nl_lookup *lookup, struct explain_route *route)
{
	struct nl_edit *edit;

	route->error = nl_edit_open(&edit);
	if (route->error < 0)
		return;
	route->error = nl_edit_lookup(edit, lookup, &route->answer);
	nl_edit_close(edit);
	if (route->error == 0 &&
	    !if_indextoname((unsigned)route->answer.oif, route->device))
		route->device[0] = '\0';
}

/* Beside it in its network, and neither the first nor the last there. */
static struct addr beside(const struct nl_ifaddr *own)
{
	struct addr addr = own->addr;
	uint8_t *last = &addr.bytes[addr_size(&addr) - 1];
	bool is_pair = own->prefix.length + 1U == addr_bits(&addr);
	bool is_inner = *last % 4 == 1 || *last % 4 == 2;

	*last ^= is_inner && !is_pair ? 3 : 1;
	return addr;
}

/* An address on the link of that interface that is not ours. */
static struct addr neighbour_of(const struct nl_state *state, const char *iif,
				uint8_t family)
{
	const struct nl_link *link = nl_link_by_name(state, iif);
	struct addr addr = {0};

	for (size_t i = 0; link && i < state->addr_count; i++) {
		const struct nl_ifaddr *own = &state->addrs[i];

		if (own->ifindex != link->ifindex ||
		    own->addr.family != family ||
		    own->prefix.length >= addr_bits(&own->addr))
			continue;
		addr = beside(own);
		if (own->scope == RT_SCOPE_UNIVERSE)
			break;
	}
	return addr;
}

/* Who sends: what was not said follows from what was. */
static void complete_sender(struct explanation *e)
{
	struct explain_query *query = &e->query;
	struct uplink way;

	if (!e->state)
		return;
	if (query->iif[0] != '\0') {
		if (query->from.family == ADDR_NONE)
			query->from = neighbour_of(e->state, query->iif,
						   e->addr.family);
	} else if (query->from.family != ADDR_NONE &&
		   uplink_toward(e->state, &query->from, NULL, &way) == 0) {
		memcpy(query->iif, way.name, sizeof(query->iif));
	}
}

void explain_find_route(struct explanation *e)
{
	const struct explain_query *query = &e->query;
	struct nl_lookup lookup = {
		.dst = e->addr,
		.uid = query->uid,
		.has_uid = query->has_uid,
		.dport = query->port,
	};

	complete_sender(e);
	if (query->cgroup && groups_exempt(e->config, query->cgroup))
		lookup.mark = GROUP_MARK;
	lookup.src = query->from;
	memcpy(lookup.iif, query->iif, sizeof(lookup.iif));
	if (query->port)
		lookup.ip_protocol = query->network == NETWORK_UDP
					     ? IPPROTO_UDP
					     : IPPROTO_TCP;
	if (query->from.family != ADDR_NONE &&
	    query->from.family != e->addr.family)
		e->route.error = -EAFNOSUPPORT;
	else
		look_up(&lookup, &e->route);
	e->is_carried = e->route.error == 0 &&
			strcmp(e->route.device, e->config->routed.tun) == 0;
}

/* Of groups the member that a new flow tries first; NULL: it depends. */
static const struct outbound_conf *leaf_of(const struct explanation *e)
{
	const struct outbound_conf *outbounds = e->config->outbounds;
	const struct outbound_conf *outbound = &outbounds[e->verdict.outbound];

	for (int depth = 0; config_is_group(outbound->type); depth++) {
		const struct link_member *member = NULL;
		int index;

		if (e->members && depth <= GROUP_DEPTH_MAX)
			member = members_first(e->members, outbound->name);
		index = member ? config_outbound(e->config, member->member)
			       : -ENOENT;
		if (index < 0)
			return NULL;
		outbound = &outbounds[index];
	}
	return outbound;
}

/* As uplink_bind() would; false: there is no way. */
static bool bind_exit(const struct explanation *e, struct nl_lookup *lookup)
{
	const char *pinned = e->leaf->type == OUTBOUND_TYPE_INTERFACE
				     ? e->leaf->interface
				     : e->config->routed.uplink;
	struct uplink way;
	int ret;

	if (lookup->dst.family == ADDR_NONE) {
		/* A name: only by which link is known. */
		ret = uplink_find(e->state, ADDR_IPV4, pinned, &way);
		if (ret < 0)
			ret = uplink_find(e->state, ADDR_IPV6, pinned, &way);
	} else {
		ret = uplink_toward(e->state, &lookup->dst, pinned, &way);
	}
	if (ret == 0)
		memcpy(lookup->oif, way.name, sizeof(lookup->oif));
	return ret >= 0;
}

void explain_find_exit(struct explanation *e)
{
	struct nl_lookup lookup = {.dst = {0}};

	if ((e->verdict.kind != VERDICT_MATCH &&
	     e->verdict.kind != VERDICT_NO_RULE) ||
	    (e->addr.family != ADDR_NONE && !e->is_carried))
		return;
	e->leaf = leaf_of(e);
	if (!e->leaf || !e->state || e->leaf->server_path)
		return;
	if (config_is_proxy(e->leaf->type))
		lookup.dst = e->leaf->server.addr;
	else if (!e->is_fake)
		lookup.dst = e->addr;
	e->exit_addr = lookup.dst;
	if (!bind_exit(e, &lookup)) {
		e->exit.error = -ENETUNREACH;
		return;
	}
	if (lookup.dst.family != ADDR_NONE)
		look_up(&lookup, &e->exit);
	else
		memcpy(e->exit.device, lookup.oif, sizeof(e->exit.device));
}

/* Appends a step; what does not fit is cut. */
PRINTF_LIKE(3, 4)
static void step(char *out, size_t size, const char *fmt, ...)
{
	size_t used = strlen(out);
	va_list args;

	va_start(args, fmt);
	vsnprintf(out + used, size - used, fmt, args);
	va_end(args);
}

static void step_sender(const struct explanation *e, char *out, size_t size)
{
	const struct explain_query *query = &e->query;
	char addr[ADDR_TEXT_SIZE];

	if (query->from.family != ADDR_NONE)
		step(out, size, "%s",
		     addr_format(&query->from, addr, sizeof(addr)));
	else
		step(out, size, query->iif[0] ? "somebody" : "this host");
	if (query->has_uid)
		step(out, size, ", user %u", query->uid);
	if (query->cgroup)
		step(out, size, ", group %s", query->cgroup);
	if (query->iif[0] != '\0')
		step(out, size, " -> %s", query->iif);
}

static void step_table(uint32_t table, char *out, size_t size)
{
	if (table == RT_TABLE_MAIN)
		step(out, size, " -> table main");
	else if (table != RT_TABLE_LOCAL && table != RT_TABLE_UNSPEC)
		step(out, size, " -> table %u", table);
}

static void step_device(const struct explain_route *route, char *out,
			size_t size)
{
	char gateway[ADDR_TEXT_SIZE];

	step(out, size, " -> %s", route->device[0] ? route->device : "nowhere");
	if (route->answer.gateway.family != ADDR_NONE)
		step(out, size, " via %s",
		     addr_format(&route->answer.gateway, gateway,
				 sizeof(gateway)));
}

static void step_kernel(const struct explanation *e, char *out, size_t size)
{
	const struct explain_route *route = &e->route;

	if (route->error < 0) {
		step(out, size, " -> no way: %s", err_text(route->error));
		return;
	}
	if (route->answer.type == RTN_LOCAL && e->query.iif[0] != '\0') {
		step(out, size, " -> this host");
		return;
	}
	step_table(route->answer.table, out, size);
	step_device(route, out, size);
}

static void step_outbound(const struct explanation *e, char *out, size_t size)
{
	const struct outbound_conf *leaf = e->leaf;
	char server[ENDPOINT_TEXT_SIZE];

	if (!leaf) {
		step(out, size, " -> '%s'",
		     e->config->outbounds[e->verdict.outbound].name);
	} else if (leaf->type == OUTBOUND_TYPE_REJECT ||
		   leaf->type == OUTBOUND_TYPE_REJECT_DROP) {
		step(out, size, " -> %s", leaf->name);
	} else if (leaf->server_path) {
		step(out, size, " -> '%s' %s", leaf->name, leaf->server_path);
	} else {
		step(out, size, " -> '%s'", leaf->name);
		if (config_is_proxy(leaf->type))
			step(out, size, " %s",
			     endpoint_format(&leaf->server, server,
					     sizeof(server)));
		if (e->exit.error < 0)
			step(out, size, " -> no way: %s",
			     err_text(e->exit.error));
		else if (e->state)
			step_device(&e->exit, out, size);
	}
}

static bool is_refused_by_relay(const struct explanation *e)
{
	return e->has_no_row || (e->is_fake && e->map_error[0] != '\0');
}

const char *explain_way(const struct explanation *e, char *out, size_t size)
{
	out[0] = '\0';
	step_sender(e, out, size);
	if (e->addr.family == ADDR_NONE)
		step(out, size, " -> dnsd");
	else
		step_kernel(e, out, size);
	if (e->addr.family != ADDR_NONE && !e->is_carried)
		return out;
	if (is_refused_by_relay(e))
		step(out, size, " -> relay -> refused");
	else if (e->verdict.kind == VERDICT_NEEDS_FLOW)
		step(out, size, " -> relay -> it depends");
	else if (e->leaf && e->leaf->type == OUTBOUND_TYPE_DIRECT &&
		 e->addr.family == ADDR_NONE)
		step(out, size, " -> its real address");
	else {
		step(out, size, " -> relay");
		step_outbound(e, out, size);
	}
	return out;
}

static void set_addr(struct json *json, const char *key,
		     const struct addr *addr)
{
	char text[ADDR_TEXT_SIZE];

	json_set_text(json, key,
		      addr->family == ADDR_NONE
			      ? NULL
			      : addr_format(addr, text, sizeof(text)));
}

void explain_set_way(const struct explanation *e, struct json *json)
{
	const struct explain_route *route = &e->route, *out = &e->exit;
	bool has_route = e->addr.family != ADDR_NONE && route->error == 0;
	char way[EXPLAIN_WAY_SIZE];

	json_set_bool(json, "carried", e->is_carried);
	json_set_bool(json, "sniffed", e->is_sniffed);
	json_set_text(json, "device", has_route ? route->device : NULL);
	if (has_route)
		json_set_int(json, "table", route->answer.table);
	else
		json_set_null(json, "table");
	set_addr(json, "gateway", &route->answer.gateway);
	set_addr(json, "source", &route->answer.prefsrc);
	set_addr(json, "exit_address", &e->exit_addr);
	json_set_text(json, "exit_device", out->device[0] ? out->device : NULL);
	set_addr(json, "exit_gateway", &out->answer.gateway);
	json_set_text(json, "way", explain_way(e, way, sizeof(way)));
}
