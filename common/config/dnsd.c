// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include <errno.h>
#include <string.h>

static int parse_query_log(const struct schema_call *call, void *target,
			   const char *text)
{
	const char *none = NULL;

	if (!strcmp(text, "off")) {
		memcpy(target, &none, sizeof(none));
		return 0;
	}
	if (*text != '/' && strcmp(text, "syslog"))
		return -EINVAL;
	return schema_text.parse(call, target, text);
}

static const char *format_query_log(const struct schema_key *key,
				    const void *root, const void *target,
				    char *out)
{
	const char *text;

	memcpy(&text, target, sizeof(text));
	return text ? schema_text.format(key, root, target, out) : "off";
}

const struct schema_type config_query_log = {
	.expected = "off, syslog or the absolute path of a file",
	.size = sizeof(const char *),
	.parse = parse_query_log,
	.format = format_query_log,
	.json = "\"type\": [\"string\", \"boolean\"], "
		"\"pattern\": \"^(off|syslog|/.*)$\"",
};

static int parse_metrics(const struct schema_call *call, void *target,
			 const char *text)
{
	struct endpoint endpoint = {.port = 0};

	if (strcmp(text, "off")) {
		int ret = schema_parse_endpoint(call, &endpoint, text, 0);

		if (ret < 0)
			return ret;
		if (!addr_is_loopback(&endpoint.addr))
			return -EINVAL;
	}
	memcpy(target, &endpoint, sizeof(endpoint));
	return 0;
}

static const char *format_metrics(const struct schema_key *key,
				  const void *root, const void *target,
				  char *out)
{
	const struct endpoint *endpoint = target;

	(void)key, (void)root;
	if (endpoint->addr.family == ADDR_NONE)
		return "off";
	return endpoint_format(endpoint, out, SCHEMA_TEXT_SIZE);
}

const struct schema_type config_metrics = {
	.expected = "off, or ADDRESS:PORT of this host alone, such as "
		    "127.0.0.1:9153",
	.size = sizeof(struct endpoint),
	.parse = parse_metrics,
	.format = format_metrics,
	.json = "\"type\": [\"string\", \"boolean\"], \"minLength\": 1",
};
