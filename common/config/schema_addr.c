// SPDX-License-Identifier: BSD-2-Clause
#include "common/addr.h"
#include "common/config/schema_type.h"
#include "common/err.h"

#include <errno.h>
#include <string.h>

#define HOST_SIZE 256

int schema_parse_prefix(const struct schema_call *call, struct prefix *prefix,
			const char *text)
{
	char meant[PREFIX_TEXT_SIZE];
	int ret = prefix_parse_masked(prefix, text);

	if (ret <= 0)
		return ret;
	return schema_error(call,
			    "'%s' has bits set beyond its length, expected %s",
			    text, prefix_format(prefix, meant, sizeof(meant)));
}

static int parse_prefix(const struct schema_call *call, void *target,
			const char *text)
{
	struct prefix prefix;
	int ret = schema_parse_prefix(call, &prefix, text);

	if (!ret)
		memcpy(target, &prefix, sizeof(prefix));
	return ret;
}

static const char *format_prefix(const struct schema_key *key, const void *root,
				 const void *target, char *out)
{
	const struct prefix *prefix = target;

	(void)key;
	(void)root;
	return prefix_format(prefix, out, SCHEMA_TEXT_SIZE);
}

const struct schema_type schema_prefix = {
	.expected = "an address or prefix such as 192.0.2.0/24",
	.size = sizeof(struct prefix),
	.parse = parse_prefix,
	.format = format_prefix,
	.json = "\"type\": \"string\", "
		"\"pattern\": \"^[0-9a-fA-F:.]+(/[0-9]{1,3})?$\"",
};

/* "host:port" taken apart without judging either; port NULL: there is none. */
struct halves {
	char host[HOST_SIZE];
	const char *port;
};

static int halve(const char *text, struct halves *halves)
{
	const char *end = text + strlen(text);
	const char *colon = strrchr(text, ':');

	halves->port = NULL;
	if (text[0] == '[') {
		end = strchr(text++, ']');
		if (!end)
			return -EINVAL;
		halves->port = end[1] == ':' ? end + 2 : NULL;
	} else if (colon && colon == strchr(text, ':')) {
		end = colon;
		halves->port = colon + 1;
	}
	if ((size_t)(end - text) >= sizeof(halves->host))
		return -EINVAL;
	memcpy(halves->host, text, (size_t)(end - text));
	halves->host[end - text] = '\0';
	return 0;
}

/* The text is no endpoint: what is it? */
static int endpoint_error(const struct schema_call *call, const char *text,
			  uint16_t default_port)
{
	static const char letters[] = "ghijklmnopqrstuvwxyz"
				      "GHIJKLMNOPQRSTUVWXYZ";
	struct halves halves;
	struct addr addr;
	uint64_t port;
	bool is_addr;

	if (halve(text, &halves) || strstr(text, "://"))
		return -EINVAL;
	is_addr = !addr_parse(&addr, halves.host);
	if (halves.port && !schema_parse_number(halves.port, UINT64_MAX, &port))
		if (!port || port > 65535)
			return schema_error(call,
					    "port %s is out of range, expected "
					    "1 to 65535",
					    halves.port);
	if (is_addr && !halves.port && !default_port)
		return schema_error(call,
				    "'%s' has no port, expected ADDRESS:PORT "
				    "(IPv6: [ADDRESS]:PORT)",
				    text);
	if (!is_addr && strpbrk(halves.host, letters))
		return schema_error(call,
				    "'%s' is a name, expected a numeric "
				    "address (no name can be resolved before "
				    "this is up)",
				    halves.host);
	return -EINVAL;
}

int schema_parse_endpoint(const struct schema_call *call,
			  struct endpoint *endpoint, const char *text,
			  uint16_t default_port)
{
	char local[HOST_SIZE];
	const char *name = "localhost";
	const char *meant = text;

	/* The one name that needs no resolver. */
	if (!strncmp(text, name, strlen(name)) &&
	    (!text[strlen(name)] || text[strlen(name)] == ':')) {
		snprintf(local, sizeof(local), "127.0.0.1%s",
			 text + strlen(name));
		meant = local;
	}
	if (!endpoint_parse(endpoint, meant, default_port) && endpoint->port)
		return 0;
	return endpoint_error(call, meant, default_port);
}

static int parse_endpoint(const struct schema_call *call, void *target,
			  const char *text)
{
	struct endpoint endpoint;
	int ret = schema_parse_endpoint(call, &endpoint, text, call->key->port);

	if (!ret)
		memcpy(target, &endpoint, sizeof(endpoint));
	return ret;
}

static const char *format_endpoint(const struct schema_key *key,
				   const void *root, const void *target,
				   char *out)
{
	const struct endpoint *endpoint = target;

	(void)key;
	(void)root;
	if (endpoint->addr.family == ADDR_NONE)
		return NULL;
	return endpoint_format(endpoint, out, SCHEMA_TEXT_SIZE);
}

const struct schema_type schema_endpoint = {
	.expected = "ADDRESS:PORT",
	.size = sizeof(struct endpoint),
	.parse = parse_endpoint,
	.format = format_endpoint,
	.json = "\"type\": \"string\", \"minLength\": 1",
};
