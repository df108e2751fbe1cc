// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/fib_model.h"

#include "routed/object.h"

#include <errno.h>
#include <limits.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define THROWN INT_MAX /* go on with the next rule */

struct addr addr_of(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(&addr, text), 0);
	return addr;
}

struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	assert_int_equal(prefix_parse(&prefix, text), 0);
	return prefix;
}

static void point_state(struct fib_model *model)
{
	model->state.links = model->links;
	model->state.addrs = model->addrs;
	model->state.routes = model->routes;
	model->state.rules = model->rules;
}

void fib_model_copy(struct fib_model *to, const struct fib_model *from)
{
	memcpy(to, from, sizeof(*to));
	point_state(to);
}

void fib_model_init(struct fib_model *model)
{
	memset(model, 0, sizeof(*model));
	point_state(model);
	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		fib_model_rule(model, f, 0, RT_TABLE_LOCAL);
		fib_model_rule(model, f, 32766, RT_TABLE_MAIN);
	}
	fib_model_link(model, LO);
}

struct nl_link *fib_model_link(struct fib_model *model, int ifindex)
{
	static const struct {
		const char *name, *kind;
	} known[] = {
		[LO] = {"lo", ""},
		[ETH] = {"eth0", ""},
		[WLAN] = {"wlan0", ""},
		[WG] = {"wg0", "wireguard"},
		[BRIDGE] = {"br0", "bridge"},
		[TUN] = {"ersatz0", "tun"},
	};
	struct nl_link *link = &model->links[model->state.link_count++];

	assert_true(model->state.link_count <= FIB_MODEL_LINKS);
	link->ifindex = ifindex;
	strcpy(link->name, known[ifindex].name);
	strcpy(link->kind, known[ifindex].kind);
	link->mtu = 1500;
	link->is_up = true;
	link->has_carrier = true;
	link->is_loopback = ifindex == LO;
	link->is_ethernet =
		ifindex == ETH || ifindex == WLAN || ifindex == BRIDGE;
	return link;
}

struct nl_route *fib_model_route(struct fib_model *model, const char *dst,
				 int oif, const char *via)
{
	struct nl_route *route = &model->routes[model->state.route_count++];

	assert_true(model->state.route_count <= FIB_MODEL_ROUTES);
	memset(route, 0, sizeof(*route));
	route->dst = prefix_of(dst);
	route->family = route->dst.addr.family;
	route->type = RTN_UNICAST;
	route->protocol = RTPROT_STATIC;
	route->table = RT_TABLE_MAIN;
	route->oif = oif;
	if (via)
		route->gateway = addr_of(via);
	return route;
}

void fib_model_addr(struct fib_model *model, int ifindex, const char *text)
{
	struct nl_ifaddr *own = &model->addrs[model->state.addr_count++];
	char dst[PREFIX_TEXT_SIZE];
	char addr[PREFIX_TEXT_SIZE];

	assert_true(model->state.addr_count <= FIB_MODEL_ADDRS);
	strcpy(addr, text);
	*strchr(addr, '/') = '\0';
	own->ifindex = ifindex;
	own->addr = addr_of(addr);
	assert_true(prefix_parse_masked(&own->prefix, text) >= 0);
	prefix_format(&own->prefix, dst, sizeof(dst));
	fib_model_route(model, dst, ifindex, NULL)->protocol = RTPROT_KERNEL;
}

struct nl_rule *fib_model_rule(struct fib_model *model, uint8_t family,
			       uint32_t priority, uint32_t table)
{
	struct nl_rule *rule = &model->rules[model->state.rule_count++];

	assert_true(model->state.rule_count <= FIB_MODEL_RULES);
	memset(rule, 0, sizeof(*rule));
	rule->family = family;
	rule->action = FR_ACT_TO_TBL;
	rule->protocol = RTPROT_KERNEL;
	rule->priority = priority;
	rule->table = table;
	rule->suppress_prefixlength = -1;
	return rule;
}

void fib_model_laptop(struct fib_model *model)
{
	fib_model_init(model);
	fib_model_link(model, ETH);
	fib_model_link(model, TUN)->is_up = false;
	fib_model_addr(model, ETH, "192.168.7.2/24");
	fib_model_addr(model, ETH, "2001:db8:7::2/64");
	fib_model_route(model, "0.0.0.0/0", ETH, "192.168.7.1");
	fib_model_route(model, "::/0", ETH, "2001:db8:7::1")->metric = 1024;
}

