// SPDX-License-Identifier: BSD-2-Clause
/*
 * The list is built rank by rank, both families in each, so that sorting is
 * never needed and --plan reads like the figure in plan.h.
 */
#include "routed/plan.h"

#include "common/err.h"
#include "common/uplink.h"
#include "routed/band.h"
#include "routed/draft.h"
#include "routed/gateway.h"
#include "routed/object.h"
#include "routed/plan_main.h"
#include "routed/probes.h"
#include "routed/side.h"
#include "routed/table.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define PRIORITY_POOL 4990
#define PRIORITY_STAY 5000
#define PRIORITY_CAPTURE 5001
#define PRIORITY_CAPTURE_IPV6 5002
#define PRIORITY_GATEWAY_SIDE 5002
#define PRIORITY_GATEWAY 5003

#define MTU_DEFAULT 1500
#define MTU_MIN 1280 /* with less a device loses IPv6: RFC 8200, section 5 */
#define MTU_MAX 65535

/* A host on which no link has an address has none to send from. */
static bool has_ipv6_address(const struct nl_state *found)
{
	for (size_t i = 0; i < found->addr_count; i++) {
		const struct addr *addr = &found->addrs[i].addr;

		if (addr->family == ADDR_IPV6 && !addr_is_loopback(addr))
			return true;
	}
	return false;
}

enum plan_ipv6 plan_ipv6(const struct config *config,
			 const struct nl_state *found,
			 const struct plan_facts *facts)
{
	if (facts->has_no_ipv6 ||
	    (facts->is_ipv6_off && !has_ipv6_address(found)))
		return PLAN_IPV6_ABSENT;
	if (config->routed.is_ipv6_refused || facts->is_ipv6_off)
		return PLAN_IPV6_REFUSED;
	return PLAN_IPV6_CARRIED;
}

static bool is_closed(const struct draft *draft)
{
	return draft->config->routed.on_crash == ROUTED_ON_CRASH_CLOSED;
}

static void plan_exit_tables(struct draft *draft, uint8_t family)
{
	for (size_t i = 0; i < draft->exits.count; i++) {
		const struct exit_link *exit = &draft->exits.links[i];
		const struct uplink *way = exit_way(exit, family);
		struct nl_route route = {
			.family = family,
			.type = RTN_UNICAST,
			.protocol = NL_PROTOCOL,
			.table = exit->table,
			.dst = {.addr = {.family = family}},
			.metric = family == ADDR_IPV6 ? DRAFT_METRIC_IPV6 : 0,
		};

		if (!way)
			continue;
		route.gateway = way->gateway;
		route.prefsrc = way->prefsrc;
		route.oif = way->ifindex;
		route.is_onlink = way->is_onlink;
		draft_append_route(draft, &route);
	}
}

struct nl_object plan_throw(const struct prefix *prefix, uint32_t table)
{
	struct nl_object object = {.kind = NL_OBJECT_ROUTE};

	object.route = (struct nl_route){
		.family = prefix->addr.family,
		.type = RTN_THROW,
		.protocol = NL_PROTOCOL,
		.table = table,
		.dst = *prefix,
	};
	if (prefix->addr.family == ADDR_IPV6)
		object.route.metric = DRAFT_METRIC_IPV6;
	return object;
}

size_t plan_tables(bool has_gateways, uint32_t tables[PLAN_TABLES_MAX])
{
	size_t count = 0;

	if (has_gateways)
		tables[count++] = PLAN_TABLE_FIXED;
	tables[count++] = PLAN_TABLE_LOCAL;
	return count;
}

static void plan_throws(struct draft *draft, uint8_t family)
{
	uint32_t tables[PLAN_TABLES_MAX];
	const size_t count = plan_tables(draft->facts->gateway_count, tables);

	if (!draft_has_targets(draft, family))
		return;
	for (size_t t = 0; t < count; t++) {
		for (size_t i = 0; i < draft->throws.count; i++) {
			const struct prefix *prefix =
				&draft->throws.prefixes[i];
			struct nl_object object = plan_throw(prefix, tables[t]);

			if (prefix->addr.family == family)
				draft_append(draft, &object);
		}
	}
}

/* In a closed profile nothing leaves but by the relay. */
static void plan_directs(struct draft *draft, uint8_t family)
{
	if (draft->config->routed.capture != ROUTED_CAPTURE_ALL ||
	    is_closed(draft))
		return;
	for (size_t i = 0; i < draft->facts->direct_count; i++) {
		const struct prefix *prefix = &draft->facts->directs[i];
		struct nl_object object = plan_throw(prefix, PLAN_TABLE_LOCAL);

		if (prefix->addr.family == family &&
		    !throws_cover(&draft->throws, &prefix->addr))
			draft_append(draft, &object);
	}
}

