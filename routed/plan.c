// SPDX-License-Identifier: BSD-2-Clause
/*
 * The list is built rank by rank, both families in each, so that sorting is
 * never needed and --plan reads like the figure in plan.h.  The first error
 * sticks in the draft; everything after it is skipped.
 */
#include "routed/plan.h"

#include "common/err.h"
#include "common/uplink.h"
#include "routed/exits.h"
#include "routed/object.h"
#include "routed/probes.h"
#include "routed/throws.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define PRIORITY_POOL 4990
#define PRIORITY_SERVE 4991
#define PRIORITY_EXEMPT 4992
#define PRIORITY_EXEMPT_END 4993
#define PRIORITY_EXIT_LINK 4998
#define PRIORITY_EXIT PLAN_PRIORITY_EXIT
#define PRIORITY_STAY 5000
#define PRIORITY_CAPTURE 5001
#define PRIORITY_CAPTURE_IPV6 5002
#define PRIORITY_GATEWAY 5003

/* What the kernel makes of 0 in IPv6; it must be told apart from nothing. */
#define METRIC_IPV6 1024
#define METRIC_LAST 65535

#define MTU_DEFAULT 1500
#define MTU_MIN 1280 /* with less a device loses IPv6: RFC 8200, section 5 */
#define MTU_MAX 65535

struct draft {
	struct plan *plan;
	const struct config *config;
	const struct nl_state *found;
	const struct plan_facts *facts;
	struct throws throws;
	struct exits exits;
	int error;
};

static bool has_family(const struct draft *draft, uint8_t family)
{
	return family == ADDR_IPV4 || !draft->facts->is_ipv6_off;
}

static bool is_capture_all(const struct draft *draft)
{
	return draft->config->routed.capture == ROUTED_CAPTURE_ALL;
}

/* The pool of the family; its family is ADDR_NONE when that is off. */
static struct prefix pool_of(const struct draft *draft, uint8_t family)
{
	const struct fake_pool *pool = &draft->config->dnsd.fake;

	return family == ADDR_IPV4 ? pool->ipv4 : pool->ipv6;
}

static void append(struct draft *draft, const struct nl_object *object)
{
	struct plan *plan = draft->plan;
	struct nl_object *grown;

	if (draft->error)
		return;
	/* Full at every power of two. */
	if ((plan->count & (plan->count - 1)) == 0) {
		size_t room = plan->count ? plan->count * 2 : 1;

		grown = realloc(plan->objects, room * sizeof(*grown));
		if (!grown) {
			draft->error = -ENOMEM;
			return;
		}
		plan->objects = grown;
	}
	plan->objects[plan->count++] = *object;
}

static void append_route(struct draft *draft, const struct nl_route *route)
{
	struct nl_object object = {.kind = NL_OBJECT_ROUTE};

	object.route = *route;
	append(draft, &object);
}

static struct nl_rule rule_make(uint8_t family, uint32_t priority,
				uint32_t table)
{
	return (struct nl_rule){
		.family = family,
		.action = FR_ACT_TO_TBL,
		.protocol = NL_PROTOCOL,
		.priority = priority,
		.table = table,
		.suppress_prefixlength = -1,
	};
}

/* Twice the same (configured and learnt) is once. */
static void append_rule(struct draft *draft, const struct nl_rule *rule)
{
	struct nl_object object = {.kind = NL_OBJECT_RULE};

	object.rule = *rule;
	for (size_t i = 0; i < draft->plan->count; i++) {
		if (object_is_equal(&draft->plan->objects[i], &object))
			return;
	}
	append(draft, &object);
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
			.metric = family == ADDR_IPV6 ? METRIC_IPV6 : 0,
		};

		if (!way)
			continue;
		route.gateway = way->gateway;
		route.prefsrc = way->prefsrc;
		route.oif = way->ifindex;
		route.is_onlink = way->is_onlink;
		append_route(draft, &route);
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
		object.route.metric = METRIC_IPV6;
	return object;
}

static void plan_throws(struct draft *draft, uint8_t family)
{
	static const uint32_t tables[] = {PLAN_TABLE_FIXED, PLAN_TABLE_LOCAL};

	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		for (size_t i = 0; i < draft->throws.count; i++) {
			const struct prefix *prefix =
				&draft->throws.prefixes[i];
			struct nl_object object = plan_throw(prefix, tables[t]);

			if (prefix->addr.family == family)
				append(draft, &object);
		}
	}
}

static void plan_directs(struct draft *draft, uint8_t family)
{
	for (size_t i = 0; i < draft->facts->direct_count; i++) {
		const struct prefix *prefix = &draft->facts->directs[i];
		struct nl_object object = plan_throw(prefix, PLAN_TABLE_LOCAL);

		if (prefix->addr.family == family &&
		    !throws_cover(&draft->throws, &prefix->addr))
			append(draft, &object);
	}
}

