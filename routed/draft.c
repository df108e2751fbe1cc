// SPDX-License-Identifier: BSD-2-Clause
#include "routed/draft.h"

#include "routed/object.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const struct prefix halves[] = {
	{{ADDR_IPV4, {0}}, 1},
	{{ADDR_IPV4, {0x80}}, 1},
	{{ADDR_IPV6, {0}}, 1},
	{{ADDR_IPV6, {0x80}}, 1},
};

static bool is_thrown(const struct throws *throws, const struct prefix *prefix)
{
	for (size_t i = 0; i < throws->count; i++) {
		const struct prefix *one = &throws->prefixes[i];

		if (one->length == prefix->length &&
		    addr_equal(&one->addr, &prefix->addr))
			return true;
	}
	return false;
}

int draft_find_targets(struct draft *draft)
{
	const struct routed_conf *conf = &draft->config->routed;
	const bool is_all = conf->capture == ROUTED_CAPTURE_ALL;
	const size_t all = is_all ? ARRAY_LEN(halves) : 0;

	draft->target_count = all + conf->include.prefix_count;
	if (!draft->target_count)
		return 0;
	draft->targets = calloc(draft->target_count, sizeof(*draft->targets));
	if (!draft->targets)
		return -ENOMEM;
	if (is_all)
		memcpy(draft->targets, halves, sizeof(halves));
	draft->target_count = all;
	for (size_t i = 0; i < conf->include.prefix_count; i++) {
		const struct prefix *prefix = &conf->include.prefixes[i];

		/* A far end of an outbound's own server has to stay out. */
		if (!is_thrown(&draft->throws, prefix))
			draft->targets[draft->target_count++] = *prefix;
	}
	return 0;
}

bool draft_has_targets(const struct draft *draft, uint8_t family)
{
	for (size_t i = 0; i < draft->target_count; i++) {
		if (draft->targets[i].addr.family == family)
			return true;
	}
	return false;
}

static enum plan_ipv6 ipv6_of(const struct draft *draft)
{
	return plan_ipv6(draft->config, draft->found, draft->facts);
}

bool draft_has_family(const struct draft *draft, uint8_t family)
{
	return family == ADDR_IPV4 || ipv6_of(draft) != PLAN_IPV6_ABSENT;
}

bool draft_carries(const struct draft *draft, uint8_t family)
{
	return family == ADDR_IPV4 || ipv6_of(draft) == PLAN_IPV6_CARRIED;
}

void draft_each_family(struct draft *draft,
		       void (*fn)(struct draft *draft, uint8_t family))
{
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		if (draft_has_family(draft, f))
			fn(draft, f);
	}
}

struct prefix draft_pool(const struct draft *draft, uint8_t family)
{
	const struct fake_pool *pool = &draft->config->dnsd.fake;

	return family == ADDR_IPV4 ? pool->ipv4 : pool->ipv6;
}

void draft_append(struct draft *draft, const struct nl_object *object)
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

void draft_append_route(struct draft *draft, const struct nl_route *route)
{
	struct nl_object object = {.kind = NL_OBJECT_ROUTE};

	object.route = *route;
	draft_append(draft, &object);
}

void draft_append_rule(struct draft *draft, const struct nl_rule *rule)
{
	struct nl_object object = {.kind = NL_OBJECT_RULE};

	object.rule = *rule;
	object.rule.priority -= draft->shift;
	for (size_t i = 0; i < draft->plan->count; i++) {
		if (object_is_equal(&draft->plan->objects[i], &object))
			return;
	}
	draft_append(draft, &object);
}

void draft_append_tun_route(struct draft *draft, uint32_t table,
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
		.metric = family == ADDR_IPV6 ? DRAFT_METRIC_IPV6 : 0,
		/* The hop to the relay is no network: pacing costs a third. */
		.is_cubic = true,
	};

	draft_append_route(draft, &route);
}

void draft_append_end(struct draft *draft, uint32_t table,
		      const struct prefix *dst, uint8_t type)
{
	const struct nl_route route = {
		.family = dst->addr.family,
		.type = type,
		.protocol = NL_PROTOCOL,
		.table = table,
		.dst = *dst,
		.metric = DRAFT_METRIC_LAST,
	};

	draft_append_route(draft, &route);
}

struct nl_rule draft_rule(uint8_t family, uint32_t priority, uint32_t table)
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

struct nl_rule draft_icmp_errors(uint8_t family, uint32_t priority,
				 uint8_t first, uint8_t last)
{
	struct nl_rule rule = draft_rule(family, priority, RT_TABLE_MAIN);

	strcpy(rule.iif, "lo");
	rule.ip_protocol = family == ADDR_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	rule.dport_first = (uint16_t)(first << 8);
	rule.dport_last = (uint16_t)(last << 8 | 0xff);
	if (family == ADDR_IPV4) {
		rule.src.addr.family = family;
		rule.src.length = 32;
	}
	return rule;
}
