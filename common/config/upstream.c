// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include "common/err.h"

#include <errno.h>
#include <string.h>

#define DNS_PORT 53

/* The forms of a server; one without `is_supported` is known, but later. */
static const struct scheme {
	const char *prefix;
	bool is_supported;
	enum upstream_transport transport;
} schemes[] = {
	{"udp://", true, UPSTREAM_UDP},   {"tcp://", true, UPSTREAM_TCP},
	{"tls://", false, UPSTREAM_TCP},  {"https://", false, UPSTREAM_TCP},
	{"h3://", false, UPSTREAM_UDP},   {"quic://", false, UPSTREAM_UDP},
	{"sdns://", false, UPSTREAM_TCP}, {"dhcp://", false, UPSTREAM_SYSTEM},
};

static int parse_server(const struct schema_call *call, void *target,
			const char *text)
{
	static const char *const words[] = {"system", NULL};
	struct upstream_server_conf server = {.transport = UPSTREAM_UDP};
	char expected[SCHEMA_TEXT_SIZE];
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t length = strlen(schemes[i].prefix);

		if (strncmp(text, schemes[i].prefix, length))
			continue;
		if (!schemes[i].is_supported)
			return schema_error(
				call,
				"'%s' is not supported by this version, "
				"expected %s",
				text, schema_expected(call->key, expected));
		server.transport = schemes[i].transport;
		text += length;
		break;
	}
	if (!strcmp(text, words[0]))
		server.transport = UPSTREAM_SYSTEM;
	else if (diag_nearest(text, words))
		return -EINVAL;
	else
		ret = schema_parse_endpoint(call, &server.endpoint, text,
					    DNS_PORT);
	if (!ret)
		memcpy(target, &server, sizeof(server));
	return ret;
}

static const char *format_server(const struct schema_key *key, const void *root,
				 const void *target, char *out)
{
	const struct upstream_server_conf *server = target;
	char endpoint[ENDPOINT_TEXT_SIZE];

	(void)key;
	(void)root;
	endpoint_format(&server->endpoint, endpoint, sizeof(endpoint));
	switch (server->transport) {
	case UPSTREAM_SYSTEM:
		return "system";
	case UPSTREAM_UDP:
		snprintf(out, SCHEMA_TEXT_SIZE, "%s", endpoint);
		break;
	case UPSTREAM_TCP:
		snprintf(out, SCHEMA_TEXT_SIZE, "tcp://%s", endpoint);
		break;
	}
	return out;
}

const struct schema_type config_upstream_server = {
	.expected = "system, ADDRESS[:PORT], udp://ADDRESS[:PORT] or "
		    "tcp://ADDRESS[:PORT]",
	.size = sizeof(struct upstream_server_conf),
	.parse = parse_server,
	.format = format_server,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

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
	const char **interface = target;

	if (!outbound)
		return tell_missing(call, "outbound", text, names->outbounds);
	switch (outbound->type) {
	case OUTBOUND_TYPE_DIRECT:
		return 0;
	case OUTBOUND_TYPE_INTERFACE:
		*interface = outbound->interface;
		return 0;
	case OUTBOUND_TYPE_SOCKS5:
	case OUTBOUND_TYPE_HTTP:
	case OUTBOUND_TYPE_FALLBACK:
	case OUTBOUND_TYPE_LATENCY:
	case OUTBOUND_TYPE_LOAD_BALANCE:
		return schema_error(call,
				    "'%s: %s' is not supported by this "
				    "version, since that outbound is a %s, "
				    "expected %s",
				    call->path, text,
				    config_is_group(outbound->type) ? "group"
				    : outbound->type == OUTBOUND_TYPE_HTTP
					    ? "HTTP proxy"
					    : "SOCKS5 proxy",
				    call->key->expected);
	case OUTBOUND_TYPE_REJECT:
	case OUTBOUND_TYPE_REJECT_DROP:
	case OUTBOUND_TYPE_PASS:
		break;
	}
	return -EINVAL;
}

const struct schema_type config_via = {
	.parse = parse_via,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

int config_upstream_each(const struct schema_call *call, void *object)
{
	const struct upstream_conf *upstream = object;
	int ret = config_check_name(call, upstream->name);

	if (call->value && yaml_node_find(call->value, "via") &&
	    yaml_node_find(call->value, "interface"))
		ret = schema_error(call,
				   "'%s' has both 'via' and 'interface', "
				   "expected one of them",
				   call->path);
	return ret;
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

const struct schema_key config_upstream_keys[] = {
	{.name = "servers",
	 .kind = SCHEMA_LIST,
	 .type = &config_upstream_server,
	 .is_required = true,
	 .items_min = 1,
	 .items_max = 16,
	 .help = "The DNS servers, asked in this order.",
	 UPSTREAM_AT(servers),
	 .count_at = offsetof(struct upstream_conf, server_count)},
	{.name = "interface",
	 .type = &schema_interface,
	 .help = "The interface that queries leave by; unset: the uplink.",
	 UPSTREAM_AT(interface)},
	{.name = "via",
	 .type = &config_via,
	 .expected = "DIRECT, or an outbound of 'type: interface'",
	 .help = "The outbound that queries leave by.",
	 UPSTREAM_AT(interface)},
	{.name = NULL},
};
