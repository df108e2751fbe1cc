// SPDX-License-Identifier: BSD-2-Clause
#include "routed/own_traffic.h"

#include "common/log.h"
#include "routed/owner.h"
#include "routed/unix_listener.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UID_NOBODY 65534
#define OWN_PLACE_SIZE 128

struct own_server {
	int outbound;
	const char *name; /* borrowed from the config */
	struct endpoint endpoint;
	const char *path; /* of a Unix socket, borrowed too; NULL: endpoint */
	char text[OWN_PLACE_SIZE]; /* of either */
	bool is_listening;
	uint32_t inode;     /* of who listens; 0: nobody does */
	bool is_found;      /* the process that listens, too */
	struct owner owner; /* the last one; pid 0: none was ever found */
	bool is_service;    /* its user is its own */
};

struct own_traffic {
	const struct config *config; /* borrowed */
	struct sockdiag *diag;       /* borrowed */
	uid_t relay_uid;
	struct own_server servers[OWN_SERVERS_MAX];
	size_t server_count;
	struct uid_range uids[OWN_SERVERS_MAX];
	size_t uid_count;
	struct prefix far_ends[OWN_FAR_ENDS_MAX];
	size_t far_end_count;
};

bool own_traffic_is_service_uid(uid_t uid, uid_t relay_uid)
{
	return uid != 0 && uid < OWN_SYSTEM_UID_END && uid != relay_uid &&
	       uid != UID_NOBODY;
}

static bool is_used(const struct config *config, int outbound)
{
	for (size_t i = 0; i < rules_count(config->rules); i++) {
		if (config_leads_to(config,
				    rules_at(config->rules, i)->outbound,
				    outbound))
			return true;
	}
	return false;
}

/* What was known of a server of the same name and place. */
static void adopt(struct own_server *server, const struct own_server *old,
		  size_t old_count)
{
	for (size_t i = 0; i < old_count; i++) {
		if (strcmp(old[i].text, server->text) != 0)
			continue;
		server->is_listening = old[i].is_listening;
		server->inode = old[i].inode;
		server->is_found = old[i].is_found;
		server->owner = old[i].owner;
		server->is_service = old[i].is_service;
		return;
	}
}

static void set_text(struct own_server *server)
{
	if (server->path)
		snprintf(server->text, sizeof(server->text), "%s",
			 server->path);
	else
		endpoint_format(&server->endpoint, server->text,
				sizeof(server->text));
}

static bool is_local(const struct own_server *server,
		     const struct nl_state *state)
{
	return server->path || nl_state_is_local(state, &server->endpoint.addr);
}

void own_traffic_set_config(struct own_traffic *own,
			    const struct config *config)
{
	struct own_server *old = own->servers, *now;
	size_t old_count = own->server_count, count = 0;

	own->config = config;
	/* Without memory for a copy nothing is known, and looked for anew. */
	now = calloc(OWN_SERVERS_MAX, sizeof(*now));
	if (!now)
		old_count = 0;
	else
		memcpy(now, old, sizeof(own->servers));
	for (size_t i = 0; i < config->outbound_count; i++) {
		const struct outbound_conf *outbound = &config->outbounds[i];

		if (!config_is_proxy(outbound->type) ||
		    !is_used(config, (int)i) || count == OWN_SERVERS_MAX)
			continue;
		struct own_server *server = &own->servers[count++];
		memset(server, 0, sizeof(*server));
		server->outbound = (int)i;
		server->name = outbound->name;
		server->endpoint = outbound->server;
		server->path = outbound->server_path;
		set_text(server);
		adopt(server, now, old_count);
	}
	own->server_count = count;
	free(now);
}

int own_traffic_new(struct own_traffic **out, const struct config *config,
		    struct sockdiag *diag, uid_t relay_uid)
{
	struct own_traffic *own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->diag = diag;
	own->relay_uid = relay_uid;
	own_traffic_set_config(own, config);
	*out = own;
	return 0;
}

void own_traffic_free(struct own_traffic *own)
{
	free(own);
}

struct listener_search {
	const struct endpoint *endpoint;
	uint32_t exact, wildcard; /* inodes */
};

static void on_listener(void *ctx, const struct sockdiag_socket *socket)
{
	struct listener_search *search = ctx;

	if (addr_equal(&socket->local.addr, &search->endpoint->addr))
		search->exact = socket->inode;
	else if (addr_is_unspecified(&socket->local.addr))
		search->wildcard = socket->inode;
}

