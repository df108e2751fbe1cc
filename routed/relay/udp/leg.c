// SPDX-License-Identifier: BSD-2-Clause
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "routed/relay/choice.h"
#include "routed/relay/egress.h"
#include "routed/relay/scout.h"
#include "routed/relay/udp/parts.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DIALS_MAX = 256,
	BUFFER_SIZE = 1 << 20, /* as much of it as the system allows */
	SMALLEST_MTU = 1280,
	/* A proxy that does not know UDP is asked again after this time ... */
	UNSUPPORTED_MS = 5 * 60 * 1000,
	/* ... and one that could not be reached, or said no, after this. */
	FAULT_MS = 1000,
};

struct udp_dial {
	struct dial dial;
	struct udp_leg *leg; /* NULL: free */
	int64_t deadline_ms;
	struct udp_dial *next_free;
};

struct udp_dials {
	unsigned fresh;
	struct udp_dial *free;
	struct udp_dial pool[DIALS_MAX];
};

int udp_dials_new(struct udp_dials **dials)
{
	*dials = calloc(1, sizeof(**dials));
	return *dials ? 0 : -ENOMEM;
}

void udp_dials_free(struct udp_dials *dials)
{
	free(dials);
}

static struct udp_dial *dial_take(struct udp_dials *dials)
{
	struct udp_dial *dial = dials->free;

	if (dial)
		dials->free = dial->next_free;
	else if (dials->fresh < DIALS_MAX)
		dial = &dials->pool[dials->fresh++];
	return dial;
}

static void dial_give(struct udp_dials *dials, struct udp_leg *leg)
{
	struct udp_dial *dial = leg->dial;

	leg->dial = NULL;
	dial->leg = NULL;
	dial->next_free = dials->free;
	dials->free = dial;
}

void udp_leg_shut(struct udp *udp, struct udp_leg *leg)
{
	outbox_forget(udp->outbox, leg);
	udp_stream_forget(udp, leg);
	if (leg->dial) {
		dial_stop(&leg->dial->dial);
		dial_give(udp->dials, leg);
	}
	poller_forget(udp->parts->poller, &leg->socket);
	poller_forget(udp->parts->poller, &leg->control);
	if (leg->fd >= 0)
		close(leg->fd);
	if (leg->control_fd >= 0)
		close(leg->control_fd);
	leg->fd = leg->control_fd = -1;
	leg->discover = -1;
	leg->state = UDP_LEG_SHUT;
}

/* --- sockets --- */

static void on_socket(void *ctx, struct poller_source *source, uint32_t events)
{
	struct udp_leg *leg = CONTAINER_OF(source, struct udp_leg, socket);
	struct udp *udp = ((struct parts *)ctx)->udp;

	udp->now_ms = clock_monotonic_ms();
	if (events & EPOLLERR)
		(void)udp_hear(udp, leg);
	if (leg->fd >= 0 && inbox_read(udp, leg))
		poller_again(udp->parts->poller, source);
}

