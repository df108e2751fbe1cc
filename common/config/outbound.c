// SPDX-License-Identifier: BSD-2-Clause
#include "common/config/parts.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define NAME_MAX_BYTES 64
#define CREDENTIAL_MAX 255 /* RFC 1929: a length is one byte */

static const struct outbound_conf built_in[OUTBOUND_FIRST] = {
	[OUTBOUND_DIRECT] = {.name = "DIRECT", .type = OUTBOUND_TYPE_DIRECT},
	[OUTBOUND_REJECT] = {.name = "REJECT", .type = OUTBOUND_TYPE_REJECT},
	[OUTBOUND_REJECT_DROP] = {.name = "REJECT-DROP",
				  .type = OUTBOUND_TYPE_REJECT_DROP},
	[OUTBOUND_PASS] = {.name = "PASS", .type = OUTBOUND_TYPE_PASS},
};

int config_check_name(const struct schema_call *call, const char *name)
{
	size_t length = strlen(name);
	bool is_fit = length > 0 && length <= NAME_MAX_BYTES &&
		      name[0] != ' ' && name[length - 1] != ' ';

	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)name[i] < ' ' || name[i] == ',')
			is_fit = false;
	}
	if (is_fit)
		return 0;
	return schema_error(call,
			    "'%.200s' cannot be a name, expected 1 to %d bytes "
			    "without commas and without spaces at its ends, so "
			    "that rules can write it",
			    name, NAME_MAX_BYTES);
}

static int check_outbound_name(const struct schema_call *call, const char *name)
{
	for (size_t i = 0; i < OUTBOUND_FIRST; i++) {
		if (!strcasecmp(name, built_in[i].name))
			return schema_error(call,
					    "'%s' is the name of a built-in "
					    "outbound, expected another name",
					    name);
	}
	return config_check_name(call, name);
}

#define BIT(type) (1U << (type))
#define PROXIES (BIT(OUTBOUND_TYPE_SOCKS5) | BIT(OUTBOUND_TYPE_HTTP))
#define GROUPS                                                      \
	(BIT(OUTBOUND_TYPE_FALLBACK) | BIT(OUTBOUND_TYPE_LATENCY) | \
	 BIT(OUTBOUND_TYPE_LOAD_BALANCE))

static const struct schema_word type_words[] = {
	{"socks5", OUTBOUND_TYPE_SOCKS5, NULL},
	{"http", OUTBOUND_TYPE_HTTP, NULL},
	{"interface", OUTBOUND_TYPE_INTERFACE, NULL},
	{"reject", OUTBOUND_TYPE_REJECT, NULL},
	{"fallback", OUTBOUND_TYPE_FALLBACK, NULL},
	{"latency", OUTBOUND_TYPE_LATENCY, NULL},
	{"load-balance", OUTBOUND_TYPE_LOAD_BALANCE, NULL},
};

/* Which keys belong to which types. */
static const struct belonging {
	const char *key;
	unsigned types;
	bool is_required;
} belongings[] = {
	{"server", PROXIES, true},
	{"username", PROXIES, false},
	{"password-file", PROXIES, false},
	{"udp", BIT(OUTBOUND_TYPE_SOCKS5), false},
	{"interface", BIT(OUTBOUND_TYPE_INTERFACE), true},
	{"with", BIT(OUTBOUND_TYPE_REJECT), false},
	{"members", GROUPS, true},
	{"probe", GROUPS, false},
	{"tolerance", BIT(OUTBOUND_TYPE_LATENCY), false},
	{"balance", BIT(OUTBOUND_TYPE_LOAD_BALANCE), false},
};

bool config_is_part_of_socks5(const void *object)
{
	const struct outbound_conf *outbound = object;

	return outbound->type == OUTBOUND_TYPE_SOCKS5;
}

bool config_is_part_of_reject(const void *object)
{
	const struct outbound_conf *outbound = object;

	return outbound->type == OUTBOUND_TYPE_REJECT;
}

bool config_is_proxy(enum outbound_type type)
{
	return PROXIES & BIT(type);
}

bool config_is_group(enum outbound_type type)
{
	return GROUPS & BIT(type);
}

bool config_is_part_of_group(const void *object)
{
	const struct outbound_conf *outbound = object;

	return config_is_group(outbound->type);
}

bool config_is_part_of_latency(const void *object)
{
	const struct outbound_conf *outbound = object;

	return outbound->type == OUTBOUND_TYPE_LATENCY;
}

bool config_is_part_of_balance(const void *object)
{
	const struct outbound_conf *outbound = object;

	return outbound->type == OUTBOUND_TYPE_LOAD_BALANCE;
}

/* "socks5 or http" */
static const char *types_text(unsigned types, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_LEN(type_words); i++) {
		if (!(types & BIT(type_words[i].value)))
			continue;
		types &= ~BIT(type_words[i].value);
		used += (size_t)snprintf(out + used, size - used, "%s%s",
					 !used   ? ""
					 : types ? ", "
						 : " or ",
					 type_words[i].word);
	}
	return out;
}

