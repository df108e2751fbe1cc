// SPDX-License-Identifier: BSD-2-Clause
#include "routed/service.h"

#include "common/clock.h"
#include "common/control.h"
#include "common/err.h"
#include "common/folders.h"
#include "common/log.h"
#include "common/privilege.h"
#include "common/rules_watch.h"
#include "routed/allowed.h"
#include "routed/connections.h"
#include "routed/fixed.h"
#include "routed/flow_owner.h"
#include "routed/groups.h"
#include "routed/host.h"
#include "routed/icmp_exits.h"
#include "routed/inner.h"
#include "routed/memory_file.h"
#include "routed/own_traffic.h"
#include "routed/plan.h"
#include "routed/relays.h"
#include "routed/sockdiag.h"
#include "routed/spawner.h"
#include "routed/tunnels.h"
#include "routed/udp_servers.h"
#include "routed/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_S 1.0
#define HINT_PAUSE_MS 100

struct service {
	struct daemon *daemon; /* borrowed */
	bool is_foreground;
	struct config *config; /* owned, as all of these */
	int config_fd;         /* the text, for relays; -1: none */
	struct identity identity;
	struct spawner *spawner;
	struct ev_loop *loop;
	struct host *host;
	struct sockdiag *diag;
	struct own_traffic *own;
	struct groups *groups; /* NULL: none is exempt */
	struct inner *inner;
	struct relays *relays;
	struct udp_servers udp_servers;
	struct tunnels tunnels;
	struct icmp_exits icmp_exits;
	struct ev_timer look;
	struct log_limit look_limit, mtu_limit;
	int64_t hint_ms; /* when the relay's last hint was followed */
	struct verbs verbs;
	bool is_captured;
	bool is_stopping;
	int status; /* what exit() gets */
};

/* Everything that has to be done before anything else exists. */
static int prepare(struct service *service)
{
	int ret = identity_find(&service->identity, service->config->user);

	if (ret < 0)
		return ret; /* it has told the remedy */
	ret = folders_take(service->daemon, service->config, &service->identity,
			   "routed");
	if (ret < 0)
		return ret;
	ret = spawner_start(&service->spawner, &service->identity,
			    !service->is_foreground);
	if (ret < 0) {
		log_error("cannot start the spawner: %s", err_text(ret));
		return ret;
	}
	/* Not the default loop: that one reaps whoever dies. */
	service->loop = ev_loop_new(EVFLAG_AUTO);
	if (!service->loop) {
		log_error("cannot make the event loop");
		return -ENOMEM;
	}
	return 0;
}

static void end_connections(const struct service *service)
{
	int ret = connections_end(&service->config->dnsd.fake);

	if (ret > 0)
		log_info("ended %d connections that had the TUN's address",
			 ret);
	else if (ret < 0)
		log_info("cannot end connections that have the TUN's address: "
			 "%s; they end by their own time-outs",
			 err_text(ret));
}

/* What was learnt goes to the plan. */
static int tell_host(struct service *service)
{
	struct host_facts facts = {
		.udp_servers = service->udp_servers.list,
		.udp_server_count = service->udp_servers.count,
		.tunnel_ports = service->tunnels.ports,
		.tunnel_port_count = service->tunnels.count,
	};

	facts.uids = own_traffic_uids(service->own, &facts.uid_count);
	facts.far_ends =
		own_traffic_far_ends(service->own, &facts.far_end_count);
	return host_learn(service->host, &facts);
}

static int look_around(struct service *service)
{
	const struct nl_state *state = host_state(service->host);
	const uid_t uid = service->identity.uid;
	int servers =
		udp_servers_find(&service->udp_servers, service->diag, uid);
	int tunnels = tunnels_find(&service->tunnels, service->diag, state,
				   service->config->routed.tun, uid);
	int own = own_traffic_look(service->own, state);

	if (servers < 0 || tunnels < 0 || own < 0)
		return servers < 0 ? servers : tunnels < 0 ? tunnels : own;
	return servers > 0 || tunnels > 0 || own > 0 ? tell_host(service) : 0;
}

/*
 * The kernel tells nobody of sockets that come or go.  So it is asked, but not
 * while there is nothing that could change: of the first UDP server the relay
 * tells.
 */
