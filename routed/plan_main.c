// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mode: main`: no rule and no table of our own.  Two routes of length one
 * beat the default route and nothing else; what is exempt gets a longer one by
 * the uplink.  A socket that is bound to the uplink needs none: the kernel
 * passes over routes of other devices.
 */
#include "routed/draft.h"

#include "common/err.h"
#include "common/uplink.h"
#include "routed/plan_main.h"

#include <linux/rtnetlink.h>
#include <stdio.h>

/* Somebody else's route to just that prefix decides already. */
static bool has_route(const struct nl_state *found, const struct prefix *dst)
{
	for (size_t i = 0; i < found->route_count; i++) {
		const struct nl_route *route = &found->routes[i];

		if (route->table == RT_TABLE_MAIN &&
		    route->protocol != NL_PROTOCOL &&
		    route->dst.length == dst->length &&
		    addr_equal(&route->dst.addr, &dst->addr))
			return true;
	}
	return false;
}

static void append_exemption(struct draft *draft, const struct prefix *dst,
			     const struct uplink *uplink)
{
	const uint8_t family = dst->addr.family;
	struct nl_route route = {
		.family = family,
		.type = RTN_UNICAST,
		.protocol = NL_PROTOCOL,
		.table = RT_TABLE_MAIN,
		.dst = *dst,
		.oif = uplink->ifindex,
		.metric = family == ADDR_IPV6 ? DRAFT_METRIC_IPV6 : 0,
	};

	if (!throws_is_always(dst)) {
		route.gateway = uplink->gateway;
		route.is_onlink = uplink->is_onlink;
	}
	if (route.gateway.family == ADDR_NONE && family == ADDR_IPV4)
		route.scope = RT_SCOPE_LINK;
	draft_append_route(draft, &route);
}

/* Prefixes that lead to a link of their own have their route in main. */
static void plan_exemptions_by_uplink(struct draft *draft, uint8_t family)
{
	struct throw_ways ways;
	struct uplink uplink;

	if (draft->error || !draft_has_targets(draft, family) ||
	    uplink_find(draft->found, family, draft->config->routed.uplink,
			&uplink) < 0)
		return;
	draft->error = throws_collect_ways(&ways, draft->config, draft->found,
					   draft->facts);
	if (draft->error)
		return;
	for (size_t i = 0; i < ways.count; i++) {
		const struct prefix *dst = &ways.list[i].prefix;

		/* In IPv6 what is of the link has its routes on each link. */
		if (ways.list[i].ifindex || dst->addr.family != family ||
		    (family == ADDR_IPV6 && throws_is_always(dst)) ||
		    has_route(draft->found, dst))
			continue;
		append_exemption(draft, dst, &uplink);
	}
	throw_ways_fini(&ways);
}

static void plan_pool(struct draft *draft, uint8_t family)
{
	const struct prefix pool = draft_pool(draft, family);

	if (pool.addr.family == ADDR_NONE)
		return;
	if (draft->facts->tun_ifindex && draft_carries(draft, family))
		draft_append_tun_route(draft, RT_TABLE_MAIN, &pool);
	draft_append_end(draft, RT_TABLE_MAIN, &pool,
			 draft_carries(draft, family) ? RTN_UNREACHABLE
						      : RTN_PROHIBIT);
}

static void plan_targets(struct draft *draft, uint8_t family)
{
	for (size_t i = 0; i < draft->target_count; i++) {
		const struct prefix *target = &draft->targets[i];

		if (target->addr.family != family)
			continue;
		if (!draft_carries(draft, family))
			draft_append_end(draft, RT_TABLE_MAIN, target,
					 RTN_PROHIBIT);
		else if (draft->facts->tun_ifindex)
			draft_append_tun_route(draft, RT_TABLE_MAIN, target);
	}
}

void plan_main(struct draft *draft)
{
	draft_each_family(draft, plan_exemptions_by_uplink);
	if (draft->facts->tun_ifindex)
		plan_tun(draft);
	draft_each_family(draft, plan_pool);
	draft_each_family(draft, plan_targets);
}

enum plan_rank plan_main_rank(const struct nl_route *route)
{
	if (route->type == RTN_UNICAST && !route->is_cubic)
		return PLAN_RANK_THROW;
	/* Targets are halves, or what is included: never the pool's metric. */
	if (route->dst.length <= 1)
		return PLAN_RANK_CAPTURE;
	return PLAN_RANK_TUN_ROUTE;
}

static const char *tell_rule(const struct nl_rule *rule)
{
	return rule->family == ADDR_IPV6 ? "-6 " : "";
}

/* wg-quick's way to let only routes longer than the default one through. */
static int check_rules(const struct nl_state *found, char *why, size_t size)
{
	for (size_t i = 0; i < found->rule_count; i++) {
		const struct nl_rule *rule = &found->rules[i];

		if (rule->protocol == NL_PROTOCOL ||
		    rule->table != RT_TABLE_MAIN ||
		    rule->suppress_prefixlength != 0)
			continue;
		snprintf(why, size,
			 "'mode: main' would beat another VPN: there is 'ip "
			 "%srule priority %u lookup main "
			 "suppress_prefixlength 0', as wg-quick makes it; use "
			 "'mode: policy', or stop that VPN first",
			 tell_rule(rule), rule->priority);
		return ERR_FOREIGN;
	}
	return 0;
}

int plan_main_check(const struct config *config, const struct nl_state *found,
		    char *why, size_t size)
{
	if (config->routed.mode != ROUTED_MODE_MAIN ||
	    config->routed.capture != ROUTED_CAPTURE_ALL)
		return 0;
	for (size_t i = 0; i < found->route_count; i++) {
		const struct nl_route *route = &found->routes[i];
		const struct nl_link *link =
			nl_link_by_index(found, route->oif);
		char text[PREFIX_TEXT_SIZE];

		if (route->protocol == NL_PROTOCOL ||
		    route->table != RT_TABLE_MAIN || route->dst.length != 1)
			continue;
		snprintf(why, size,
			 "'mode: main' would beat another VPN: there is a "
			 "route to %s by '%s', as OpenVPN makes it; use 'mode: "
			 "policy', or stop that VPN first",
			 prefix_format(&route->dst, text, sizeof(text)),
			 link ? link->name : "?");
		return ERR_FOREIGN;
	}
	return check_rules(found, why, size);
}
