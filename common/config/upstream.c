// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/err.h"

#include <errno.h>
#include <string.h>

#define UPSTREAM_AT(member) .at = offsetof(struct upstream_conf, member)

static const struct outbound_conf *find_outbound(const struct config *config,
						 const char *name)
{
	int index = config_outbound(config, name);

	return index < 0 ? NULL : &config->outbounds[index];
}

/* "no such thing, did you mean ..." or "..., expected one that is there" */
static int tell_missing(const struct schema_call *call, const char *what,
			const char *name, const char *const *names)
{
	const char *nearest = diag_nearest(name, names);

	if (nearest)
		return schema_error(call,
				    "there is no %s '%s', did you mean '%s'?",
				    what, name, nearest);
	if (names[0])
		return schema_error(call,
				    "there is no %s '%s', expected one that "
				    "is listed, such as %s",
				    what, name, names[0]);
	return schema_error(call,
			    "there is no %s '%s', expected it to be listed "
			    "under '%ss'",
			    what, name, what);
}

static int parse_via(const struct schema_call *call, void *target,
		     const char *text)
{
	const struct config_names *names = call->walk->context;
	const struct outbound_conf *outbound =
		find_outbound(call->walk->root, text);
	const struct outbound_conf **via = target;

	if (!outbound)
		return tell_missing(call, "outbound", text, names->outbounds);
	if (outbound->type == OUTBOUND_TYPE_REJECT ||
	    outbound->type == OUTBOUND_TYPE_REJECT_DROP ||
	    outbound->type == OUTBOUND_TYPE_PASS)
		return -EINVAL;
	*via = outbound;
	return 0;
}

static const char *format_via(const struct schema_key *key, const void *root,
			      const void *target, char *out)
{
	const struct outbound_conf *const *via = target;

	(void)key;
	(void)root;
	(void)out;
	/* What it comes to stands in `interface` for all others. */
	return *via && (config_is_proxy((*via)->type) ||
			config_is_group((*via)->type))
		       ? (*via)->name
		       : NULL;
}