void plan_tun(struct draft *draft)
{
	struct nl_object object = {.kind = NL_OBJECT_LINK_UP};

	object.ifindex = draft->facts->tun_ifindex;
	draft_append(draft, &object);
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		struct nl_ifaddr *own = &object.ifaddr;

		if (!draft_carries(draft, f))
			continue;
		memset(&object, 0, sizeof(object));
		object.kind = NL_OBJECT_IFADDR;
		own->ifindex = draft->facts->tun_ifindex;
		own->addr = plan_tun_addr(draft->config, f);
		own->prefix.addr = own->addr;
		own->prefix.length = (uint8_t)addr_bits(&own->addr);
		draft_append(draft, &object);
	}
}

static void plan_pool_table(struct draft *draft, uint8_t family)
{
	const struct prefix pool = draft_pool(draft, family);
	const bool is_carried = draft_carries(draft, family);

	if (pool.addr.family == ADDR_NONE)
		return;
	if (draft->facts->tun_ifindex && is_carried)
		draft_append_tun_route(draft, PLAN_TABLE_POOL, &pool);
	draft_append_end(draft, PLAN_TABLE_POOL, &pool,
			 is_carried ? RTN_UNREACHABLE : RTN_PROHIBIT);
}

static void append_target(struct draft *draft, uint32_t table,
			  const struct prefix *target)
{
	if (!draft_carries(draft, target->addr.family)) {
		draft_append_end(draft, table, target, RTN_PROHIBIT);
		return;
	}
	if (draft->facts->tun_ifindex)
		draft_append_tun_route(draft, table, target);
	if (is_closed(draft))
		draft_append_end(draft, table, target, RTN_UNREACHABLE);
}

static void plan_targets(struct draft *draft, uint8_t family)
{
	uint32_t tables[1 + PLAN_TABLES_MAX] = {PLAN_TABLE_BASE};
	const size_t count =
		1 + plan_tables(draft->facts->gateway_count, tables + 1);

	for (size_t t = 0; t < count; t++) {
		for (size_t i = 0; i < draft->target_count; i++) {
			const struct prefix *target = &draft->targets[i];

			if (target->addr.family == family)
				append_target(draft, tables[t], target);
		}
	}
}

static void plan_stay(struct draft *draft, uint8_t family)
{
	struct nl_rule rule =
		draft_rule(family, PRIORITY_STAY, PLAN_TABLE_BASE);

	if (!draft_has_targets(draft, family))
		return;
	strcpy(rule.iif, "lo");
	rule.src.addr = plan_tun_addr(draft->config, family);
	rule.src.length = (uint8_t)addr_bits(&rule.src.addr);
	draft_append_rule(draft, &rule);
	if (family == ADDR_IPV4)
		return;
	rule = draft_rule(family, PRIORITY_CAPTURE, RT_TABLE_MAIN);
	strcpy(rule.iif, "lo");
	rule.src.addr.family = family;
	rule.src.length = 1;
	draft_append_rule(draft, &rule);
	rule.src.addr.bytes[0] = 0x80;
	draft_append_rule(draft, &rule);
	if (draft->facts->gateway_count) {
		rule = draft_icmp_errors(family, PRIORITY_CAPTURE, 1, 4);
		draft_append_rule(draft, &rule);
	}
}

static void plan_gateway(struct draft *draft, uint8_t family, const char *name)
{
	struct nl_rule rule =
		draft_rule(family, PRIORITY_GATEWAY_SIDE, RT_TABLE_MAIN);

	strncpy(rule.iif, name, IFNAMSIZ - 1);
	rule.mark = GATEWAY_MARK_OUT;
	rule.mark_mask = GATEWAY_MARK_MASK;
	draft_append_rule(draft, &rule);
	rule.table = PLAN_TABLE_BASE;
	rule.mark = GATEWAY_MARK_IN;
	draft_append_rule(draft, &rule);
	rule = draft_rule(family, PRIORITY_GATEWAY, PLAN_TABLE_FIXED);
	strncpy(rule.iif, name, IFNAMSIZ - 1);
	draft_append_rule(draft, &rule);
}

static void plan_capture_targets(struct draft *draft, uint8_t family)
{
	struct nl_rule rule;

	if (family == ADDR_IPV4) {
		rule = draft_rule(family, PRIORITY_CAPTURE, PLAN_TABLE_LOCAL);
		rule.src.addr.family = family;
		rule.src.length = 32;
	} else {
		rule = draft_rule(family, PRIORITY_CAPTURE_IPV6,
				  PLAN_TABLE_LOCAL);
	}
	strcpy(rule.iif, "lo");
	draft_append_rule(draft, &rule);
	for (size_t i = 0; i < draft->facts->gateway_count; i++)
		plan_gateway(draft, family, draft->facts->gateways[i]);
}

static void plan_capture(struct draft *draft, uint8_t family)
{
	struct nl_rule rule =
		draft_rule(family, PRIORITY_POOL, PLAN_TABLE_POOL);

	rule.dst = draft_pool(draft, family);
	if (rule.dst.addr.family != ADDR_NONE)
		draft_append_rule(draft, &rule);
	if (draft_has_targets(draft, family))
		plan_capture_targets(draft, family);
}

