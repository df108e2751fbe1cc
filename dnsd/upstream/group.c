// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/upstream/group.h"

#include "common/log.h"
#include "common/uplink.h"
#include "dnsd/upstream/ways.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PREFER_MS 30000
#define FAILURES_TO_LOG 3
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

const struct upstream_way *group_way(const struct upstream_conf *conf,
				     const struct upstream_server_conf *server)
{
	return &conf->ways[server->way];
}

static void add(struct group *group, const struct upstream_server_conf *server,
		const struct group_self *self, const struct nl_state *state)
{
	if (!group_way(group->conf, server)->proxy &&
	    is_self(&server->endpoint, self, state))
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

static uint64_t mix_text(uint64_t hash, const char *text)
{
	return text ? mix(hash, text, strlen(text) + 1) : hash * 3;
}

static uint64_t mix_endpoint(uint64_t hash, const struct endpoint *endpoint)
{
	hash = mix(hash, &endpoint->addr, sizeof(endpoint->addr));
	return mix(hash, &endpoint->port, sizeof(endpoint->port));
}

static uint64_t mix_way(uint64_t hash, const struct upstream_way *way)
{
	hash = mix_text(hash, way->interface);
	if (!way->proxy)
		return hash;
	hash = mix_text(hash, way->proxy->server_path);
	return mix_endpoint(hash, &way->proxy->server);
}

static uint64_t mix_uplink(uint64_t hash, const struct uplink *uplink)
{
	hash = mix_text(hash, uplink->name);
	hash = mix(hash, &uplink->ifindex, sizeof(uplink->ifindex));
	hash = mix(hash, &uplink->gateway, sizeof(uplink->gateway));
	return mix(hash, &uplink->prefsrc, sizeof(uplink->prefsrc));
}

/* The uplink belongs to it where the servers came with the network. */
static uint64_t make_key(const struct group *group,
			 const struct nl_state *state)
{
	const struct upstream_conf *conf = group->conf;
	struct uplink uplink;
	uint64_t key = mix(UINT64_C(0xcbf29ce484222325), &group->count,
			   sizeof(group->count));

	for (size_t i = 0; i < group->count; i++) {
		const struct upstream_server_conf *server = &group->servers[i];

		key = mix(key, &server->transport, sizeof(server->transport));
		key = mix_endpoint(key, &server->endpoint);
		key = mix_text(key, server->host);
		key = mix_text(key, server->path);
		key = mix_way(key, group_way(conf, server));
	}
	key = mix(key, &conf->ecs.kind, sizeof(conf->ecs.kind));
	key = mix(key, &conf->ecs.prefix, sizeof(conf->ecs.prefix));
	if (group_has_system(conf) && state &&
	    uplink_find(state, ADDR_IPV4, NULL, &uplink) == 0)
		key = mix_uplink(key, &uplink);
	return key;
}

/* By which links its servers, or its proxy, are reached now. */
static uint64_t make_route(const struct group *group,
			   const struct nl_state *state)
{
	uint64_t route = group->key;

	for (size_t i = 0; state && i < group->count; i++) {
		const struct upstream_server_conf *server = &group->servers[i];
		const struct upstream_way *way = group_way(group->conf, server);
		const struct addr *addr = way->proxy ? &way->proxy->server.addr
						     : &server->endpoint.addr;
		struct uplink uplink = {0};
		int ret;

		if (way->proxy && way->proxy->server_path)
			continue;
		ret = uplink_toward(state, addr, way->interface, &uplink);
		route = mix(route, &ret, sizeof(ret));
		if (ret == 0)
			route = mix_uplink(route, &uplink);
	}
	return route;
}

static bool is_same_server(const struct upstream_server_conf *a,
			   const struct upstream_server_conf *b)
{
	return a->transport == b->transport && a->host == b->host &&
	       a->path == b->path && a->way == b->way &&
	       endpoint_equal(&a->endpoint, &b->endpoint);
}

/* What is known of a server goes with it to its new place. */
static void keep_states(struct group *group, const struct group *old)
{
	for (size_t i = 0; i < group->count; i++) {
		group->healths[i] = (struct health){0};
		for (size_t k = 0; k < old->count; k++) {
			if (!is_same_server(&group->servers[i],
					    &old->servers[k]))
				continue;
			group->healths[i] = old->healths[k];
			if (old->loops & 1U << k)
				group->loops |= 1U << i;
			if (k == old->first)
				group->first = i;
		}
	}
}

/* What decides whether a server is this daemon. */
struct around {
	const struct group_self *self;
	const struct nl_state *state;
};

static void add_by_way(struct group *group, uint8_t way,
		       const struct resolvconf *system,
		       const struct around *around)
{
	for (size_t i = 0; i < group->conf->server_count; i++) {
		struct upstream_server_conf one = group->conf->servers[i];

		one.way = way;
		if (one.transport != UPSTREAM_SYSTEM) {
			add(group, &one, around->self, around->state);
			continue;
		}
		for (size_t k = 0; k < system->count; k++) {
			one = (struct upstream_server_conf){
				.transport = UPSTREAM_UDP,
				.endpoint = {system->servers[k], DNS_PORT},
				.way = way,
			};
			add(group, &one, around->self, around->state);
		}
	}
}

void group_fill(struct group *group, const struct resolvconf *system,
		const struct group_self *self, const struct nl_state *state)
{
	const struct around around = {self, state};
	const struct group old = *group;

	group->count = 0;
	group->left_out = 0;
	group->loops = 0;
	group->first = 0;
	for (uint8_t way = 0; way < group->conf->way_count; way++)
		add_by_way(group, way, system, &around);
	keep_states(group, &old);
	group->key = make_key(group, state);
	group->route = make_route(group, state);
}

bool group_is_private(const struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct upstream_server_conf *server = &group->servers[i];

		if (group_way(group->conf, server)->proxy ||
		    !addr_is_private(&server->endpoint.addr))
			return false;
	}
	return group->count > 0;
}