static void pace_looks(struct service *service)
{
	const struct nl_state *state = host_state(service->host);
	bool is_needed =
		service->udp_servers.count > 0 ||
		tunnels_are_there(state, service->config->routed.tun) ||
		own_traffic_has_local(service->own, state);

	if (!is_needed || !service->is_captured || service->is_stopping)
		ev_timer_stop(service->loop, &service->look);
	else if (!ev_is_active(&service->look))
		ev_timer_again(service->loop, &service->look);
}

static void on_look(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct service *service = timer->data;

	(void)loop;
	(void)revents;
	int ret = look_around(service);
	if (ret < 0 && log_limit_pass(&service->look_limit))
		log_warning("cannot look at this host's sockets: %s",
			    err_text(ret));
	pace_looks(service);
}

/* Uplinks may be others now; for who they are the relay has its own eyes. */
static void on_host_change(void *ctx, const struct nl_state *state)
{
	struct service *service = ctx;

	if (!service->relays)
		return;
	/* A tunnel that comes shakes hands at once. */
	if (service->is_captured && !service->is_stopping &&
	    tunnels_are_there(state, service->config->routed.tun))
		ev_feed_event(service->loop, &service->look, EV_TIMER);
	pace_looks(service);
	icmp_exits_offer(&service->icmp_exits, service->relays, state,
			 service->config->routed.tun);
	int ret = relays_follow_mtu(service->relays);
	if (ret < 0 && log_limit_pass(&service->mtu_limit))
		log_warning("cannot give the TUN the MTU of the uplink: %s",
			    err_text(ret));
}

static int learn(struct service *service)
{
	char why[OWN_WHY_SIZE];
	int ret = sockdiag_open(&service->diag);

	if (ret == 0)
		ret = own_traffic_new(&service->own, service->config,
				      service->diag, service->identity.uid);
	if (ret == 0)
		ret = look_around(service);
	if (ret < 0) {
		log_error("cannot look at this host's sockets: %s",
			  err_text(ret));
		return ret;
	}
	if (!own_traffic_is_known(service->own, host_state(service->host),
				  why)) {
		log_error("cannot start: %s", why);
		return -ENOENT;
	}
	return tell_host(service);
}

/* The last steps that need more than is kept. */
static int start_privileged(struct service *service)
{
	const struct inner_conf inner_conf = {
		.carrier = service->config->routed.carrier,
	};
	char why[GROUPS_WHY_SIZE];
	int ret = host_open(&service->host, service->loop, service->config,
			    on_host_change, service);

	if (ret < 0) {
		log_error("cannot follow the routing state, or write a journal "
			  "in '%s': %s",
			  service->config->run_dir, err_text(ret));
		return ret;
	}
	end_connections(service); /* that a crash may have left */
	ret = learn(service);
	if (ret < 0)
		return ret;
	ret = groups_open(&service->groups, service->loop, service->config,
			  why);
	if (ret < 0) {
		log_error("%s", why);
		return ret;
	}
	ret = inner_new(&service->inner, &inner_conf);
	if (ret < 0) {
		log_error("cannot make the relay's network namespace: %s",
			  err_text(ret));
		return ret;
	}
	ret = privilege_keep_network(service->identity.gid);
	if (ret < 0)
		log_error("cannot give up privileges: %s", err_text(ret));
	return ret;
}

static void fail(struct service *service)
{
	service->status = EXIT_FAILURE;
	service_stop(service);
}

static int open_control(struct service *service)
{
	service->verbs.host = service->host;
	service->verbs.relays = service->relays;
	service->verbs.inner = service->inner;
	service->verbs.config = service->config;
	service->verbs.started_ms = clock_wall_ms();
	return verbs_open(&service->verbs, service->loop, &service->identity);
}

static void become_ready(struct service *service, int tun_ifindex)
{
	char why[HOST_WHY_SIZE] = "";
	int ret = host_capture(service->host, tun_ifindex, why);

	if (ret < 0) {
		log_error("cannot capture, everything is as before: %s",
			  why[0] != '\0' ? why : err_text(ret));
		fail(service);
		return;
	}
	service->is_captured = true;
	if (open_control(service) < 0) {
		fail(service);
		return;
	}
	pace_looks(service);
	log_notice("ready: traffic is captured into '%s'",
		   service->config->routed.tun);
	daemon_ready(service->daemon);
	if (!service->is_foreground)
		log_open("routed", service->config->log_level,
			 LOG_TARGET_SYSLOG);
}

