// SPDX-License-Identifier: BSD-2-Clause
/*
 * "system", "192.0.2.1:53", "tcp://[2001:db8::1]",
 * "tls://192.0.2.1#dns.example", "https://dns.example/dns-query": which server,
 * and how it is asked.
 */
#include "common/config/parts.h"

#include "common/err.h"
#include "common/name.h"

#include <errno.h>
#include <string.h>

#define DOH_PATH "/dns-query"

static const struct scheme {
	const char *prefix;
	bool is_supported;
	enum upstream_transport transport;
	uint16_t port;
} schemes[] = {
	{"udp://", true, UPSTREAM_UDP, 53},
	{"tcp://", true, UPSTREAM_TCP, 53},
	{"tls://", true, UPSTREAM_TLS, 853},
	{"https://", true, UPSTREAM_HTTPS, 443},
	{"h3://", false, UPSTREAM_UDP, 0},
	{"quic://", false, UPSTREAM_UDP, 0},
	{"sdns://", false, UPSTREAM_TCP, 0},
	{"dhcp://", false, UPSTREAM_SYSTEM, 0},
};

static bool has_tls(enum upstream_transport transport)
{
	return transport == UPSTREAM_TLS || transport == UPSTREAM_HTTPS;
}

static bool is_host(const char *text)
{
	struct name name;
	char out[NAME_TEXT_SIZE];

	return name_parse(&name, text) == 0 && name.length > 1 &&
	       !strchr(name_format(&name, out, sizeof(out)), '\\');
}

/* "ADDRESS[:PORT]", or "NAME[:PORT]" where TLS can tell who it is. */
static int parse_where(const struct schema_call *call,
		       struct upstream_server_conf *server, const char *text,
		       uint16_t default_port)
{
	struct arena *arena = call->walk->arena;
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	uint64_t port = default_port;
	char host[NAME_TEXT_SIZE];
	struct addr addr;

	if (!has_tls(server->transport) || length >= sizeof(host) ||
	    !endpoint_parse(&server->endpoint, text, default_port) ||
	    addr_parse(&addr, text) == 0)
		return schema_parse_endpoint(call, &server->endpoint, text,
					     default_port);
	memcpy(host, text, length);
	host[length] = '\0';
	if (!is_host(host) || !strcmp(host, "localhost") ||
	    (colon &&
	     (schema_parse_number(colon + 1, UINT16_MAX, &port) || port == 0)))
		return schema_parse_endpoint(call, &server->endpoint, text,
					     default_port);
	server->endpoint.port = (uint16_t)port;
	server->host = arena_text(arena, host, length);
	return server->host ? 0 : -ENOMEM;
}

/* Cuts "#NAME" and "/PATH" off; `text` is a copy. */
static int parse_ends(const struct schema_call *call,
		      struct upstream_server_conf *server, char *text,
		      const char **name)
{
	struct arena *arena = call->walk->arena;
	char *hash = strchr(text, '#');
	char *slash;

	*name = NULL;
	if (!has_tls(server->transport))
		return 0;
	if (hash) {
		*hash = '\0';
		if (!is_host(hash + 1))
			return schema_error(call,
					    "'%s' behind '#' is no name of a "
					    "host, expected one such as "
					    "dns.example.com",
					    hash + 1);
		*name = hash + 1;
	}
	if (server->transport != UPSTREAM_HTTPS)
		return 0;
	slash = strchr(text, '/');
	server->path = slash ? arena_text(arena, slash, strlen(slash))
			     : arena_text(arena, DOH_PATH, strlen(DOH_PATH));
	if (slash)
		*slash = '\0';
	return server->path ? 0 : -ENOMEM;
}

static int parse_rest(const struct schema_call *call,
		      struct upstream_server_conf *server, const char *text,
		      uint16_t port)
{
	struct arena *arena = call->walk->arena;
	char *copy = arena_text(arena, text, strlen(text));
	const char *name;
	int ret = copy ? 0 : -ENOMEM;

	if (!ret)
		ret = parse_ends(call, server, copy, &name);
	if (!ret)
		ret = parse_where(call, server, copy, port);
	if (ret || !name)
		return ret;
	if (server->host)
		return schema_error(call,
				    "'%s' has a name twice, expected '#NAME' "
				    "behind an address only",
				    text);
	server->host = name;
	return 0;
}

static int parse_server(const struct schema_call *call, void *target,
			const char *text)
{
	static const char *const words[] = {"system", NULL};
	struct upstream_server_conf server = {.transport = UPSTREAM_UDP};
	char expected[SCHEMA_TEXT_SIZE];
	uint16_t port = schemes[0].port;
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
		port = schemes[i].port;
		text += length;
		break;
	}
	if (!strcmp(text, words[0]))
		server.transport = UPSTREAM_SYSTEM;
	else if (diag_nearest(text, words))
		return -EINVAL;
	else
		ret = parse_rest(call, &server, text, port);
	if (!ret)
		memcpy(target, &server, sizeof(server));
	return ret;
}