static void append_serve(struct draft *draft, uint8_t family, uint16_t port)
{
	struct nl_rule rule = rule_make(family, PRIORITY_SERVE, RT_TABLE_MAIN);

	strcpy(rule.iif, "lo");
	rule.ip_protocol = IPPROTO_UDP;
	rule.sport_first = port;
	rule.sport_last = port;
	append_rule(draft, &rule);
}

static void plan_serve(struct draft *draft, uint8_t family)
{
	const struct routed_conf *conf = &draft->config->routed;

	for (size_t i = 0; i < conf->serve_count; i++)
		append_serve(draft, family, conf->serve[i]);
	for (size_t i = 0; i < draft->facts->udp_server_count; i++) {
		const struct endpoint *server = &draft->facts->udp_servers[i];

		if (server->addr.family == family)
			append_serve(draft, family, server->port);
	}
}

static void append_uids(struct draft *draft, struct nl_rule *rule,
			const struct uid_range *uids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		rule->has_uid = true;
		rule->uid_first = uids[i].first;
		rule->uid_last = uids[i].last;
		append_rule(draft, rule);
	}
}

/* `rule` with each exempt sender as its selector. */
static void plan_exempt(struct draft *draft, const struct nl_rule *model)
{
	const struct routed_conf *conf = &draft->config->routed;
	struct nl_rule rule = *model;

	for (size_t i = 0; i < conf->exempt.mark_count; i++) {
		rule.mark = conf->exempt.marks[i];
		rule.mark_mask = UINT32_MAX;
		append_rule(draft, &rule);
	}
	rule = *model;
	append_uids(draft, &rule, conf->exempt.uids, conf->exempt.uid_count);
	append_uids(draft, &rule, draft->facts->uids, draft->facts->uid_count);
}

/* What keeps packets out of the TUN: harmless while nothing leads into it. */
static void plan_exemptions(struct draft *draft, uint8_t family)
{
	struct nl_rule rule = rule_make(family, PRIORITY_EXEMPT, RT_TABLE_MAIN);

	if (is_capture_all(draft)) {
		plan_serve(draft, family);
		plan_exempt(draft, &rule);
	}
	for (size_t i = 0; i < draft->exits.count; i++) {
		rule = rule_make(family, PRIORITY_EXIT_LINK, RT_TABLE_MAIN);
		rule.suppress_prefixlength = 0;
		memcpy(rule.oif, draft->exits.links[i].name, IFNAMSIZ);
		append_rule(draft, &rule);
	}
}

/* What ends those: only together with the first half are they right. */
static void plan_exits(struct draft *draft, uint8_t family)
{
	struct nl_rule rule = rule_make(family, PRIORITY_EXEMPT_END, 0);

	rule.action = FR_ACT_UNREACHABLE;
	if (is_capture_all(draft))
		plan_exempt(draft, &rule);
	for (size_t i = 0; i < draft->exits.count; i++) {
		const struct exit_link *exit = &draft->exits.links[i];

		rule = rule_make(family, PRIORITY_EXIT, exit->table);
		memcpy(rule.oif, exit->name, IFNAMSIZ);
		append_rule(draft, &rule);
	}
}

static void plan_tun(struct draft *draft)
{
	struct nl_object object = {.kind = NL_OBJECT_LINK_UP};

	object.ifindex = draft->facts->tun_ifindex;
	append(draft, &object);
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		struct nl_ifaddr *own = &object.ifaddr;

		if (!has_family(draft, f))
			continue;
		memset(&object, 0, sizeof(object));
		object.kind = NL_OBJECT_IFADDR;
		own->ifindex = draft->facts->tun_ifindex;
		own->addr = plan_tun_addr(draft->config, f);
		own->prefix.addr = own->addr;
		own->prefix.length = (uint8_t)addr_bits(&own->addr);
		append(draft, &object);
	}
}

static void append_tun_route(struct draft *draft, uint32_t table,
			     const struct prefix *dst)
{
	uint8_t family = dst->addr.family;
	struct nl_route route = {
		.family = family,
		.type = RTN_UNICAST,
		/*
		 * With scope link, the default of ip(8), it would be taken for
		 * the way to other programs' next hops.
		 */
		.scope = RT_SCOPE_UNIVERSE,
		.protocol = NL_PROTOCOL,
		.table = table,
		.dst = *dst,
		.prefsrc = plan_tun_addr(draft->config, family),
		.oif = draft->facts->tun_ifindex,
		.metric = family == ADDR_IPV6 ? METRIC_IPV6 : 0,
		/* The hop to the relay is no network: pacing costs a third. */
		.is_cubic = true,
	};

	append_route(draft, &route);
}

static void plan_pool_table(struct draft *draft, uint8_t family)
{
	struct nl_route last = {
		.family = family,
		.type = RTN_UNREACHABLE,
		.protocol = NL_PROTOCOL,
		.table = PLAN_TABLE_POOL,
		.dst = pool_of(draft, family),
		.metric = METRIC_LAST,
	};

	if (last.dst.addr.family == ADDR_NONE)
		return;
	if (draft->facts->tun_ifindex)
		append_tun_route(draft, PLAN_TABLE_POOL, &last.dst);
	append_route(draft, &last);
}