static void on_relay_ready(void *ctx, int tun_ifindex)
{
	struct service *service = ctx;

	service->icmp_exits.count = 0;
	icmp_exits_offer(&service->icmp_exits, service->relays,
			 host_state(service->host),
			 service->config->routed.tun);
	if (service->is_captured)
		host_set_tun(service->host, tun_ifindex);
	else
		become_ready(service, tun_ifindex);
}

static void on_relay_lost(void *ctx, bool will_return)
{
	struct service *service = ctx;

	verbs_on_relay_lost(&service->verbs);
	if (service->is_stopping || !service->is_captured)
		return;
	bool is_closed = host_status(service->host).is_closed;
	if (will_return)
		log_warning("the relay is gone, another one is started; new "
			    "connections %s until then",
			    is_closed ? "are refused" : "go directly");
	host_set_tun(service->host, 0);
	end_connections(service);
}

static void on_give_up(void *ctx)
{
	struct service *service = ctx;

	if (service->is_captured && !host_status(service->host).is_closed)
		log_error("withdraw the capture: traffic goes directly");
	if (service->is_captured)
		host_abandon(service->host);
	fail(service);
}

static void on_stopped(void *ctx)
{
	struct service *service = ctx;

	ev_break(service->loop, EVBREAK_ALL);
}

static void on_owner(void *ctx, uint32_t id, const struct link_flow *flow)
{
	struct service *service = ctx;
	const struct nl_state *state = host_state(service->host);
	struct link_owner owner = {.is_known = 0};
	struct sockdiag_socket socket;
	int outbound = -1;

	if (flow_owner_find(service->diag, flow, &socket) == 0) {
		flow_owner_describe(&socket, flow->wants_process, &owner);
		outbound = own_traffic_whose(service->own, socket.inode, state);
	}
	if (outbound >= 0 &&
	    own_traffic_keep_far_end(service->own, &flow->dst.addr, state)) {
		const struct prefix end = {
			.addr = flow->dst.addr,
			.length = (uint8_t)addr_bits(&flow->dst.addr),
		};
		int ret = host_add_far_end(service->host, &end);
		if (ret == 0)
			ret = tell_host(service);
		if (ret < 0)
			log_warning("cannot exempt the far end of an "
				    "outbound's server: %s",
				    err_text(ret));
	}
	owner.outbound = outbound;
	int ret = relays_answer_owner(service->relays, id, &owner);
	if (ret < 0)
		log_debug("cannot answer the relay: %s", err_text(ret));
}

/* Only a hint: what counts is what is found; ten looks a second at most. */
static void on_udp_server(void *ctx, const struct endpoint *server)
{
	struct service *service = ctx;
	int64_t now_ms = clock_monotonic_ms();

	if (udp_servers_has(&service->udp_servers, server) ||
	    now_ms - service->hint_ms < HINT_PAUSE_MS)
		return;
	service->hint_ms = now_ms;
	on_look(service->loop, &service->look, 0);
}

static void on_counters(void *ctx, uint32_t id,
			const struct link_counters *counters)
{
	struct service *service = ctx;

	verbs_on_counters(&service->verbs, id, counters);
}

static void on_member(void *ctx, const struct link_member *member)
{
	verbs_on_member(&((struct service *)ctx)->verbs, member);
}

static uint32_t on_mtu(void *ctx)
{
	const struct service *service = ctx;

	return plan_tun_mtu(service->config, host_state(service->host));
}

static const struct relays_events relays_events = {
	.on_ready = on_relay_ready,
	.on_lost = on_relay_lost,
	.on_give_up = on_give_up,
	.on_stopped = on_stopped,
	.on_owner = on_owner,
	.on_udp_server = on_udp_server,
	.on_counters = on_counters,
	.on_member = on_member,
	.on_mtu = on_mtu,
};

/* False if it does not fit. */
static bool copy_text(char out[PATH_MAX], const char *text)
{
	size_t length = strlen(text);

	if (length >= PATH_MAX)
		return false;
	memcpy(out, text, length + 1);
	return true;
}

