// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/err.h"
#include "common/metrics_http.h"

#include <assert.h>
#include <string.h>

#define IPV4_LENGTH_MIN 8
#define IPV4_LENGTH_MAX 28

/* Where a pool cannot be, and where it hides nothing that is public. */
static const struct region {
	const char *prefix;
	const char *why; /* NULL: nobody is missed there */
} regions[] = {
	{"0.0.0.0/8", "means this host"},
	{"127.0.0.0/8", "is loopback"},
	{"169.254.0.0/16", "is link-local"},
	{"224.0.0.0/4", "is multicast"},
	{"::/16", "has loopback and mapped addresses in it"},
	{"fe80::/10", "is link-local"},
	{"ff00::/8", "is multicast"},
	{"198.18.0.0/15", NULL},
	{"10.0.0.0/8", NULL},
	{"172.16.0.0/12", NULL},
	{"192.168.0.0/16", NULL},
	{"100.64.0.0/10", NULL},
	{"192.0.2.0/24", NULL},
	{"198.51.100.0/24", NULL},
	{"203.0.113.0/24", NULL},
	{"240.0.0.0/4", NULL},
	{"2001:2::/48", NULL},
	{"2001:db8::/32", NULL},
	{"fc00::/7", NULL},
	{"64:ff9b:1::/48", NULL},
};

static bool overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->addr.family == b->addr.family &&
	       (prefix_covers(a, b) || prefix_covers(b, a));
}

/* Is the address one of ours, or would it be none that a packet can go to? */
static const char *unfit(const struct config *config, const struct addr *addr)
{
	struct prefix multicast;

	if (fake_pool_has(&config->dnsd.fake, addr))
		return "is inside the fake pool";
	if (addr_is_unspecified(addr))
		return "means no host";
	for (size_t i = 0; i < 2; i++) {
		int ret = prefix_parse(&multicast,
				       i ? "ff00::/8" : "224.0.0.0/4");

		assert(!ret);
		if (multicast.addr.family == addr->family &&
		    prefix_has(&multicast, addr))
			return "is multicast";
	}
	return NULL;
}

static void check_region(struct schema_walk *walk, const struct prefix *pool)
{
	bool is_quiet = false;
	char text[PREFIX_TEXT_SIZE];

	prefix_format(pool, text, sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
		struct prefix region;
		int ret = prefix_parse(&region, regions[i].prefix);

		assert(!ret);
		if (!overlaps(&region, pool))
			continue;
		if (regions[i].why)
			schema_error_at(walk, pool,
					"the pool '%s' cannot be in %s, which "
					"%s, expected another, such as "
					"198.18.0.0/15 or 2001:2::/48",
					text, regions[i].prefix,
					regions[i].why);
		is_quiet |= regions[i].why || prefix_covers(&region, pool);
	}
	if (!is_quiet)
		schema_warning_at(
			walk, pool,
			"the pool '%s' hides public addresses: hosts in "
			"it cannot be reached any more, expected "
			"198.18.0.0/15 or 2001:2::/48",
			text);
}

/* A client may still go to what it was told that long ago. */
static void check_guard(struct schema_walk *walk, const struct config *config)
{
	int64_t ttl_ms = (int64_t)config->dnsd.fake_ttl_s * 1000;

	if (config->dnsd.fake_guard_ms <= ttl_ms)
		schema_error_at(walk, &config->dnsd.fake_guard_ms,
				"'dnsd.fake.guard' is %lld ms, expected more "
				"than 'dnsd.fake.ttl', for which clients keep "
				"an address: %u s",
				(long long)config->dnsd.fake_guard_ms,
				config->dnsd.fake_ttl_s);
}

static void check_metrics(struct schema_walk *walk,
			  const struct endpoint *metrics, const char *daemon)
{
	if (metrics->addr.family != ADDR_NONE && !metrics_http_is_built())
		schema_error_at(walk, metrics,
				"'%s.metrics' needs libmicrohttpd, which "
				"this was built without, expected off "
				"('%s --metrics' prints the same)",
				daemon, daemon);
}

#ifdef HAVE_NETTLE
#define HAS_QUIC true
#else
#define HAS_QUIC false
#endif