static void plan_tun_routes(struct draft *draft, uint8_t family)
{
	static const uint32_t tables[] = {PLAN_TABLE_BASE, PLAN_TABLE_FIXED,
					  PLAN_TABLE_LOCAL};

	if (!draft->facts->tun_ifindex || !is_capture_all(draft))
		return;
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		struct prefix half = {.addr = {.family = family}, .length = 1};

		append_tun_route(draft, tables[t], &half);
		half.addr.bytes[0] = 0x80;
		append_tun_route(draft, tables[t], &half);
	}
}

static void plan_stay(struct draft *draft, uint8_t family)
{
	struct nl_rule rule = rule_make(family, PRIORITY_STAY, PLAN_TABLE_BASE);

	strcpy(rule.iif, "lo");
	rule.src.addr = plan_tun_addr(draft->config, family);
	rule.src.length = (uint8_t)addr_bits(&rule.src.addr);
	append_rule(draft, &rule);
	if (family == ADDR_IPV4)
		return;
	rule = rule_make(family, PRIORITY_CAPTURE, RT_TABLE_MAIN);
	strcpy(rule.iif, "lo");
	rule.src.addr.family = family;
	rule.src.length = 1;
	append_rule(draft, &rule);
	rule.src.addr.bytes[0] = 0x80;
	append_rule(draft, &rule);
}

static void plan_capture_all(struct draft *draft, uint8_t family)
{
	struct nl_rule rule;

	if (family == ADDR_IPV4) {
		rule = rule_make(family, PRIORITY_CAPTURE, PLAN_TABLE_LOCAL);
		rule.src.addr.family = family;
		rule.src.length = 32;
	} else {
		rule = rule_make(family, PRIORITY_CAPTURE_IPV6,
				 PLAN_TABLE_LOCAL);
	}
	strcpy(rule.iif, "lo");
	append_rule(draft, &rule);
	for (size_t i = 0; i < draft->facts->gateway_count; i++) {
		rule = rule_make(family, PRIORITY_GATEWAY, PLAN_TABLE_FIXED);
		strncpy(rule.iif, draft->facts->gateways[i], IFNAMSIZ - 1);
		append_rule(draft, &rule);
	}
}

static void plan_capture(struct draft *draft, uint8_t family)
{
	struct nl_rule rule = rule_make(family, PRIORITY_POOL, PLAN_TABLE_POOL);

	rule.dst = pool_of(draft, family);
	if (rule.dst.addr.family != ADDR_NONE)
		append_rule(draft, &rule);
	if (is_capture_all(draft))
		plan_capture_all(draft, family);
}

static void each_family(struct draft *draft,
			void (*fn)(struct draft *draft, uint8_t family))
{
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		if (has_family(draft, f))
			fn(draft, f);
	}
}

static void plan_objects(struct draft *draft)
{
	each_family(draft, plan_exit_tables);
	if (is_capture_all(draft)) {
		each_family(draft, plan_throws);
		each_family(draft, plan_directs);
	}
	each_family(draft, plan_exemptions);
	each_family(draft, plan_exits);
	if (draft->facts->tun_ifindex)
		plan_tun(draft);
	each_family(draft, plan_pool_table);
	each_family(draft, plan_tun_routes);
	if (is_capture_all(draft))
		each_family(draft, plan_stay);
	each_family(draft, plan_capture);
}

int plan_make(struct plan *plan, const struct config *config,
	      const struct nl_state *found, const struct plan_facts *facts)
{
	struct draft draft = {
		.plan = plan,
		.config = config,
		.found = found,
		.facts = facts,
	};
	int ret;

	memset(plan, 0, sizeof(*plan));
	ret = exits_find(&draft.exits, config, found);
	if (ret < 0)
		return ret;
	ret = throws_collect(&draft.throws, config, found, facts);
	if (ret < 0)
		return ret;
	plan_objects(&draft);
	ret = draft.error;
	if (ret == 0)
		ret = probes_make(plan, config, found, facts, &draft.throws);
	throws_fini(&draft.throws);
	if (ret < 0)
		plan_fini(plan);
	return ret;
}

static enum plan_rank rank_of_rule(const struct nl_rule *rule)
{
	switch (rule->priority) {
	case PRIORITY_SERVE:
	case PRIORITY_EXEMPT:
	case PRIORITY_EXIT_LINK:
		return PLAN_RANK_EXEMPTION;
	case PRIORITY_EXEMPT_END:
	case PRIORITY_EXIT:
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
	if (object->route.type == RTN_THROW)
		return PLAN_RANK_THROW;
	return object->route.table >= PLAN_TABLE_EXIT ? PLAN_RANK_EXIT_TABLE
						      : PLAN_RANK_TUN_ROUTE;
}

void plan_fini(struct plan *plan)
{
	free(plan->objects);
	free(plan->probes);
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