static int start_relays(struct service *service,
			const struct service_conf *conf)
{
	struct relays_conf relays_conf = {
		.setup.log_target = service->is_foreground ? LOG_TARGET_STDERR
							   : LOG_TARGET_SYSLOG,
	};
	struct link_setup *setup = &relays_conf.setup;

	snprintf(relays_conf.tun, sizeof(relays_conf.tun), "%s",
		 service->config->routed.tun);
	service->config_fd = memory_file_make(conf->text, conf->length);
	if (service->config_fd < 0)
		return service->config_fd;
	relays_conf.config_fd = service->config_fd;
	if (!copy_text(setup->config_file, service->config->file) ||
	    !copy_text(setup->state_dir, service->config->state_dir) ||
	    !copy_text(setup->run_dir, service->config->run_dir))
		return -ENAMETOOLONG;
	int ret = relays_new(&service->relays, service->loop, service->spawner,
			     service->inner, &relays_conf);
	if (ret == 0)
		ret = relays_start(service->relays, &relays_events, service);
	return ret;
}

int service_start(struct service **out, const struct service_conf *conf)
{
	struct service *service = calloc(1, sizeof(*service));
	if (!service) {
		config_free(conf->config);
		return -ENOMEM;
	}
	service->daemon = conf->daemon;
	service->is_foreground = conf->is_foreground;
	service->config = conf->config;
	service->config_fd = -1;
	service->look_limit.burst = 1;
	service->mtu_limit.burst = 1;
	ev_timer_init(&service->look, on_look, 0., LOOK_S);
	service->look.data = service;
	int ret = prepare(service);
	if (ret == 0)
		ret = start_privileged(service);
	if (ret < 0)
		goto free_service;
	allowed_enter(ALLOWED_PARENT);
	ret = start_relays(service, conf);
	if (ret < 0) {
		log_error("cannot start a relay: %s", err_text(ret));
		goto free_service;
	}
	*out = service;
	return 0;

free_service:
	service_free(service);
	return ret;
}

int service_run(struct service *service)
{
	ev_run(service->loop, 0);
	return service->status;
}

struct ev_loop *service_loop(struct service *service)
{
	return service->loop;
}

/*
 * Connections are ended while their resets still find the TUN, and once more
 * for those that began meanwhile.
 */
void service_stop(struct service *service)
{
	if (service->is_stopping)
		return;
	service->is_stopping = true;
	ev_timer_stop(service->loop, &service->look);
	verbs_close(&service->verbs);
	if (service->is_captured) {
		end_connections(service);
		host_release(service->host);
		end_connections(service);
	}
	relays_stop(service->relays);
}

int service_reload(struct service *service, struct config *config,
		   const char *text, size_t length)
{
	struct config *old = service->config;
	const char *fixed = fixed_difference(old, config);
	char why[OWN_WHY_SIZE];
	int ret = ERR_CONFIG, config_fd;

	if (fixed) {
		log_error("cannot change '%s' while running: restart for that",
			  fixed);
		goto free_config;
	}
	ret = rules_watch_check(old->rules, config->rules);
	if (ret < 0)
		goto free_config;
	config_fd = memory_file_make(text, length);
	if (config_fd < 0) {
		ret = config_fd;
		goto free_config;
	}
	ret = verbs_follow(&service->verbs, config);
	if (ret < 0) {
		close(config_fd);
		goto free_config;
	}
	ret = relays_set_config(service->relays, config_fd);
	if (ret < 0)
		log_warning("cannot tell the relay of the new configuration: "
			    "%s",
			    err_text(ret));
	host_set_config(service->host, config);
	own_traffic_set_config(service->own, config);
	groups_set_config(service->groups, config);
	service->config = config;
	close(service->config_fd);
	service->config_fd = config_fd;
	config_free(old);
	on_host_change(service, host_state(service->host)); /* as it may say */
	on_look(service->loop, &service->look, 0);
	if (!own_traffic_is_known(service->own, host_state(service->host), why))
		log_warning("%s", why);
	return 0;

free_config:
	config_free(config);
	return ret;
}

void service_free(struct service *service)
{
	if (!service)
		return;
	verbs_close(&service->verbs);
	relays_free(service->relays);
	inner_free(service->inner);
	own_traffic_free(service->own);
	sockdiag_close(service->diag);
	host_close(service->host);
	groups_close(service->groups);
	spawner_stop(service->spawner);
	if (service->loop) {
		ev_timer_stop(service->loop, &service->look);
		ev_loop_destroy(service->loop);
	}
	if (service->config_fd >= 0)
		close(service->config_fd);
	daemon_unlock(service->daemon);
	config_free(service->config);
	free(service);
}