static void check_sniff(struct schema_walk *walk, const struct config *config)
{
	for (size_t i = 0; i < config->routed.sniff_count; i++) {
		const enum routed_sniff *sniff = &config->routed.sniff[i];

		if (*sniff == ROUTED_SNIFF_QUIC && !HAS_QUIC)
			schema_error_at(walk, sniff,
					"'routed.sniff: quic' needs nettle, "
					"which this routed was built without, "
					"expected tls or http");
	}
}

static void check_pools(struct schema_walk *walk, const struct config *config)
{
	const struct prefix *ipv4 = &config->dnsd.fake.ipv4;
	const struct prefix *ipv6 = &config->dnsd.fake.ipv6;
	char text[PREFIX_TEXT_SIZE];

	prefix_format(ipv4, text, sizeof(text));
	if (ipv4->addr.family != ADDR_IPV4)
		schema_error_at(walk, ipv4,
				"'dnsd.fake.ipv4' is '%s', expected an IPv4 "
				"prefix such as 198.18.0.0/15",
				text);
	else if (ipv4->length < IPV4_LENGTH_MIN ||
		 ipv4->length > IPV4_LENGTH_MAX)
		schema_error_at(walk, ipv4,
				"the pool '%s' is too %s, expected a length of "
				"/%d to /%d",
				text,
				ipv4->length > IPV4_LENGTH_MAX ? "small"
							       : "large",
				IPV4_LENGTH_MIN, IPV4_LENGTH_MAX);
	else
		check_region(walk, ipv4);

	if (ipv6->addr.family == ADDR_NONE)
		return;
	prefix_format(ipv6, text, sizeof(text));
	if (ipv6->addr.family != ADDR_IPV6)
		schema_error_at(walk, ipv6,
				"'dnsd.fake.ipv6' is '%s', expected auto, off "
				"or an IPv6 prefix such as 2001:2::/48",
				text);
	else if (ipv6->length > 128 - (32 - ipv4->length))
		schema_error_at(walk, ipv6,
				"the pool '%s' has fewer addresses than that "
				"of IPv4, expected a length of /%d or less, as "
				"each name has one in both",
				text, 128 - (32 - ipv4->length));
	else
		check_region(walk, ipv6);
}

/* One that packets leave by, if it is set: not the one they come from. */
static void check_interface(struct schema_walk *walk,
			    const struct config *config,
			    const char *const *interface)
{
	if (*interface && !strcmp(*interface, config->routed.tun))
		schema_error_at(walk, interface,
				"'%s' is our own TUN device, expected an "
				"interface that leads to the world",
				*interface);
}

static void check_outbounds(struct schema_walk *walk,
			    const struct config *config)
{
	for (size_t i = OUTBOUND_FIRST; i < config->outbound_count; i++) {
		const struct outbound_conf *outbound = &config->outbounds[i];
		const struct endpoint *server = &outbound->server;
		char text[ADDR_TEXT_SIZE];
		const char *why = NULL;

		if (server->addr.family != ADDR_NONE)
			why = unfit(config, &server->addr);
		if (why)
			schema_error_at(
				walk, server,
				"'%s' %s, expected the address that "
				"the proxy listens on",
				addr_format(&server->addr, text, sizeof(text)),
				why);
		check_interface(walk, config, &outbound->interface);
	}
}

/* Would a query to the server arrive at the listener? */
static bool leads_to(const struct endpoint *server,
		     const struct endpoint *listen)
{
	if (server->port != listen->port ||
	    server->addr.family != listen->addr.family)
		return false;
	return addr_equal(&server->addr, &listen->addr) ||
	       (addr_is_unspecified(&listen->addr) &&
		addr_is_loopback(&server->addr));
}

static void check_server(struct schema_walk *walk, const struct config *config,
			 const struct upstream_server_conf *server)
{
	const struct endpoint *endpoint = &server->endpoint;
	const char *why = unfit(config, &endpoint->addr);
	char text[ENDPOINT_TEXT_SIZE];

	endpoint_format(endpoint, text, sizeof(text));
	for (size_t i = 0; i < config->dnsd.listen_count; i++) {
		if (leads_to(endpoint, &config->dnsd.listen[i]))
			why = "is where dnsd itself listens";
	}
	if (why)
		schema_error_at(walk, server,
				"'%s' %s, expected another DNS server", text,
				why);
}

