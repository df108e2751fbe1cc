// SPDX-License-Identifier: BSD-2-Clause
#include "routed/object.h"

#include <linux/rtnetlink.h>
#include <string.h>

static int compare_number(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_prefix(const struct prefix *a, const struct prefix *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	return order ? order : compare_number(a->length, b->length);
}

static int compare_route(const struct nl_route *a, const struct nl_route *b)
{
	int order = compare_number(a->table, b->table);

	if (!order)
		order = compare_prefix(&a->dst, &b->dst);
	return order ? order : compare_number(a->metric, b->metric);
}

static int compare_rule_numbers(const struct nl_rule *a,
				const struct nl_rule *b)
{
	const struct {
		int64_t a, b;
	} pairs[] = {
		{a->priority, b->priority},
		{a->family, b->family},
		{a->action, b->action},
		{a->table, b->table},
		{a->ip_protocol, b->ip_protocol},
		{a->mark, b->mark},
		{a->mark_mask, b->mark_mask},
		{a->sport_first, b->sport_first},
		{a->sport_last, b->sport_last},
		{a->dport_first, b->dport_first},
		{a->dport_last, b->dport_last},
		{a->has_uid, b->has_uid},
		{a->uid_first, b->uid_first},
		{a->uid_last, b->uid_last},
		{a->is_inverted, b->is_inverted},
		{a->has_more, b->has_more},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		int order = compare_number(pairs[i].a, pairs[i].b);

		if (order)
			return order;
	}
	return 0;
}

static int compare_rule(const struct nl_rule *a, const struct nl_rule *b)
{
	int order = compare_rule_numbers(a, b);

	if (!order)
		order = strcmp(a->iif, b->iif);
	if (!order)
		order = strcmp(a->oif, b->oif);
	if (!order)
		order = compare_prefix(&a->src, &b->src);
	return order ? order : compare_prefix(&a->dst, &b->dst);
}

static int compare_ifaddr(const struct nl_ifaddr *a, const struct nl_ifaddr *b)
{
	int order = compare_number(a->ifindex, b->ifindex);

	return order ? order : addr_compare(&a->addr, &b->addr);
}

int object_compare_key(const struct nl_object *a, const struct nl_object *b)
{
	if (a->kind != b->kind)
		return compare_number(a->kind, b->kind);
	switch (a->kind) {
	case NL_OBJECT_LINK_UP:
		return compare_number(a->ifindex, b->ifindex);
	case NL_OBJECT_IFADDR:
		return compare_ifaddr(&a->ifaddr, &b->ifaddr);
	case NL_OBJECT_ROUTE:
		return compare_route(&a->route, &b->route);
	case NL_OBJECT_RULE:
		return compare_rule(&a->rule, &b->rule);
	}
	return 0;
}

static bool is_route_equal(const struct nl_route *a, const struct nl_route *b)
{
	if (a->type != b->type || a->protocol != b->protocol ||
	    a->is_multipath != b->is_multipath)
		return false;
	/* The kernel gives throws of IPv6 a device (lo). */
	if (a->type != RTN_UNICAST)
		return true;
	return a->oif == b->oif && a->scope == b->scope && a->mtu == b->mtu &&
	       a->is_cubic == b->is_cubic && a->is_onlink == b->is_onlink &&
	       addr_equal(&a->gateway, &b->gateway) &&
	       addr_equal(&a->prefsrc, &b->prefsrc);
}

bool object_is_equal(const struct nl_object *a, const struct nl_object *b)
{
	if (object_compare_key(a, b) != 0)
		return false;
	switch (a->kind) {
	case NL_OBJECT_LINK_UP:
	case NL_OBJECT_IFADDR:
		return true;
	case NL_OBJECT_ROUTE:
		return is_route_equal(&a->route, &b->route);
	case NL_OBJECT_RULE:
		return a->rule.protocol == b->rule.protocol &&
		       a->rule.suppress_prefixlength ==
			       b->rule.suppress_prefixlength;
	}
	return false;
}

bool object_is_ours(const struct nl_object *object)
{
	switch (object->kind) {
	case NL_OBJECT_LINK_UP:
	case NL_OBJECT_IFADDR:
		return false;
	case NL_OBJECT_ROUTE:
		return object->route.protocol == NL_PROTOCOL;
	case NL_OBJECT_RULE:
		return object->rule.protocol == NL_PROTOCOL;
	}
	return false;
}