/* The inode of who listens there, 0: nobody. */
static int find_listener(struct own_traffic *own,
			 const struct own_server *server, uint32_t *inode)
{
	struct listener_search search = {.endpoint = &server->endpoint};
	const struct sockdiag_query query = {.network = NETWORK_TCP,
					     .states = SOCKDIAG_LISTENING,
					     .port = server->endpoint.port};
	int ret;

	if (server->path)
		return unix_listener_find(server->path, inode);
	ret = sockdiag_each(own->diag, &query, on_listener, &search);
	*inode = search.exact ? search.exact : search.wildcard;
	return ret;
}

int own_traffic_keep_far_end(struct own_traffic *own, const struct addr *addr,
			     const struct nl_state *state)
{
	struct prefix end = {.addr = *addr, .length = (uint8_t)addr_bits(addr)};

	if (nl_state_is_local(state, addr) ||
	    fake_pool_has(&own->config->dnsd.fake, addr))
		return 0;
	for (size_t i = 0; i < own->far_end_count; i++) {
		if (addr_equal(&own->far_ends[i].addr, addr))
			return 0;
	}
	if (own->far_end_count == OWN_FAR_ENDS_MAX)
		return 0;
	own->far_ends[own->far_end_count++] = end;
	return 1;
}

struct connection_search {
	struct own_traffic *own;
	const struct own_server *server;
	const struct nl_state *state;
	uint32_t inodes[OWNER_INODES_MAX]; /* sorted */
	size_t count;
	int added;
};