static void object_at(const struct fib_model *model, enum nl_object_kind kind,
		      size_t index, struct nl_object *object)
{
	memset(object, 0, sizeof(*object));
	object->kind = kind;
	if (kind == NL_OBJECT_ROUTE)
		object->route = model->routes[index];
	else if (kind == NL_OBJECT_RULE)
		object->rule = model->rules[index];
	else
		object->ifaddr = model->addrs[index];
}

static size_t *count_of(struct fib_model *model, enum nl_object_kind kind)
{
	if (kind == NL_OBJECT_ROUTE)
		return &model->state.route_count;
	return kind == NL_OBJECT_RULE ? &model->state.rule_count
				      : &model->state.addr_count;
}

static void take_out(struct fib_model *model, enum nl_object_kind kind,
		     size_t index)
{
	size_t *count = count_of(model, kind);
	size_t after = --*count - index;

	if (kind == NL_OBJECT_ROUTE)
		memmove(&model->routes[index], &model->routes[index + 1],
			after * sizeof(model->routes[0]));
	else if (kind == NL_OBJECT_RULE)
		memmove(&model->rules[index], &model->rules[index + 1],
			after * sizeof(model->rules[0]));
	else
		memmove(&model->addrs[index], &model->addrs[index + 1],
			after * sizeof(model->addrs[0]));
}

static int change_remove(struct fib_model *model,
			 const struct nl_object *object)
{
	for (size_t i = 0; i < *count_of(model, object->kind); i++) {
		struct nl_object found;

		object_at(model, object->kind, i, &found);
		if (!object_is_equal(&found, object))
			continue;
		take_out(model, object->kind, i);
		return 0;
	}
	return object->kind == NL_OBJECT_ROUTE ? -ESRCH : -ENOENT;
}

/* A device has to be up, and the source be one of the host's addresses. */
static int check_route(const struct fib_model *model,
		       const struct nl_route *route)
{
	const struct nl_link *link =
		nl_link_by_index(&model->state, route->oif);

	if (route->type != RTN_UNICAST)
		return 0;
	if (!link || !link->is_up)
		return -ENODEV;
	if (route->prefsrc.family == ADDR_NONE)
		return 0;
	for (size_t i = 0; i < model->state.addr_count; i++) {
		if (addr_equal(&model->addrs[i].addr, &route->prefsrc))
			return 0;
	}
	return -EINVAL;
}

static int change_add(struct fib_model *model, const struct nl_object *object)
{
	size_t *count = count_of(model, object->kind);

	for (size_t i = 0; i < *count; i++) {
		struct nl_object found;

		object_at(model, object->kind, i, &found);
		if (object_compare_key(&found, object) == 0)
			return -EEXIST;
	}
	if (object->kind == NL_OBJECT_ROUTE) {
		int ret = check_route(model, &object->route);

		if (ret < 0)
			return ret;
		assert_true(*count < FIB_MODEL_ROUTES);
		model->routes[(*count)++] = object->route;
	} else if (object->kind == NL_OBJECT_RULE) {
		assert_true(*count < FIB_MODEL_RULES);
		model->rules[(*count)++] = object->rule;
	} else {
		assert_true(*count < FIB_MODEL_ADDRS);
		model->addrs[(*count)++] = object->ifaddr;
	}
	return 0;
}

int fib_model_change(struct fib_model *model, const struct nl_change *change)
{
	const struct nl_object *object = &change->object;

	if (object->kind != NL_OBJECT_LINK_UP)
		return change->is_removal ? change_remove(model, object)
					  : change_add(model, object);
	for (size_t i = 0; i < model->state.link_count; i++) {
		if (model->links[i].ifindex != object->ifindex)
			continue;
		model->links[i].is_up = true;
		return 0;
	}
	return -ENODEV;
}

static bool is_link_matching(const char *wanted, const char *actual)
{
	return !wanted[0] || strcmp(wanted, actual) == 0;
}

static bool is_prefix_matching(const struct prefix *prefix,
			       const struct addr *addr, uint8_t family)
{
	static const struct addr none[] = {
		[ADDR_IPV4] = {.family = ADDR_IPV4},
		[ADDR_IPV6] = {.family = ADDR_IPV6},
	};

	if (prefix->addr.family == ADDR_NONE)
		return true;
	if (addr->family != ADDR_NONE)
		return prefix_has(prefix, addr);
	return family == ADDR_IPV4 && prefix_has(prefix, &none[family]);
}

