// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/group.h"

#include "common/uplink.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PREFER_MS 30000
#define DNS_PORT 53

bool group_has_system(const struct upstream_conf *conf)
{
	for (size_t i = 0; i < conf->server_count; i++) {
		if (conf->servers[i].transport == UPSTREAM_SYSTEM)
			return true;
	}
	return false;
}

static bool is_local(const struct addr *addr, const struct nl_state *state)
{
	struct uplink uplink;
	return addr_is_loopback(addr) ||
	       (state && uplink_toward(state, addr, NULL, &uplink) == 1);
}

static bool is_self(const struct endpoint *server,
		    const struct group_self *self, const struct nl_state *state)
{
	for (size_t i = 0; i < self->listen_count; i++) {
		const struct endpoint *listen = &self->listen[i];
		if (endpoint_equal(listen, server))
			return true;
		if (listen->port == server->port &&
		    addr_is_unspecified(&listen->addr) &&
		    listen->addr.family == server->addr.family &&
		    is_local(&server->addr, state))
			return true;
	}
	return false;
}

static void add(struct group *group, const struct upstream_server_conf *server,
		const struct group_self *self, const struct nl_state *state)
{
	if (is_self(&server->endpoint, self, state))
		group->left_out++;
	else if (group->count < GROUP_SERVERS)
		group->servers[group->count++] = *server;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The uplink belongs to it where the servers came with the network. */
static uint64_t make_key(const struct group *group,
			 const struct nl_state *state)
{
	const char *interface = group->conf->interface;
	struct uplink uplink;
	uint64_t key = mix(UINT64_C(0xcbf29ce484222325), &group->count,
			   sizeof(group->count));

	for (size_t i = 0; i < group->count; i++) {
		const struct upstream_server_conf *server = &group->servers[i];

		key = mix(key, &server->transport, sizeof(server->transport));
		key = mix(key, &server->endpoint.addr,
			  sizeof(server->endpoint.addr));
		key = mix(key, &server->endpoint.port,
			  sizeof(server->endpoint.port));
	}
	if (interface)
		key = mix(key, interface, strlen(interface));
	if (group_has_system(group->conf) && state &&
	    uplink_find(state, ADDR_IPV4, NULL, &uplink) == 0) {
		key = mix(key, uplink.name, strlen(uplink.name));
		key = mix(key, &uplink.gateway, sizeof(uplink.gateway));
		key = mix(key, &uplink.prefsrc, sizeof(uplink.prefsrc));
	}
	return key;
}

void group_fill(struct group *group, const struct resolvconf *system,
		const struct group_self *self, const struct nl_state *state)
{
	struct endpoint first = group->servers[group->first].endpoint;

	group->count = 0;
	group->left_out = 0;
	for (size_t i = 0; i < group->conf->server_count; i++) {
		const struct upstream_server_conf *server =
			&group->conf->servers[i];
		if (server->transport != UPSTREAM_SYSTEM) {
			add(group, server, self, state);
			continue;
		}
		for (size_t k = 0; k < system->count; k++) {
			struct upstream_server_conf one = {
				.transport = UPSTREAM_UDP,
				.endpoint = {system->servers[k], DNS_PORT}};
			add(group, &one, self, state);
		}
	}
	if (group->first >= group->count ||
	    !endpoint_equal(&group->servers[group->first].endpoint, &first))
		group->first = 0;
	group->key = make_key(group, state);
}

bool group_is_private(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		if (!addr_is_private(&group->servers[i].endpoint.addr))
			return false;
	}
	return group->count > 0;
}

const struct upstream_server_conf *group_server(struct group *group, size_t nth,
						int64_t now_ms)
{
	if (group->count == 0)
		return NULL;
	if (group->first && now_ms >= group->until_ms)
		group->first = 0;
	return &group->servers[(group->first + nth) % group->count];
}

void group_prefer(struct group *group, const struct endpoint *server,
		  int64_t now_ms)
{
	for (size_t i = 0; i < group->count; i++) {
		if (!endpoint_equal(&group->servers[i].endpoint, server))
			continue;
		group->first = i;
		group->until_ms = now_ms + PREFER_MS;
		return;
	}
}

/* Appends at `*at` and moves it; what does not fit is cut. */
PRINTF_LIKE(4, 5)
static void append(char *out, size_t size, size_t *at, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int length = vsnprintf(out + *at, size - *at, fmt, args);
	va_end(args);
	if (length > 0)
		*at += (size_t)length;
	if (*at >= size)
		*at = size - 1;
}

const char *group_describe(const struct group *group, char *out, size_t size)
{
	char text[ENDPOINT_TEXT_SIZE];
	size_t at = 0;

	append(out, size, &at, "%s", group->count ? "" : "no server");
	for (size_t i = 0; i < group->count; i++) {
		const struct upstream_server_conf *server = &group->servers[i];
		endpoint_format(&server->endpoint, text, sizeof(text));
		append(out, size, &at, "%s%s%s", i ? ", " : "", text,
		       server->transport == UPSTREAM_TCP ? " (tcp)" : "");
	}
	if (group->conf->interface)
		append(out, size, &at, " by %s", group->conf->interface);
	return out;
}