static void set_option(int fd, int level, int option, int value)
{
	/* Without one of these a flow is slower or less exact, yet carried. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void set_options(const struct udp_leg *leg)
{
	bool is_ipv6 = leg->family == ADDR_IPV6;
	int level = is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;

	set_option(leg->fd, SOL_SOCKET, SO_RCVBUF, BUFFER_SIZE);
	set_option(leg->fd, SOL_SOCKET, SO_SNDBUF, BUFFER_SIZE);
	set_option(leg->fd, IPPROTO_UDP, UDP_GRO, 1);
	if (leg->is_proxy) {
		set_option(leg->fd, level,
			   is_ipv6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
			   IP_PMTUDISC_DONT);
		return;
	}
	set_option(leg->fd, level, is_ipv6 ? IPV6_RECVERR : IP_RECVERR, 1);
	set_option(leg->fd, level, is_ipv6 ? IPV6_RECVTCLASS : IP_RECVTOS, 1);
	if (is_ipv6)
		set_option(leg->fd, level, IPV6_V6ONLY, 1);
}

static uint32_t mtu_of(const struct udp *udp, int ifindex)
{
	const struct nl_link *link = nl_link_by_index(
		uplink_watch_state(udp->parts->uplinks), ifindex);

	return link && link->mtu > 0 ? link->mtu : SMALLEST_MTU;
}

static struct egress egress_of(const struct udp_leg *leg)
{
	return (struct egress){
		.outbound = leg->policy->outbounds[leg->outbound].conf,
		.uplink = leg->policy->config->routed.uplink,
	};
}

/* A socket by which `to` is reached; with a port it is connected there. */
static int open_socket(struct udp *udp, struct udp_leg *leg,
		       const struct endpoint *to)
{
	const struct egress egress = egress_of(leg);
	struct sockaddr_storage ss;
	socklen_t size = endpoint_to_sockaddr(to, &ss);
	int ret;

	leg->family = to->addr.family;
	leg->fd = socket(addr_af(&to->addr),
			 SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (leg->fd < 0)
		return -errno;
	set_options(leg);
	ret = egress_bind(&egress, uplink_watch_state(udp->parts->uplinks),
			  &to->addr, leg->fd);
	if (ret < 0)
		goto close_fd;
	leg->ifindex = ret;
	leg->mtu_bytes = mtu_of(udp, leg->ifindex);
	ret = 0;
	if (leg->is_proxy && connect(leg->fd, (struct sockaddr *)&ss, size) < 0)
		ret = -errno;
	if (ret == 0) {
		leg->socket.fn = on_socket;
		ret = poller_add(udp->parts->poller, leg->fd, &leg->socket);
	}
	if (ret < 0)
		goto close_fd;
	leg->state = UDP_LEG_OPEN;
	return 0;

close_fd:
	close(leg->fd);
	leg->fd = -1;
	return ret;
}

/* Which of our addresses that link has: its loss is the socket's end. */
static void find_local(struct udp *udp, struct udp_leg *leg)
{
	const struct nl_state *state = uplink_watch_state(udp->parts->uplinks);

	for (size_t i = 0; i < state->addr_count; i++) {
		const struct nl_ifaddr *ifaddr = &state->addrs[i];

		if (ifaddr->ifindex == leg->ifindex &&
		    ifaddr->addr.family == leg->family) {
			leg->local = ifaddr->addr;
			return;
		}
	}
}

/* --- associations --- */

static void log_fault(struct udp *udp, const struct udp_leg *leg,
		      const char *reason, bool is_lasting)
{
	const char *outbound = policy_outbound_name(leg->policy, leg->outbound);

	if (!log_limit_pass(&udp->parts->faults))
		return;
	if (is_lasting)
		log_notice("cannot send UDP by outbound '%s', which does not "
			   "know it: %s",
			   outbound, reason);
	else
		log_warning("cannot send UDP by outbound '%s': %s", outbound,
			    reason);
}

static void on_refused(struct udp *udp, struct udp_leg *leg,
		       const struct dial_failure *failure)
{
	struct policy_outbound *outbound =
		&leg->policy->outbounds[leg->outbound];
	enum refusal refusal = failure->refusal;
	/* It took the name of the protocol for one to be resolved. */
	bool is_unsupported = failure->is_unsupported ||
			      (leg->is_stream && failure->is_answered);
	struct udp_peer *peer, *next;

	if (is_unsupported || refusal == REFUSAL_RESET)
		refusal = REFUSAL_PORT;
	outbound->udp_refusal = refusal;
	outbound->udp_again_ms =
		udp->now_ms + (is_unsupported ? UNSUPPORTED_MS : FAULT_MS);
	log_fault(udp, leg, failure->reason, is_unsupported);
	if (failure->is_outbounds &&
	    choice_note_failure(leg->policy, leg->outbound, udp->now_ms,
				failure->reason))
		scout_tell(udp->parts->scout);
	/* Of a group: by its next member. */
	for (peer = leg->peers; peer; peer = next) {
		next = peer->next;
		udp_begin_again(udp, peer);
	}
	udp_end_leg(udp, leg, refusal);
}

void udp_leg_refuse(struct udp *udp, struct udp_leg *leg, const char *reason)
{
	const struct dial_failure failure = {
		.refusal = REFUSAL_PORT,
		.reason = reason,
		.is_unsupported = true,
	};

	/* What they have sent is gone already. */
	for (const struct udp_peer *peer = leg->peers; peer; peer = peer->next)
		udp_refuse_peer(udp, peer, REFUSAL_PORT);
	on_refused(udp, leg, &failure);
}

static void on_failed(void *ctx, struct dial *dial,
		      const struct dial_failure *failure)
{
	struct udp *udp = ctx;
	struct udp_leg *leg = CONTAINER_OF(dial, struct udp_dial, dial)->leg;

	udp->now_ms = clock_monotonic_ms();
	dial_give(udp->dials, leg);
	on_refused(udp, leg, failure);
}

static void on_dial_socket(void *ctx, struct dial *dial,
			   const struct tuple *own)
{
	struct udp_leg *leg = CONTAINER_OF(dial, struct udp_dial, dial)->leg;

	(void)ctx;
	if (own)
		leg->local = own->src.addr;
	leg->ifindex = dial->ifindex;
}

/* The relay's address, where it is another one than the server's. */
static struct endpoint relay_of(const struct udp_leg *leg,
				const struct dial *dial)
{
	const struct outbound_conf *conf =
		leg->policy->outbounds[leg->outbound].conf;
	struct endpoint relay = socks_bound(&dial->handshake.socks);

	/* One with a Unix socket is on this host. */
	if (conf->server_path) {
		if (relay.addr.family == ADDR_NONE ||
		    addr_is_unspecified(&relay.addr))
			relay.addr = addr_ipv4(INADDR_LOOPBACK);
		return relay;
	}
	if (relay.addr.family == ADDR_NONE || addr_is_unspecified(&relay.addr))
		relay.addr = conf->server.addr;
	/* A server that is reached by a Unix socket is on this host. */
	if (relay.addr.family == ADDR_NONE)
		relay.addr = addr_ipv4(INADDR_LOOPBACK);
	/* A proxy far away that names its own loopback means itself, too. */
	if (addr_is_loopback(&relay.addr) &&
	    conf->server.addr.family != ADDR_NONE &&
	    !addr_is_loopback(&conf->server.addr))
		relay.addr = conf->server.addr;
	return relay;
}

/* Where datagrams go once the proxy has said yes. */
static int open_leg(struct udp *udp, struct udp_leg *leg,
		    const struct dial *dial)
{
	struct endpoint relay;

	if (leg->is_stream) {
		leg->state = UDP_LEG_OPEN;
		udp_stream_start(udp, leg);
		return 0;
	}
	relay = relay_of(leg, dial);
	return relay.port ? open_socket(udp, leg, &relay) : ERR_MALFORMED;
}

static void on_associated(void *ctx, struct dial *dial, int fd, int ifindex)
{
	struct udp *udp = ctx;
	struct udp_leg *leg = CONTAINER_OF(dial, struct udp_dial, dial)->leg;
	int ret;

	(void)ifindex;
	udp->now_ms = clock_monotonic_ms();
	dial_give(udp->dials, leg);
	leg->control_fd = fd;
	ret = open_leg(udp, leg, dial);
	if (ret < 0) {
		const struct dial_failure failure = {
			.refusal = udp_refusal_of(ret),
			.reason = ret == ERR_MALFORMED
					  ? "it names no port for it"
					  : err_text(ret),
		};

		on_refused(udp, leg, &failure);
		return;
	}
	if (choice_note_success(leg->policy, leg->outbound, udp->now_ms))
		scout_tell(udp->parts->scout);
	/* What came together with the reply had no event of its own. */
	poller_again(udp->parts->poller, &leg->control);
	for (struct udp_peer *peer = leg->peers; peer; peer = peer->next)
		udp_wake(udp, peer);
}

static const struct dial_ops dial_ops = {
	.on_socket = on_dial_socket,
	.on_connected = on_associated,
	.on_failed = on_failed,
};

/* While it is dialled the dial hears of it; then its end, or its stream. */
static void on_control(void *ctx, struct poller_source *source, uint32_t events)
{
	struct udp_leg *leg = CONTAINER_OF(source, struct udp_leg, control);
	struct udp *udp = ((struct parts *)ctx)->udp;
	char bytes[64];
	ssize_t n = 1;

	if (leg->dial) {
		dial_on_event(&leg->dial->dial, events);
		return;
	}
	udp->now_ms = clock_monotonic_ms();
	if (leg->is_stream) {
		udp_stream_on_event(udp, leg);
		return;
	}
	while (n > 0)
		n = recv(leg->control_fd, bytes, sizeof(bytes), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	udp_leg_shut(udp, leg);
}

static void start_dial(struct udp *udp, struct udp_leg *leg)
{
	const struct policy *policy = leg->policy;
	const struct outbound_conf *outbound =
		policy->outbounds[leg->outbound].conf;
	struct dial_conf conf = {
		.outbound = &policy->outbounds[leg->outbound],
		.uplink = policy->config->routed.uplink,
		.is_udp = outbound->udp != OUTBOUND_UDP_OVER_TCP,
	};
	static const struct dial_failure too_many = {
		.refusal = REFUSAL_HOST,
		.reason = "too many associations are being made",
	};

	leg->is_stream = !conf.is_udp;
	if (leg->is_stream)
		conf.name = udp_streams_host(udp->streams);
	udp->dialler = udp->parts->dialler;
	udp->dialler.ops = &dial_ops;
	udp->dialler.ctx = udp;
	leg->dial = dial_take(udp->dials);
	if (!leg->dial) {
		log_fault(udp, leg, too_many.reason, false);
		udp_end_leg(udp, leg, too_many.refusal);
		return;
	}
	leg->state = UDP_LEG_DIALLING;
	leg->control.fn = on_control;
	leg->dial->leg = leg;
	leg->dial->deadline_ms =
		udp->now_ms + policy->config->routed.connect_timeout_ms;
	dial_start(&leg->dial->dial, &udp->dialler, &conf, &leg->control);
}

void udp_dials_on_time(struct udp *udp)
{
	for (unsigned i = 0; i < udp->dials->fresh; i++) {
		struct udp_dial *dial = &udp->dials->pool[i];
		struct udp_leg *leg = dial->leg;
		struct dial_failure failure;

		if (!leg || udp->now_ms < dial->deadline_ms)
			continue;
		failure = dial_failure_if_late(&dial->dial);
		dial_stop(&dial->dial);
		dial_give(udp->dials, leg);
		on_refused(udp, leg, &failure);
	}
}

/* --- legs --- */

bool udp_is_refused(const struct udp *udp, const struct policy *policy,
		    int outbound, enum refusal *refusal)
{
	const struct policy_outbound *one = &policy->outbounds[outbound];

	if (one->conf->type != OUTBOUND_TYPE_SOCKS5)
		return false;
	if (one->conf->udp == OUTBOUND_UDP_OFF) {
		*refusal = REFUSAL_PORT;
		return true;
	}
	*refusal = one->udp_refusal;
	return udp->now_ms < one->udp_again_ms;
}

void udp_leg_mend(struct udp *udp, struct udp_leg *leg)
{
	enum refusal refusal;
	struct endpoint any = {.addr.family = leg->family};
	int ret;

	if (leg->is_proxy) {
		if (udp_is_refused(udp, leg->policy, leg->outbound, &refusal))
			udp_end_leg(udp, leg, refusal);
		else
			start_dial(udp, leg);
		return;
	}
	if (leg->peers)
		any.addr = leg->peers->real.addr;
	ret = open_socket(udp, leg, &any);
	if (ret < 0) {
		udp_end_leg(udp, leg, udp_refusal_of(ret));
		return;
	}
	find_local(udp, leg);
}

static struct udp_leg *add_leg(struct udp *udp, const struct udp_way *way,
			       struct udp_peer *peer,
			       const struct endpoint *client)
{
	const struct routed_conf *conf = &udp->parts->policy->config->routed;
	struct udp_leg *leg;

	peer->full = "its source has as many as one may have";
	if (!sources_take(udp->sources, &client->addr,
			  conf->udp.flows_per_source))
		return NULL;
	peer->full = "there are as many flows as there may be";
	leg = udp_leg_add(udp->table, client, way);
	if (!leg) {
		sources_give(udp->sources, &client->addr);
		return NULL;
	}
	peer->full = NULL;
	leg->policy = policy_ref(peer->policy);
	leg->is_proxy = way->family == 0;
	leg->last_ms = udp->now_ms;
	udp->counters.flows_ever++;
	return leg;
}

/* After a reload the mapping that an application has stays what it is. */
static struct udp_leg *take_over(struct udp *udp, const struct udp_way *way,
				 const struct udp_peer *peer,
				 const struct endpoint *client)
{
	const struct outbound_conf *conf =
		peer->policy->outbounds[peer->outbound].conf;

	if (udp->policy_seen != peer->policy) {
		udp->policy_seen = peer->policy;
		udp->has_older = true;
	}
	for (uint32_t i = 0; udp->has_older && i < udp_leg_end(udp->table);
	     i++) {
		struct udp_leg *leg = udp_leg_at(udp->table, i);

		if (!leg || leg->policy == peer->policy ||
		    !endpoint_equal(&leg->client, client) ||
		    (way->family != 0 && (way->family != leg->family ||
					  way->ifindex != leg->ifindex)) ||
		    !choice_is_same_way(
			    leg->policy->outbounds[leg->outbound].conf, conf))
			continue;
		udp_leg_move(udp->table, leg, way);
		policy_unref(leg->policy);
		leg->policy = policy_ref(peer->policy);
		leg->outbound = peer->outbound;
		return leg;
	}
	return NULL;
}

struct udp_leg *udp_leg_get(struct udp *udp, struct udp_peer *peer,
			    const struct endpoint *client,
			    const struct addr *to, enum refusal *refusal)
{
	const struct policy *policy = peer->policy;
	const struct egress egress = {
		.outbound = policy->outbounds[peer->outbound].conf,
		.uplink = policy->config->routed.uplink,
	};
	struct udp_way way = {.policy = policy, .outbound = peer->outbound};
	struct udp_leg *leg;
	char name[IFNAMSIZ];

	if (egress.outbound->type != OUTBOUND_TYPE_SOCKS5) {
		int ret = egress_find(&egress,
				      uplink_watch_state(udp->parts->uplinks),
				      to, name);

		if (ret < 0) {
			*refusal = udp_refusal_of(ret);
			return NULL;
		}
		way.ifindex = ret;
		way.family = to->family;
	}
	leg = udp_leg_find(udp->table, client, &way);
	if (!leg)
		leg = take_over(udp, &way, peer, client);
	if (!leg)
		leg = add_leg(udp, &way, peer, client);
	/* Full: as if nobody were there, for the application to see at once. */
	*refusal = REFUSAL_PORT;
	return leg;
}