static int check_belonging(const struct schema_call *call,
			   const struct belonging *one, enum outbound_type type)
{
	const struct yaml_entry *entry = yaml_node_find(call->value, one->key);
	bool is_part = one->types & BIT(type);
	struct schema_call at = *call;
	char mine[64], theirs[64];

	types_text(BIT(type), mine, sizeof(mine));
	if (!entry && is_part && one->is_required)
		return schema_error(call,
				    "'%s' has no '%s', expected one with "
				    "'type: %s'",
				    call->path, one->key, mine);
	if (!entry || is_part)
		return 0;
	at.place = entry->key;
	return schema_error(&at,
			    "'%s.%s' is not supported with 'type: %s', "
			    "expected it with 'type: %s' only",
			    call->path, one->key, mine,
			    types_text(one->types, theirs, sizeof(theirs)));
}

static int check_belongings(const struct schema_call *call,
			    enum outbound_type type)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(belongings); i++) {
		int one = check_belonging(call, &belongings[i], type);

		ret = one ? one : ret;
	}
	return ret;
}

/* RFC 7617, 2: the first colon ends the user name. */
static int check_basic(const struct schema_call *call,
		       const struct outbound_conf *outbound)
{
	if (outbound->type != OUTBOUND_TYPE_HTTP || !outbound->username ||
	    !strchr(outbound->username, ':'))
		return 0;
	return schema_error_at(call->walk, &outbound->username,
			       "the user name has a colon, expected one "
			       "without, as HTTP cannot send it");
}

static int check_credentials(const struct schema_call *call,
			     struct outbound_conf *outbound)
{
	outbound->password = "";
	if (outbound->username && strlen(outbound->username) > CREDENTIAL_MAX)
		return schema_error_at(call->walk, &outbound->username,
				       "the user name is too long, expected at "
				       "most %d bytes, as SOCKS5 has no more",
				       CREDENTIAL_MAX);
	if (!outbound->password_file)
		return 0;
	if (!outbound->username)
		return schema_error_at(call->walk, &outbound->password_file,
				       "'%s' has a 'password-file' but no "
				       "'username', expected both or none",
				       call->path);
	return config_load_password(call, outbound);
}

static const char unix_scheme[] = "unix:";

static int parse_path(const struct schema_call *call,
		      struct outbound_conf *outbound, const char *path)
{
	struct sockaddr_un address;

	if (path[0] != '/' || strlen(path) >= sizeof(address.sun_path))
		return schema_error(call,
				    "'%s' cannot be the path of a Unix socket, "
				    "expected an absolute one of at most %zu "
				    "bytes, such as unix:/run/proxy.sock",
				    path, sizeof(address.sun_path) - 1);
	outbound->server_path =
		arena_text(call->walk->arena, path, strlen(path));
	return outbound->server_path ? 0 : -ENOMEM;
}

static int parse_server(const struct schema_call *call, void *target,
			const char *text)
{
	struct outbound_conf *outbound =
		CONTAINER_OF(target, struct outbound_conf, server);

	if (!strncmp(text, unix_scheme, strlen(unix_scheme)))
		return parse_path(call, outbound, text + strlen(unix_scheme));
	return schema_endpoint.parse(call, target, text);
}

static const char *format_server(const struct schema_key *key, const void *root,
				 const void *target, char *out)
{
	const char *object = target;
	const struct outbound_conf *outbound =
		(const void *)(object - offsetof(struct outbound_conf, server));

	if (!outbound->server_path)
		return schema_endpoint.format(key, root, target, out);
	snprintf(out, SCHEMA_TEXT_SIZE, "%s%s", unix_scheme,
		 outbound->server_path);
	return out;
}

const struct schema_type config_server = {
	.expected = "ADDRESS:PORT or unix:/PATH",
	.size = sizeof(struct endpoint),
	.parse = parse_server,
	.format = format_server,
	.json = "\"type\": \"string\", \"minLength\": 1",
};

int config_outbound_each(const struct schema_call *call, void *object)
{
	struct outbound_conf *outbound = object;
	int ret = check_outbound_name(call, outbound->name);

	/* A type that was not understood has been told. */
	if (!call->value || outbound->type == OUTBOUND_TYPE_DIRECT)
		return ret;
	ret = check_belongings(call, outbound->type);
	if (!ret && config_is_group(outbound->type))
		ret = config_check_group(call, outbound);
	if (ret || !config_is_proxy(outbound->type))
		return ret;
	ret = check_basic(call, outbound);
	return ret ? ret : check_credentials(call, outbound);
}

int config_outbounds_done(const struct schema_call *call, void *object)
{
	struct config *config = object;
	struct config_names *names = call->walk->context;
	size_t count = config->outbound_count - OUTBOUND_FIRST;
	const char **list;

	memcpy(config->outbounds, built_in, sizeof(built_in));
	list = arena_array(call->walk->arena, count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		list[i] = config->outbounds[OUTBOUND_FIRST + i].name;
	names->outbounds = list;
	return config_resolve_members(call, config);
}
