// SPDX-License-Identifier: BSD-2-Clause
#include "routed/throws.h"

#include "common/uplink.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

/* A connected prefix this long is one link and not a claim on the world. */
#define CONNECTED_LENGTH_IPV4 22
#define CONNECTED_LENGTH_IPV6 64

/* Shorter ones are a default route in disguise. */
#define DISGUISE_LENGTH_MAX 7

/* /1 is the length of the TUN's own routes: it would be the same key. */
#define LENGTH_MIN 2

struct collection {
	struct throw_ways *ways;
	const struct config *config;
	const struct nl_state *found;
	const struct plan_facts *facts;
	int error;
};

static const struct prefix always[] = {
	{{ADDR_IPV4, {169, 254}}, 16},           /* link-local */
	{{ADDR_IPV4, {224}}, 4},                 /* multicast */
	{{ADDR_IPV4, {255, 255, 255, 255}}, 32}, /* broadcast */
	{{ADDR_IPV6, {0xfe, 0x80}}, 10},         /* link-local */
	{{ADDR_IPV6, {0xff}}, 8},                /* multicast */
};

/* RFC 1918, 6598, 3927; RFC 4193, 4291. */
static const struct prefix private_prefixes[] = {
	{{ADDR_IPV4, {10}}, 8},          {{ADDR_IPV4, {172, 16}}, 12},
	{{ADDR_IPV4, {192, 168}}, 16},   {{ADDR_IPV4, {100, 64}}, 10},
	{{ADDR_IPV4, {169, 254}}, 16},   {{ADDR_IPV6, {0xfc}}, 7},
	{{ADDR_IPV6, {0xfe, 0x80}}, 10},
};

static bool is_private(const struct prefix *prefix)
{
	for (size_t i = 0; i < ARRAY_LEN(private_prefixes); i++) {
		if (prefix_covers(&private_prefixes[i], prefix))
			return true;
	}
	return false;
}

static void append(struct collection *c, const struct prefix *prefix,
		   int ifindex)
{
	struct throw_ways *ways = c->ways;
	struct throw_way *grown;

	if (c->facts->has_no_ipv6 && prefix->addr.family == ADDR_IPV6)
		return;
	/* Full at every power of two. */
	if ((ways->count & (ways->count - 1)) == 0) {
		size_t room = ways->count ? ways->count * 2 : 1;

		grown = realloc(ways->list, room * sizeof(*grown));
		if (!grown) {
			c->error = -ENOMEM;
			return;
		}
		ways->list = grown;
	}
	ways->list[ways->count++] = (struct throw_way){*prefix, ifindex};
}

/* Split where it is shorter than the routes into the TUN. */
static void add(struct collection *c, const struct prefix *prefix, int ifindex)
{
	const unsigned missing =
		prefix->length < LENGTH_MIN ? LENGTH_MIN - prefix->length : 0;

	if (c->error)
		return;
	if (!missing) {
		append(c, prefix, ifindex);
		return;
	}
	for (unsigned i = 0; i < 1U << missing && !c->error; i++) {
		struct prefix part = *prefix;

		part.length = LENGTH_MIN;
		part.addr.bytes[0] |= (uint8_t)(i << (8 - LENGTH_MIN));
		append(c, &part, ifindex);
	}
}

static bool is_own_prefix_of_link(const struct nl_state *found,
				  const struct nl_route *route)
{
	for (size_t i = 0; i < found->addr_count; i++) {
		const struct nl_ifaddr *own = &found->addrs[i];

		if (own->ifindex == route->oif &&
		    own->prefix.length == route->dst.length &&
		    addr_equal(&own->prefix.addr, &route->dst.addr))
			return true;
	}
	return false;
}

/*
 * DHCP can push routes without a gateway too; what makes a prefix connected
 * is that the kernel made the route of an address, or that somebody else did
 * but the address is there.
 */
static bool is_gateway(const struct plan_facts *facts,
		       const struct nl_link *link)
{
	for (size_t i = 0; i < facts->gateway_count; i++) {
		if (strcmp(facts->gateways[i], link->name) == 0)
			return true;
	}
	return false;
}