static void check_upstreams(struct schema_walk *walk,
			    const struct config *config)
{
	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct upstream_conf *upstream = &config->upstreams[i];

		for (size_t j = 0; j < upstream->server_count; j++) {
			if (upstream->servers[j].transport != UPSTREAM_SYSTEM)
				check_server(walk, config,
					     &upstream->servers[j]);
		}
		check_interface(walk, config, &upstream->interface);
	}
}

/* The wildcard address takes the port from all others of its family. */
static void check_listen(struct schema_walk *walk, const struct config *config)
{
	const struct endpoint *listen = config->dnsd.listen;
	size_t count = config->dnsd.listen_count;

	for (size_t i = 0; i < count * count; i++) {
		const struct endpoint *all = &listen[i / count];
		const struct endpoint *one = &listen[i % count];
		char text[ENDPOINT_TEXT_SIZE], all_text[ENDPOINT_TEXT_SIZE];

		if (all == one || !addr_is_unspecified(&all->addr) ||
		    all->port != one->port ||
		    all->addr.family != one->addr.family)
			continue;
		schema_error_at(
			walk, one, "'%s' is part of '%s', expected one of them",
			endpoint_format(one, text, sizeof(text)),
			endpoint_format(all, all_text, sizeof(all_text)));
	}
	for (size_t i = 0; i < count; i++) {
		char text[ENDPOINT_TEXT_SIZE];

		if (fake_pool_has(&config->dnsd.fake, &listen[i].addr))
			schema_error_at(walk, &listen[i],
					"'%s' is inside the fake pool, "
					"expected an address of this host",
					endpoint_format(&listen[i], text,
							sizeof(text)));
	}
}

/* What is led to the relay although something else would have it. */
static void check_include(struct schema_walk *walk, const struct config *config)
{
	const struct routed_conf *routed = &config->routed;
	const struct fake_pool *fake = &config->dnsd.fake;

	for (size_t i = 0; i < routed->include.prefix_count; i++) {
		const struct prefix *prefix = &routed->include.prefixes[i];
		char text[PREFIX_TEXT_SIZE];

		prefix_format(prefix, text, sizeof(text));
		if (prefix->length < 2)
			schema_error_at(walk, prefix,
					"'%s' includes everything, expected "
					"prefixes of /2 or longer (or "
					"'capture: all')",
					text);
		else if (overlaps(prefix, &fake->ipv4) ||
			 overlaps(prefix, &fake->ipv6))
			schema_error_at(walk, prefix,
					"'%s' is part of the fake pool, or the "
					"pool of it, which is captured anyway, "
					"expected real addresses",
					text);
		for (size_t j = 0; j < routed->exempt.prefix_count; j++) {
			if (prefix_covers(prefix,
					  &routed->exempt.prefixes[j]) &&
			    prefix_covers(&routed->exempt.prefixes[j], prefix))
				schema_error_at(walk, prefix,
						"'%s' is exempt as well, "
						"expected one of them",
						text);
		}
	}
}

/* Routes know destinations and nothing of who sends. */
static void check_mode(struct schema_walk *walk, const struct config *config)
{
	const struct routed_conf *routed = &config->routed;
	const struct {
		const char *key;
		const void *value; /* NULL: not set */
	} keys[] = {
		{"exempt.uid", routed->exempt.uids},
		{"exempt.mark", routed->exempt.marks},
		{"exempt.interface", routed->exempt.interfaces},
		{"exempt.cgroup", routed->exempt.cgroups},
		{"serve", routed->serve},
	};
	const size_t counts[] = {
		routed->exempt.uid_count,
		routed->exempt.mark_count,
		routed->exempt.interface_count,
		routed->exempt.cgroup_count,
		routed->serve_count,
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (routed->mode == ROUTED_MODE_MAIN && counts[i])
			schema_error_at(walk, keys[i].value,
					"'routed.%s' is of no use with 'mode: "
					"main', where routes alone decide, "
					"expected 'mode: policy', or "
					"'exempt.address'",
					keys[i].key);
	}
}