/* "192.0.2.1:853", or the name alone that a proxy resolves. */
static const char *format_where(const struct upstream_server_conf *server,
				char *out, size_t size)
{
	if (server->endpoint.addr.family != ADDR_NONE)
		return endpoint_format(&server->endpoint, out, size);
	snprintf(out, size, "%s:%u", server->host, server->endpoint.port);
	return out;
}

static const char *format_server(const struct schema_key *key, const void *root,
				 const void *target, char *out)
{
	const struct upstream_server_conf *server = target;
	bool has_name =
		server->host && server->endpoint.addr.family != ADDR_NONE;
	char where[NAME_TEXT_SIZE + 8];
	const char *scheme = "";

	(void)key;
	(void)root;
	switch (server->transport) {
	case UPSTREAM_SYSTEM:
		return "system";
	case UPSTREAM_UDP:
		break;
	case UPSTREAM_TCP:
		scheme = "tcp://";
		break;
	case UPSTREAM_TLS:
		scheme = "tls://";
		break;
	case UPSTREAM_HTTPS:
		scheme = "https://";
		break;
	}
	snprintf(out, SCHEMA_TEXT_SIZE, "%s%s%s%s%s", scheme,
		 format_where(server, where, sizeof(where)),
		 server->path ? server->path : "", has_name ? "#" : "",
		 has_name ? server->host : "");
	return out;
}

const struct schema_type config_upstream_server = {
	.expected = "system, ADDRESS[:PORT], udp://ADDRESS[:PORT], "
		    "tcp://ADDRESS[:PORT], tls://ADDRESS[:PORT][#NAME] or "
		    "https://ADDRESS[:PORT][/PATH][#NAME]",
	.size = sizeof(struct upstream_server_conf),
	.parse = parse_server,
	.format = format_server,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

static int parse_address(const struct schema_call *call, void *target,
			 const char *text)
{
	(void)call;
	return addr_parse(target, text);
}

static const char *format_address(const struct schema_key *key,
				  const void *root, const void *target,
				  char *out)
{
	(void)key;
	(void)root;
	return addr_format(target, out, SCHEMA_TEXT_SIZE);
}

const struct schema_type config_address = {
	.expected = "an address",
	.size = sizeof(struct addr),
	.parse = parse_address,
	.format = format_address,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

static int parse_host(const struct schema_call *call, void *target,
		      const char *text)
{
	const char **host = target;

	if (!is_host(text))
		return -EINVAL;
	*host = arena_text(call->walk->arena, text, strlen(text));
	return *host ? 0 : -ENOMEM;
}

static const char *format_host(const struct schema_key *key, const void *root,
			       const void *target, char *out)
{
	const char *const *host = target;

	(void)key;
	(void)root;
	(void)out;
	return *host;
}

const struct schema_type config_host = {
	.expected = "the name of a host, such as dns.example.com",
	.size = sizeof(const char *),
	.parse = parse_host,
	.format = format_host,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

static int parse_ecs(const struct schema_call *call, void *target,
		     const char *text)
{
	struct upstream_ecs ecs = {.kind = UPSTREAM_ECS_SET};
	int ret = 0;

	if (!strcmp(text, "strip"))
		ecs.kind = UPSTREAM_ECS_STRIP;
	else if (!strcmp(text, "keep"))
		ecs.kind = UPSTREAM_ECS_KEEP;
	else
		ret = schema_parse_prefix(call, &ecs.prefix, text);
	if (!ret)
		memcpy(target, &ecs, sizeof(ecs));
	return ret;
}

static const char *format_ecs(const struct schema_key *key, const void *root,
			      const void *target, char *out)
{
	const struct upstream_ecs *ecs = target;

	(void)key;
	(void)root;
	switch (ecs->kind) {
	case UPSTREAM_ECS_STRIP:
		return "strip";
	case UPSTREAM_ECS_KEEP:
		return "keep";
	case UPSTREAM_ECS_SET:
		break;
	}
	return prefix_format(&ecs->prefix, out, SCHEMA_TEXT_SIZE);
}

const struct schema_type config_ecs = {
	.expected = "strip, keep or a prefix such as 192.0.2.0/24",
	.size = sizeof(struct upstream_ecs),
	.parse = parse_ecs,
	.format = format_ecs,
	.json = "\"type\": \"string\", \"minLength\": 1",
};