static bool is_connected(const struct nl_state *found,
			 const struct nl_route *route, bool is_served)
{
	unsigned longest_claim = route->family == ADDR_IPV4
					 ? CONNECTED_LENGTH_IPV4
					 : CONNECTED_LENGTH_IPV6;

	if (route->table != RT_TABLE_MAIN || route->gateway.family != ADDR_NONE)
		return false;
	if (route->protocol != RTPROT_KERNEL &&
	    !is_own_prefix_of_link(found, route))
		return false;
	return route->dst.length >= longest_claim || is_private(&route->dst) ||
	       (is_served && route->dst.length > DISGUISE_LENGTH_MAX);
}

static bool is_uplink(const struct collection *c, const struct nl_link *link)
{
	const char *pinned = c->config->routed.uplink;
	struct uplink uplink;

	for (uint8_t f = ADDR_IPV4; f <= ADDR_IPV6; f += 2) {
		if (uplink_find(c->found, f, pinned, &uplink) == 0 &&
		    uplink.ifindex == link->ifindex)
			return true;
	}
	return false;
}

static bool is_inward(const struct collection *c, const struct nl_link *link)
{
	return uplink_is_tunnel(link) ||
	       (strcmp(link->kind, "bridge") == 0 && !is_uplink(c, link));
}

static bool is_thrown(const struct collection *c, const struct nl_route *route)
{
	const struct nl_link *link = nl_link_by_index(c->found, route->oif);
	const bool is_by_hand = route->protocol == RTPROT_STATIC ||
				route->protocol == RTPROT_BOOT;
	const bool is_pushed =
		route->protocol == RTPROT_DHCP || route->protocol == RTPROT_RA;

	if (!link || !link->is_up || link->is_loopback ||
	    link->ifindex == c->facts->tun_ifindex)
		return false;
	if (is_connected(c->found, route, is_gateway(c->facts, link)))
		return true;
	if (is_by_hand && is_private(&route->dst))
		return true;
	return !is_pushed && route->dst.length > DISGUISE_LENGTH_MAX &&
	       is_inward(c, link);
}

/* Main, and the tables that rules of others lead to. */
static bool is_table_read(const struct nl_state *found,
			  const struct nl_route *route)
{
	if (route->table == RT_TABLE_MAIN)
		return true;
	for (size_t i = 0; i < found->rule_count; i++) {
		const struct nl_rule *rule = &found->rules[i];

		if (rule->family == route->family &&
		    rule->protocol != NL_PROTOCOL &&
		    rule->action == FR_ACT_TO_TBL &&
		    rule->table == route->table)
			return true;
	}
	return false;
}

/* What the configuration wants in the TUN, whatever routes there are. */
static bool is_included(const struct config *config,
			const struct prefix *prefix)
{
	for (size_t i = 0; i < config->routed.include.prefix_count; i++) {
		if (prefix_covers(&config->routed.include.prefixes[i], prefix))
			return true;
	}
	return false;
}

static void add_routes(struct collection *c)
{
	for (size_t i = 0; i < c->found->route_count; i++) {
		const struct nl_route *route = &c->found->routes[i];

		if (route->type == RTN_UNICAST && route->dst.length &&
		    route->protocol != NL_PROTOCOL &&
		    is_table_read(c->found, route) && is_thrown(c, route) &&
		    !is_included(c->config, &route->dst))
			add(c, &route->dst, route->oif);
	}
}

static int compare(const void *a, const void *b)
{
	const struct prefix *p = a;
	const struct prefix *q = b;
	int order = addr_compare(&p->addr, &q->addr);

	return order ? order : (int)p->length - (int)q->length;
}

/* In this order what covers a prefix comes before it. */
static void aggregate(struct throws *throws)
{
	size_t kept = 0;

	if (!throws->count)
		return;
	qsort(throws->prefixes, throws->count, sizeof(*throws->prefixes),
	      compare);
	for (size_t i = 1; i < throws->count; i++) {
		const struct prefix *next = &throws->prefixes[i];

		if (!prefix_covers(&throws->prefixes[kept], next))
			throws->prefixes[++kept] = *next;
	}
	throws->count = kept + 1;
}