static bool is_exempt(const struct routed_conf *routed, const char *name)
{
	for (size_t i = 0; i < routed->exempt.interface_count; i++) {
		if (!strcmp(routed->exempt.interfaces[i], name))
			return true;
	}
	return false;
}

static void check_gateways(struct schema_walk *walk,
			   const struct config *config)
{
	const struct routed_conf *routed = &config->routed;

	for (size_t i = 0; i < routed->gateway_count; i++) {
		const char **name = &routed->gateways[i];

		if (!strcmp(*name, routed->tun))
			schema_error_at(walk, name,
					"'%s' is our own TUN device, expected "
					"an interface of devices behind this "
					"host",
					*name);
		if (!strcmp(*name, CONFIG_GATEWAY_OFF) &&
		    routed->gateway_count > 1)
			schema_error_at(walk, name,
					"'off' is beside others, expected it "
					"alone, or the interfaces without it");
		if (is_exempt(routed, *name))
			schema_error_at(walk, name,
					"'%s' is exempt as well, expected one "
					"of them",
					*name);
	}
}

static void check_routed(struct schema_walk *walk, const struct config *config)
{
	const struct routed_conf *routed = &config->routed;
	const struct fake_pool *fake = &config->dnsd.fake;

	for (size_t i = 0; i < routed->exempt.prefix_count; i++) {
		const struct prefix *prefix = &routed->exempt.prefixes[i];
		char text[PREFIX_TEXT_SIZE];

		prefix_format(prefix, text, sizeof(text));
		if (!prefix->length)
			schema_error_at(walk, prefix,
					"'%s' exempts everything, expected the "
					"prefixes that are not to be captured "
					"(or 'capture: fake')",
					text);
		else if (overlaps(prefix, &fake->ipv4) ||
			 overlaps(prefix, &fake->ipv6))
			schema_error_at(walk, prefix,
					"'%s' is part of the fake pool, or the "
					"pool of it, expected real addresses",
					text);
	}
	check_interface(walk, config, &routed->uplink);
	check_include(walk, config);
	check_gateways(walk, config);
	check_mode(walk, config);
}

/*
 * A rule on addresses makes a name be asked at an upstream before it is known
 * that a proxy would have got it: whoever sees that query should not.
 */
static void check_look_ups(struct schema_walk *walk,
			   const struct config *config)
{
	const struct rule *first = NULL;
	const char *upstream;

	for (size_t i = 0; i < rules_count(config->rules); i++) {
		const struct rule *rule = rules_at(config->rules, i);
		const struct outbound_conf *outbound =
			&config->outbounds[rule->outbound];

		if (!first && rule->looks_up)
			first = rule;
		if (!first || !config_leads_to_proxy(config, rule->outbound))
			continue;
		upstream = config->upstreams[config->dnsd.upstream].name;
		diag_warning(walk->diag, walk->file, first->line, 0,
			     "for this rule names are asked at upstream '%s', "
			     "those too that go to '%s' later, expected "
			     "',no-resolve' behind it",
			     upstream, outbound->name);
		return;
	}
}

static void check_rules(struct schema_walk *walk, const struct config *config,
			const struct yaml_node *root)
{
	const struct yaml_entry *entry =
		root ? yaml_node_find(root, "rules") : NULL;
	size_t count = rules_count(config->rules);

	/* Rules that are there but wrong have been told. */
	if (!count && !walk->diag->errors)
		diag_warning(walk->diag, walk->file,
			     entry ? entry->key->line : 0,
			     entry ? entry->key->column : 0,
			     "there is no rule: everything goes DIRECT, "
			     "expected 'rules' with a last one such as "
			     "MATCH,proxy");
	check_look_ups(walk, config);
}

void config_check(struct schema_walk *walk, const struct yaml_node *root)
{
	const struct config *config = walk->root;

	check_pools(walk, config);
	check_guard(walk, config);
	check_metrics(walk, &config->dnsd.metrics, "dnsd");
	check_metrics(walk, &config->routed.metrics, "routed");
	check_sniff(walk, config);
	check_outbounds(walk, config);
	check_upstreams(walk, config);
	check_listen(walk, config);
	config_check_hosts(walk);
	check_routed(walk, config);
	check_rules(walk, config, root);
}