bool group_is_personal(const struct group *group,
		       const struct question *question)
{
	return group->conf->ecs.kind == UPSTREAM_ECS_KEEP &&
	       question->subnet.addr.family != ADDR_NONE;
}

/* What an order depends on. */
struct ordering {
	const struct group *group;
	uint8_t ways[GROUP_SERVERS];
	size_t preferred; /* GROUP_SERVERS: none */
};

/* Is server `a` to be asked before `b`? */
static bool is_before(const struct ordering *ordering, size_t a, size_t b)
{
	const struct group *group = ordering->group;
	const struct health *one = &group->healths[a];
	const struct health *other = &group->healths[b];
	uint8_t way = ordering->ways[group->servers[a].way];
	uint8_t other_way = ordering->ways[group->servers[b].way];

	if (health_is_broken(one) != health_is_broken(other))
		return health_is_broken(other);
	if (a == ordering->preferred || b == ordering->preferred)
		return a == ordering->preferred;
	if (way != other_way)
		return way < other_way;
	/* One that was never measured comes first, to be measured. */
	return group->conf->strategy == UPSTREAM_LATENCY &&
	       one->rtt_us < other->rtt_us;
}

size_t group_order(struct group *group, uint64_t key, int64_t now_ms,
		   uint8_t order[GROUP_SERVERS])
{
	struct ordering ordering = {.group = group, .preferred = GROUP_SERVERS};
	size_t count = 0;

	if (now_ms >= group->until_ms)
		group->first = 0;
	else if (group->conf->way_count > 1)
		ordering.preferred = group->first;
	ways_rank(group, key, ordering.ways);
	for (size_t i = 0; i < group->count; i++) {
		size_t server = (group->first + i) % group->count;
		size_t at = count;

		if (group->loops & 1U << server)
			continue;
		/* Insertion, which leaves equal ones in their order. */
		while (at > 0 && is_before(&ordering, server, order[at - 1])) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = (uint8_t)server;
		count++;
	}
	for (size_t i = 1; i < count; i++)
		health_fade(&group->healths[order[i]]);
	return count;
}

void group_prefer(struct group *group, size_t index, int64_t now_ms)
{
	group->first = index;
	group->until_ms = now_ms + PREFER_MS;
}

void group_forget_preference(struct group *group)
{
	group->until_ms = 0;
}

void group_note_failure(struct group *group, const char *why,
			struct log_limit *limit)
{
	if (++group->failures != FAILURES_TO_LOG || !log_limit_pass(limit))
		return;
	group->is_told = true;
	log_warning("get no answer from %s", why);
}

void group_note_answer(struct group *group)
{
	if (group->is_told)
		log_notice("upstream '%s' answers again", group->conf->name);
	group->is_told = false;
	group->failures = 0;
}

static const char *name_of_way(const struct upstream_way *way)
{
	return way->outbound ? way->outbound->name : NULL;
}

const char *group_server_text(const struct upstream_conf *conf,
			      const struct upstream_server_conf *server,
			      char *out, size_t size)
{
	static const char *const schemes[] = {
		[UPSTREAM_TLS] = "tls://",
		[UPSTREAM_HTTPS] = "https://",
	};
	const char *scheme = server->transport >= UPSTREAM_TLS
				     ? schemes[server->transport]
				     : "";
	const char *way = conf->way_count > 1
				  ? name_of_way(group_way(conf, server))
				  : NULL;
	char text[GROUP_SERVER_TEXT_SIZE];

	if (server->endpoint.addr.family == ADDR_NONE)
		snprintf(text, sizeof(text), "%s:%u", server->host,
			 server->endpoint.port);
	else
		endpoint_format(&server->endpoint, text, sizeof(text));
	snprintf(out, size, "%s%s%s%s", scheme, text, way ? " via " : "",
		 way ? way : "");
	return out;
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

static void append_state(const struct group *group, size_t index, char *out,
			 size_t size, size_t *at)
{
	const struct health *health = &group->healths[index];

	if (group->servers[index].transport == UPSTREAM_TCP)
		append(out, size, at, " (tcp)");
	if (group->loops & 1U << index)
		append(out, size, at, " (asks us: left out)");
	else if (health_is_broken(health))
		append(out, size, at, " (does not answer)");
	else if (group->conf->strategy == UPSTREAM_LATENCY && health->rtt_us)
		append(out, size, at, " (%lld ms)",
		       (long long)health->rtt_us / 1000);
}

const char *group_describe(const struct group *group, char *out, size_t size)
{
	char text[GROUP_SERVER_TEXT_SIZE];
	size_t at = 0;

	append(out, size, &at, "%s", group->count ? "" : "no server");
	for (size_t i = 0; i < group->count; i++) {
		append(out, size, &at, "%s%s", i ? ", " : "",
		       group_server_text(group->conf, &group->servers[i], text,
					 sizeof(text)));
		append_state(group, i, out, size, &at);
	}
	if (group->conf->way_count == 1 && group->conf->ways[0].proxy)
		append(out, size, &at, " via %s",
		       group->conf->ways[0].proxy->name);
	else if (group->conf->interface)
		append(out, size, &at, " by %s", group->conf->interface);
	return out;
}