static bool is_rule_matching(const struct nl_rule *rule,
			     const struct nl_lookup *lookup)
{
	const char *iif = lookup->iif[0] ? lookup->iif : "lo";
	bool does;

	if (rule->family != lookup->dst.family)
		return false;
	does = is_link_matching(rule->iif, iif) &&
	       is_link_matching(rule->oif, lookup->oif) &&
	       is_prefix_matching(&rule->src, &lookup->src, rule->family) &&
	       is_prefix_matching(&rule->dst, &lookup->dst, rule->family) &&
	       ((lookup->mark ^ rule->mark) & rule->mark_mask) == 0;
	if (rule->ip_protocol && rule->ip_protocol != lookup->ip_protocol)
		does = false;
	if (rule->sport_last && (lookup->sport < rule->sport_first ||
				 lookup->sport > rule->sport_last))
		does = false;
	if (rule->dport_last && (lookup->dport < rule->dport_first ||
				 lookup->dport > rule->dport_last))
		does = false;
	if (rule->has_uid &&
	    (!lookup->has_uid || lookup->uid < rule->uid_first ||
	     lookup->uid > rule->uid_last))
		does = false;
	return does != rule->is_inverted;
}

static bool is_usable(const struct fib_model *model,
		      const struct nl_route *route,
		      const struct nl_lookup *lookup)
{
	const struct nl_link *link;

	/* In IPv6 throws and the like have a device too, lo. */
	if (route->type != RTN_UNICAST)
		return route->family == ADDR_IPV4 || !lookup->oif[0];
	link = nl_link_by_index(&model->state, route->oif);
	return link && link->is_up && is_link_matching(lookup->oif, link->name);
}

/* A link, an error, or THROWN with *length untouched. */
static int lookup_table(const struct fib_model *model, uint32_t table,
			const struct nl_lookup *lookup, int *length)
{
	const struct nl_route *best = NULL;

	for (size_t i = 0; i < model->state.route_count; i++) {
		const struct nl_route *route = &model->routes[i];

		if (route->table != table ||
		    route->family != lookup->dst.family ||
		    !prefix_has(&route->dst, &lookup->dst) ||
		    !is_usable(model, route, lookup))
			continue;
		if (best && (route->dst.length < best->dst.length ||
			     (route->dst.length == best->dst.length &&
			      route->metric >= best->metric)))
			continue;
		best = route;
	}
	if (!best || best->type == RTN_THROW)
		return THROWN;
	*length = best->dst.length;
	if (best->type == RTN_PROHIBIT)
		return -EACCES;
	return best->type == RTN_UNICAST ? best->oif : -EHOSTUNREACH;
}

/*
 * Links start at 1, which is lo: nothing but `local` leads there.  The routes
 * of that table have the address's link for their device.
 */
static int lookup_local(const struct fib_model *model,
			const struct nl_lookup *lookup)
{
	for (size_t i = 0; i < model->state.addr_count; i++) {
		const struct nl_ifaddr *own = &model->addrs[i];
		const struct nl_link *link =
			nl_link_by_index(&model->state, own->ifindex);

		if (addr_equal(&own->addr, &lookup->dst) && link &&
		    is_link_matching(lookup->oif, link->name))
			return LO;
	}
	return addr_is_loopback(&lookup->dst) ? LO : 0;
}

/* The first of `family` whose priority is above *after. */
static const struct nl_rule *next_rule(const struct fib_model *model,
				       const struct nl_rule *after,
				       uint8_t family)
{
	const struct nl_rule *best = NULL;

	for (size_t i = 0; i < model->state.rule_count; i++) {
		const struct nl_rule *rule = &model->rules[i];

		if (rule->family != family)
			continue;
		if (after &&
		    (rule->priority < after->priority ||
		     (rule->priority == after->priority && rule <= after)))
			continue;
		if (!best || rule->priority < best->priority)
			best = rule;
	}
	return best;
}

int fib_model_lookup(const struct fib_model *model,
		     const struct nl_lookup *lookup, bool is_main_only)
{
	const struct nl_rule *rule = NULL;
	int result = lookup_local(model, lookup);
	int length = 0;

	if (result)
		return result;
	if (is_main_only) {
		result = lookup_table(model, RT_TABLE_MAIN, lookup, &length);
		return result == THROWN ? -ENETUNREACH : result;
	}
	while ((rule = next_rule(model, rule, lookup->dst.family))) {
		if (!is_rule_matching(rule, lookup))
			continue;
		if (rule->action == FR_ACT_UNREACHABLE)
			return -EHOSTUNREACH;
		result = lookup_table(model, rule->table, lookup, &length);
		if (result != THROWN && length > rule->suppress_prefixlength)
			return result;
	}
	return -ENETUNREACH;
}