static int compare_inodes(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void on_connection(void *ctx, const struct sockdiag_socket *socket)
{
	struct connection_search *search = ctx;

	/* What has the server's own port is a client's connection to it. */
	if (socket->local.port == search->server->endpoint.port ||
	    !bsearch(&socket->inode, search->inodes, search->count,
		     sizeof(uint32_t), compare_inodes))
		return;
	search->added += own_traffic_keep_far_end(
		search->own, &socket->remote.addr, search->state);
}

/* The far ends of everything that the server is connected to; how many new. */
static int keep_far_ends(struct own_traffic *own,
			 const struct own_server *server,
			 const struct nl_state *state)
{
	const struct sockdiag_query tcp = {.network = NETWORK_TCP,
					   .states = SOCKDIAG_ESTABLISHED};
	const struct sockdiag_query udp = {.network = NETWORK_UDP,
					   .states = SOCKDIAG_ESTABLISHED};
	struct connection_search *search = calloc(1, sizeof(*search));
	if (!search)
		return -ENOMEM;
	search->own = own;
	search->server = server;
	search->state = state;
	int ret = owner_inodes(server->owner.pid, search->inodes,
			       OWNER_INODES_MAX);
	if (ret > 0) {
		search->count = (size_t)ret;
		qsort(search->inodes, search->count, sizeof(uint32_t),
		      compare_inodes);
		ret = sockdiag_each(own->diag, &tcp, on_connection, search);
	}
	if (ret == 0)
		ret = sockdiag_each(own->diag, &udp, on_connection, search);
	if (ret >= 0)
		ret = search->added;
	free(search);
	return ret;
}

static void tell(const struct own_server *server)
{
	if (!server->is_listening)
		log_warning("nobody listens on %s any more, the server of "
			    "outbound '%s'",
			    server->text, server->name);
	else if (!server->is_found)
		log_warning("cannot find who listens on %s, the server of "
			    "outbound '%s'",
			    server->text, server->name);
	else if (server->is_service)
		log_info("leave all traffic of user %u alone: process %d, the "
			 "server of outbound '%s', is that user",
			 server->owner.uid, server->owner.pid, server->name);
	else
		log_info("leave the traffic of process %d (%s) alone, the "
			 "server of outbound '%s'",
			 server->owner.pid, server->owner.exe, server->name);
}

/* 1 when what is exempt has changed. */
static int meet(struct own_traffic *own, struct own_server *server,
		const struct nl_state *state)
{
	struct owner owner;
	bool was_service = server->is_service;
	int ret = owner_find(&owner, server->inode);

	server->is_found = ret == 0;
	if (!server->is_found)
		return 0;
	server->owner = owner;
	server->is_service =
		own_traffic_is_service_uid(owner.uid, own->relay_uid);
	ret = server->is_service ? 0 : keep_far_ends(own, server, state);
	if (ret < 0)
		return ret;
	return ret > 0 || server->is_service != was_service;
}

static int look_at(struct own_traffic *own, struct own_server *server,
		   const struct nl_state *state)
{
	uint32_t inode = 0;
	int ret = find_listener(own, server, &inode);
	if (ret < 0)
		return ret;

	bool is_same = inode == server->inode;
	if (is_same && (!server->is_listening || server->is_found))
		return 0;
	server->inode = inode;
	server->is_listening = inode != 0;
	server->is_found = false;
	if (server->is_listening)
		ret = meet(own, server, state);
	if (!is_same || server->is_found)
		tell(server);
	return ret;
}

/* From the servers; a user who left his service keeps no exemption. */
static bool gather_uids(struct own_traffic *own)
{
	struct uid_range uids[OWN_SERVERS_MAX];
	size_t count = 0;

	memset(uids, 0, sizeof(uids));
	for (size_t i = 0; i < own->server_count; i++) {
		const struct own_server *server = &own->servers[i];
		uint32_t uid = server->owner.uid;
		bool is_new = server->is_service;

		for (size_t k = 0; k < count; k++)
			is_new = is_new && uids[k].first != uid;
		if (is_new)
			uids[count++] = (struct uid_range){uid, uid};
	}
	bool changed = count != own->uid_count ||
		       memcmp(uids, own->uids, count * sizeof(uids[0])) != 0;
	memcpy(own->uids, uids, sizeof(uids));
	own->uid_count = count;
	return changed;
}

int own_traffic_look(struct own_traffic *own, const struct nl_state *state)
{
	int changed = 0;

	for (size_t i = 0; i < own->server_count; i++) {
		struct own_server *server = &own->servers[i];

		if (!is_local(server, state))
			continue;
		int ret = look_at(own, server, state);
		if (ret < 0)
			return ret;
		changed |= ret;
	}
	return gather_uids(own) || changed;
}

bool own_traffic_has_local(const struct own_traffic *own,
			   const struct nl_state *state)
{
	for (size_t i = 0; i < own->server_count; i++) {
		if (is_local(&own->servers[i], state))
			return true;
	}
	return false;
}

static bool has_exemption(const struct config *config)
{
	return config->routed.exempt.uid_count > 0 ||
	       config->routed.exempt.mark_count > 0 ||
	       config->routed.exempt.cgroup_count > 0 ||
	       config->routed.exempt.prefix_count > 0;
}

bool own_traffic_is_known(const struct own_traffic *own,
			  const struct nl_state *state, char *why)
{
	if (has_exemption(own->config))
		return true;
	for (size_t i = 0; i < own->server_count; i++) {
		const struct own_server *server = &own->servers[i];

		if (!is_local(server, state) || server->is_found)
			continue;
		snprintf(why, OWN_WHY_SIZE,
			 "outbound '%s' is on this host, but %s on %s, so its "
			 "own traffic cannot be told from others': start that "
			 "server first, or name its traffic in routed.exempt "
			 "(uid, mark, address or cgroup)",
			 server->name,
			 server->is_listening ? "it is hidden who listens"
					      : "nobody listens",
			 server->text);
		return false;
	}
	return true;
}

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static bool owns(struct own_traffic *own, struct own_server *server,
		 uint32_t inode, const struct nl_state *state)
{
	if (server->owner.pid == 0)
		return false;
	if (server->is_found && owner_family_has(server->owner.pid, inode))
		return true;
	/* Between two looks another one may have taken its place. */
	if (is_gone(server->owner.pid) && look_at(own, server, state) >= 0 &&
	    server->is_found)
		return owner_family_has(server->owner.pid, inode);
	return !server->is_listening &&
	       owner_program_has(server->owner.exe, server->owner.uid, inode);
}

int own_traffic_whose(struct own_traffic *own, uint32_t inode,
		      const struct nl_state *state)
{
	for (size_t i = 0; inode != 0 && i < own->server_count; i++) {
		if (owns(own, &own->servers[i], inode, state))
			return own->servers[i].outbound;
	}
	return -1;
}

const struct uid_range *own_traffic_uids(const struct own_traffic *own,
					 size_t *count)
{
	*count = own->uid_count;
	return own->uids;
}

const struct prefix *own_traffic_far_ends(const struct own_traffic *own,
					  size_t *count)
{
	*count = own->far_end_count;
	return own->far_ends;
}