const struct schema_type config_via = {
	.size = sizeof(const struct outbound_conf *),
	.parse = parse_via,
	.format = format_via,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

static void add_way(struct upstream_conf *upstream,
		    const struct outbound_conf *outbound)
{
	struct upstream_way *way = &upstream->ways[upstream->way_count];

	if (outbound->type == OUTBOUND_TYPE_REJECT ||
	    outbound->type == OUTBOUND_TYPE_REJECT_DROP)
		return;
	*way = (struct upstream_way){
		.outbound = outbound,
		.proxy = config_is_proxy(outbound->type) ? outbound : NULL,
		.interface = outbound->interface,
	};
	upstream->way_count++;
}

static int add_ways(const struct schema_call *call,
		    struct upstream_conf *upstream)
{
	const struct config *config = call->walk->root;
	const struct outbound_conf *via = upstream->via;
	bool is_group = via && config_is_group(via->type);
	size_t count = is_group ? via->group.leaf_count : 1;

	upstream->ways = arena_array(call->walk->arena, count + 1,
				     sizeof(*upstream->ways));
	if (!upstream->ways)
		return -ENOMEM;
	if (!via) {
		upstream->way_count = 1;
		upstream->ways[0].interface = upstream->interface;
		return 0;
	}
	if (!is_group)
		add_way(upstream, via);
	for (size_t i = 0; is_group && i < count; i++)
		add_way(upstream, &config->outbounds[via->group.leaves[i]]);
	/* Without any leaf the group is wrong, which has been told. */
	if (upstream->way_count || !count)
		return 0;
	return schema_error(call,
			    "no member of '%s' leads anywhere, expected one "
			    "that is not REJECT",
			    via->name);
}

static size_t count_proxies(const struct upstream_conf *upstream)
{
	size_t count = 0;

	for (size_t i = 0; i < upstream->way_count; i++)
		count += upstream->ways[i].proxy != NULL;
	return count;
}

bool config_needs_libcurl(const struct upstream_conf *upstream)
{
	bool needs = count_proxies(upstream) > 0;

	for (size_t i = 0; i < upstream->server_count; i++)
		needs |= upstream->servers[i].transport == UPSTREAM_TLS ||
			 upstream->servers[i].transport == UPSTREAM_HTTPS;
	return needs;
}

/* A proxy takes the name; all other ways need the address. */
static bool needs_address(const struct upstream_conf *upstream,
			  const struct upstream_server_conf *server)
{
	return server->transport != UPSTREAM_SYSTEM &&
	       count_proxies(upstream) < upstream->way_count &&
	       server->endpoint.addr.family == ADDR_NONE;
}

/* What a server says that is given by address, its upstream may have said. */
static void set_names(struct upstream_conf *upstream)
{
	for (size_t i = 0; i < upstream->server_count; i++) {
		struct upstream_server_conf *server = &upstream->servers[i];

		if (!server->host && (server->transport == UPSTREAM_TLS ||
				      server->transport == UPSTREAM_HTTPS))
			server->host = upstream->tls_name;
	}
}

/* A server that is given by name is one for each address. */
static int set_addresses(const struct schema_call *call,
			 struct upstream_conf *upstream)
{
	struct upstream_server_conf *all;
	size_t count = 0;

	/* What stays where it was read can be pointed to in messages. */
	while (count < upstream->server_count &&
	       !needs_address(upstream, &upstream->servers[count]))
		count++;
	if (count == upstream->server_count)
		return 0;
	count = 0;
	all = arena_array(call->walk->arena,
			  upstream->server_count *
				  (upstream->address_count + 1),
			  sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < upstream->server_count; i++) {
		const struct upstream_server_conf *server =
			&upstream->servers[i];

		if (!needs_address(upstream, server)) {
			all[count++] = *server;
			continue;
		}
		for (size_t k = 0; k < upstream->address_count; k++) {
			all[count] = *server;
			all[count++].endpoint.addr = upstream->addresses[k];
		}
		if (!upstream->address_count)
			return schema_error(
				call,
				"'%s' has the server '%s' and no address of it "
				"(no name can be resolved before this is up), "
				"expected 'addresses: [ADDRESS]' or a proxy in "
				"'via'",
				call->path, server->host);
	}
	upstream->servers = all;
	upstream->server_count = count;
	return 0;
}

static int check_proxy(const struct schema_call *call,
		       const struct upstream_conf *upstream)
{
	for (size_t i = 0; i < upstream->server_count; i++) {
		if (count_proxies(upstream) &&
		    upstream->servers[i].transport == UPSTREAM_SYSTEM)
			return schema_error(call,
					    "'%s' asks the server 'system' via "
					    "a proxy, which does not reach it, "
					    "expected an address",
					    call->path);
	}
	return 0;
}

/* Each server is one for each way to it. */
static int check_count(const struct schema_call *call,
		       const struct upstream_conf *upstream)
{
	if (upstream->server_count * upstream->way_count <=
	    UPSTREAM_SERVERS_MAX)
		return 0;
	return schema_error(call,
			    "'%s' has %zu servers and %zu outbounds that lead "
			    "to them, expected at most %d times one another",
			    call->path, upstream->server_count,
			    upstream->way_count, UPSTREAM_SERVERS_MAX);
}

int config_upstream_each(const struct schema_call *call, void *object)
{
	struct upstream_conf *upstream = object;
	int ret = config_check_name(call, upstream->name);

	if (call->value && yaml_node_find(call->value, "via") &&
	    yaml_node_find(call->value, "interface"))
		ret = schema_error(call,
				   "'%s' has both 'via' and 'interface', "
				   "expected one of them",
				   call->path);
	if (upstream->via && upstream->via->interface)
		upstream->interface = upstream->via->interface;
	if (ret)
		return ret;
	set_names(upstream);
	ret = add_ways(call, upstream);
	if (!ret)
		ret = check_proxy(call, upstream);
	if (!ret)
		ret = set_addresses(call, upstream);
	return ret ? ret : check_count(call, upstream);
}

/* None listed: the resolvers that the host has. */
static int add_system(const struct schema_call *call, struct config *config)
{
	struct upstream_server_conf *server;

	config->upstreams =
		arena_alloc(call->walk->arena, sizeof(*config->upstreams));
	server = arena_alloc(call->walk->arena, sizeof(*server));
	if (!config->upstreams || !server)
		return -ENOMEM;
	if (add_ways(call, config->upstreams) < 0)
		return -ENOMEM;
	server->transport = UPSTREAM_SYSTEM;
	config->upstreams->name = "system";
	config->upstreams->servers = server;
	config->upstreams->server_count = 1;
	config->upstream_count = 1;
	return 0;
}

int config_upstreams_done(const struct schema_call *call, void *object)
{
	struct config *config = object;
	struct config_names *names = call->walk->context;
	const char **list;

	if (!config->upstream_count && add_system(call, config))
		return -ENOMEM;
	list = arena_array(call->walk->arena, config->upstream_count + 1,
			   sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < config->upstream_count; i++)
		list[i] = config->upstreams[i].name;
	names->upstreams = list;
	return 0;
}

static int parse_upstream_name(const struct schema_call *call, void *target,
			       const char *text)
{
	const struct config_names *names = call->walk->context;
	int index = config_upstream(call->walk->root, text);
	int *out = target;

	if (index < 0)
		return tell_missing(call, "upstream", text, names->upstreams);
	*out = index;
	return 0;
}

static const char *format_upstream_name(const struct schema_key *key,
					const void *root, const void *target,
					char *out)
{
	const struct config *config = root;
	const int *index = target;

	(void)key;
	(void)out;
	return config->upstreams[*index].name;
}

const struct schema_type config_upstream_name = {
	.expected = "the name of an upstream",
	.size = sizeof(int),
	.parse = parse_upstream_name,
	.format = format_upstream_name,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

static const struct schema_word strategy_words[] = {
	{"order", UPSTREAM_ORDER, NULL},
	{"race", UPSTREAM_RACE, NULL},
	{"latency", UPSTREAM_LATENCY, NULL},
	{NULL, 0, NULL},
};

const struct schema_key config_upstream_keys[] = {
	{.name = "servers",
	 .kind = SCHEMA_LIST,
	 .type = &config_upstream_server,
	 .is_required = true,
	 .items_min = 1,
	 .items_max = 16,
	 .help = "The DNS servers, asked as 'strategy' says.",
	 UPSTREAM_AT(servers),
	 .count_at = offsetof(struct upstream_conf, server_count)},
	{.name = "interface",
	 .type = &schema_interface,
	 .help = "The interface that queries leave by; unset: the uplink.",
	 UPSTREAM_AT(interface)},
	{.name = "via",
	 .type = &config_via,
	 .expected = "DIRECT, or an outbound that is not REJECT or PASS",
	 .help = "The outbound that queries leave by; of a group, the member "
		 "that it would choose.",
	 UPSTREAM_AT(via)},
	{.name = "strategy",
	 .type = &schema_word,
	 .words = strategy_words,
	 .fallback = "order",
	 .help = "Which server is asked first: in the order of the list, all "
		 "at once, or the fastest.",
	 UPSTREAM_AT(strategy)},
	{.name = "addresses",
	 .kind = SCHEMA_LIST,
	 .type = &config_address,
	 .items_max = 16,
	 .help = "The addresses of servers that are given by name, as nothing "
		 "can be asked for them.",
	 UPSTREAM_AT(addresses),
	 .count_at = offsetof(struct upstream_conf, address_count)},
	{.name = "ecs",
	 .type = &config_ecs,
	 .fallback = "strip",
	 .help = "What the servers hear of the client's network (EDNS client "
		 "subnet): nothing, what the client says, or a prefix.",
	 UPSTREAM_AT(ecs)},
	{.name = "tls-name",
	 .type = &config_host,
	 .help = "The name in the certificates of servers that are given by "
		 "address; unset: that address.",
	 UPSTREAM_AT(tls_name)},
	{.name = "ca-file",
	 .type = &schema_path,
	 .help = "The authorities whose certificates count; unset: those of "
		 "the system.",
	 UPSTREAM_AT(ca_file)},
	{.name = NULL},
};