static int compare_ways(const void *a, const void *b)
{
	const struct throw_way *p = a;
	const struct throw_way *q = b;

	if (p->ifindex != q->ifindex)
		return (p->ifindex > q->ifindex) - (p->ifindex < q->ifindex);
	return compare(&p->prefix, &q->prefix);
}

static void aggregate_ways(struct throw_ways *ways)
{
	size_t kept = 0;

	qsort(ways->list, ways->count, sizeof(*ways->list), compare_ways);
	for (size_t i = 1; i < ways->count; i++) {
		const struct throw_way *last = &ways->list[kept];
		const struct throw_way *next = &ways->list[i];

		if (last->ifindex != next->ifindex ||
		    !prefix_covers(&last->prefix, &next->prefix))
			ways->list[++kept] = *next;
	}
	ways->count = kept + 1; /* those that are always there at least */
}

int throws_collect_ways(struct throw_ways *ways, const struct config *config,
			const struct nl_state *found,
			const struct plan_facts *facts)
{
	struct collection c = {ways, config, found, facts, 0};

	memset(ways, 0, sizeof(*ways));
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		add(&c, &always[i], 0);
	add_routes(&c);
	for (size_t i = 0; i < config->routed.exempt.prefix_count; i++)
		add(&c, &config->routed.exempt.prefixes[i], 0);
	for (size_t i = 0; i < facts->far_end_count; i++)
		add(&c, &facts->far_ends[i], 0);
	if (c.error)
		throw_ways_fini(ways);
	else
		aggregate_ways(ways);
	return c.error;
}

void throw_ways_fini(struct throw_ways *ways)
{
	free(ways->list);
	memset(ways, 0, sizeof(*ways));
}

/* Those of an open profile, which has no set of what may leave. */
static void add_rule_directs(struct throws *throws, const struct config *config,
			     const struct plan_facts *facts)
{
	for (size_t i = 0; i < facts->rule_direct_count; i++) {
		const struct prefix *prefix = &facts->rule_directs[i];

		if (!(facts->has_no_ipv6 && prefix->addr.family == ADDR_IPV6) &&
		    !is_included(config, prefix))
			throws->prefixes[throws->count++] = *prefix;
	}
}

int throws_collect(struct throws *throws, const struct config *config,
		   const struct nl_state *found, const struct plan_facts *facts)
{
	struct throw_ways ways;
	int ret = throws_collect_ways(&ways, config, found, facts);

	memset(throws, 0, sizeof(*throws));
	if (ret < 0)
		return ret;
	throws->prefixes = calloc(ways.count + facts->rule_direct_count,
				  sizeof(*throws->prefixes));
	if (!throws->prefixes) {
		throw_ways_fini(&ways);
		return -ENOMEM;
	}
	for (size_t i = 0; i < ways.count; i++)
		throws->prefixes[i] = ways.list[i].prefix;
	throws->count = ways.count;
	throw_ways_fini(&ways);
	add_rule_directs(throws, config, facts);
	aggregate(throws);
	return 0;
}

bool throws_is_always(const struct prefix *prefix)
{
	for (size_t i = 0; i < ARRAY_LEN(always); i++) {
		if (prefix_covers(&always[i], prefix))
			return true;
	}
	return false;
}

void throws_fini(struct throws *throws)
{
	free(throws->prefixes);
	memset(throws, 0, sizeof(*throws));
}

/* Only the last that does not begin behind it can cover it. */
bool throws_have(const struct throws *throws, const struct prefix *prefix)
{
	size_t low = 0;
	size_t high = throws->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&throws->prefixes[middle], prefix) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && prefix_covers(&throws->prefixes[low - 1], prefix);
}

bool throws_cover(const struct throws *throws, const struct addr *addr)
{
	const struct prefix prefix = {
		.addr = *addr,
		.length = (uint8_t)addr_bits(addr),
	};

	return throws_have(throws, &prefix);
}