static void plan_objects(struct draft *draft)
{
	draft_each_family(draft, plan_exit_tables);
	draft_each_family(draft, plan_throws);
	draft_each_family(draft, plan_directs);
	draft_each_family(draft, plan_exemptions);
	draft_each_family(draft, plan_exemption_ends);
	if (draft->facts->tun_ifindex)
		plan_tun(draft);
	draft_each_family(draft, plan_pool_table);
	draft_each_family(draft, plan_targets);
	draft_each_family(draft, plan_stay);
	draft_each_family(draft, plan_capture);
}

static int fill(struct draft *draft)
{
	const struct config *config = draft->config;
	int ret = exits_find(&draft->exits, config, draft->found);

	if (ret == 0)
		ret = throws_collect(&draft->throws, config, draft->found,
				     draft->facts);
	if (ret == 0)
		ret = draft_find_targets(draft);
	if (ret < 0)
		return ret;
	if (config->routed.mode == ROUTED_MODE_MAIN)
		plan_main(draft);
	else
		plan_objects(draft);
	ret = draft->error;
	if (ret == 0)
		ret = probes_make(draft->plan, config, draft->found,
				  draft->facts, &draft->throws);
	if (ret == 0)
		ret = table_make(&draft->plan->table, config, draft->found,
				 draft->facts);
	if (ret == 0)
		ret = side_make(&draft->plan->side, config, draft->found,
				draft->facts);
	return ret;
}

int plan_make(struct plan *plan, const struct config *config,
	      const struct nl_state *found, const struct plan_facts *facts)
{
	struct draft draft = {
		.plan = plan,
		.config = config,
		.found = found,
		.facts = facts,
		.shift = band_find(found),
	};
	int ret;

	memset(plan, 0, sizeof(*plan));
	plan->is_in_main = config->routed.mode == ROUTED_MODE_MAIN;
	plan->is_closed = table_is_closed(config);
	plan->groups = config->routed.exempt.cgroups;
	plan->group_count = config->routed.exempt.cgroup_count;
	plan->has_gateways = facts->gateway_count;
	ret = fill(&draft);
	plan->throws = draft.throws.prefixes;
	plan->throw_count = draft.throws.count;
	free(draft.targets);
	if (ret < 0)
		plan_fini(plan);
	return ret;
}

static enum plan_rank rank_of_rule(const struct nl_rule *rule)
{
	switch (band_home(rule->priority)) {
	case PLAN_PRIORITY_SERVE:
	case PLAN_PRIORITY_EXEMPT:
	case PLAN_PRIORITY_EXIT_LINK:
		return PLAN_RANK_EXEMPTION;
	case PLAN_PRIORITY_EXEMPT_END:
	case PLAN_PRIORITY_EXIT:
		return PLAN_RANK_EXIT;
	case PRIORITY_STAY:
		return PLAN_RANK_STAY;
	case PRIORITY_CAPTURE:
		return rule->table == RT_TABLE_MAIN ? PLAN_RANK_STAY
						    : PLAN_RANK_CAPTURE;
	}
	/* Of an older version, maybe: out of the way first. */
	return PLAN_RANK_CAPTURE;
}

enum plan_rank plan_rank_of(const struct nl_object *object)
{
	switch (object->kind) {
	case NL_OBJECT_LINK_UP:
	case NL_OBJECT_IFADDR:
		return PLAN_RANK_TUN;
	case NL_OBJECT_RULE:
		return rank_of_rule(&object->rule);
	case NL_OBJECT_ROUTE:
		break;
	}
	if (object->route.table == RT_TABLE_MAIN)
		return plan_main_rank(&object->route);
	if (object->route.type == RTN_THROW)
		return PLAN_RANK_THROW;
	return object->route.table >= PLAN_TABLE_EXIT ? PLAN_RANK_EXIT_TABLE
						      : PLAN_RANK_TUN_ROUTE;
}

void plan_fini(struct plan *plan)
{
	free(plan->objects);
	free(plan->probes);
	free(plan->throws);
	free(plan->table);
	free(plan->side);
	memset(plan, 0, sizeof(*plan));
}

struct addr plan_tun_addr(const struct config *config, uint8_t family)
{
	struct fake_pool pool = config->dnsd.fake;

	if (family == ADDR_IPV4)
		return fake_ipv4(&pool, FAKE_SLOT_TUN);
	if (pool.ipv6.addr.family == ADDR_NONE)
		pool = fake_pool_default();
	return fake_ipv6(&pool, FAKE_SLOT_TUN);
}

uint32_t plan_tun_mtu(const struct config *config, const struct nl_state *found)
{
	uint32_t mtu = 0;

	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		struct uplink uplink;

		if (uplink_find(found, f, config->routed.uplink, &uplink) < 0)
			continue;
		if (!mtu || uplink.mtu < mtu)
			mtu = uplink.mtu;
	}
	if (mtu && mtu < MTU_MIN)
		return MTU_MIN;
	if (mtu > MTU_MAX)
		return MTU_MAX;
	return mtu ? mtu : MTU_DEFAULT;
}
