// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/udp/udp.h"

#include "common/clock.h"
#include "routed/relay/choice.h"
#include "routed/relay/egress.h"
#include "routed/relay/flow_log.h"
#include "routed/relay/udp/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* An application sends to many from one socket (DHT, torrents). */
	PEERS_A_LEG = 4,
	PIECES = 32,
	/* One name at a time: how long its answer may take. */
	LEARN_MS = 500,
	/* A peer with a real address is but a note: cheap to make anew. */
	NOTE_MS = 60 * 1000,
};

#define TICK_S 0.5

/* --- one datagram --- */

/* Is one question all that is usual there?  Domain, NTP. */
static bool is_short(uint16_t port)
{
	return port == 53 || port == 123;
}

/* A name is asked for the first time when no other one may be meant. */
static bool has_turn(const struct udp *udp, const struct udp_peer *peer)
{
	uint16_t port = udp_peer_tuple(udp->table, peer)->dst.port;

	if (!peer->leg->is_proxy || peer->is_asked ||
	    peer->real.addr.family != ADDR_NONE || peer->leg->asked_count == 0)
		return true;
	for (const struct udp_peer *other = peer->leg->peers; other;
	     other = other->next) {
		if (other->is_asked &&
		    udp->now_ms - other->asked_ms < LEARN_MS &&
		    udp_peer_tuple(udp->table, other)->dst.port == port)
			return false;
	}
	return true;
}

static bool is_ready(const struct udp *udp, const struct udp_peer *peer)
{
	return peer->state == UDP_PEER_READY && peer->leg &&
	       peer->leg->state == UDP_LEG_OPEN && has_turn(udp, peer);
}

/* Who it is for a proxy; false: it cannot be said. */
static bool set_target(struct udp *udp, struct udp_peer *peer,
		       const struct datagram *datagram, struct socks_target *to,
		       struct name *name)
{
	to->endpoint = peer->real;
	to->name = NULL;
	if (peer->real.addr.family != ADDR_NONE)
		return true;
	if (!decider_name(udp->parts->decider, peer->slot, name) ||
	    !socks_address_is_sendable(name))
		return false;
	to->name = name;
	to->endpoint.port = datagram->dst.port;
	if (!peer->is_asked)
		udp_peer_ask(peer, udp->now_ms);
	return true;
}

static void put(struct udp *udp, struct udp_leg *leg,
		const struct datagram *datagram, const struct socks_target *to)
{
	struct outbox_target target = {.head_length = 0};

	if (leg->is_stream) {
		udp_stream_put(udp, leg, datagram, to);
		return;
	}
	if (leg->is_proxy)
		target.head_length = socks_udp_put(target.head, to);
	else
		target.to = to->endpoint;
	outbox_put(udp->outbox, leg, datagram, &target);
}

static void push(struct udp *udp, struct udp_peer *peer,
		 const struct datagram *datagram)
{
	struct udp_leg *leg = peer->leg;
	struct socks_target to = {.endpoint = peer->real};
	struct name name;

	peer->last_ms = leg->last_ms = udp->now_ms;
	leg->is_long |= !is_short(datagram->dst.port);
	if (leg->is_proxy && !set_target(udp, peer, datagram, &to, &name)) {
		udp_refuse(udp, datagram, REFUSAL_HOST);
		return;
	}
	/* Several names may lie at one address: it is the last one's. */
	if (peer->slot > 0 && peer->real.addr.family != ADDR_NONE)
		udp_peer_set_real(udp->table, peer, &peer->real);
	peer->up += datagram->length;
	udp->counters.packets_up +=
		datagram->segment ? (datagram->length + datagram->segment - 1) /
					    datagram->segment
				  : 1;
	udp->counters.bytes_up += datagram->length;
	put(udp, leg, datagram, &to);
}

void udp_wake(struct udp *udp, struct udp_peer *peer)
{
	while (peer->held.count > 0 && is_ready(udp, peer)) {
		struct held *held = held_take(&peer->held);

		push(udp, peer, &held->datagram);
		held_give(udp->held, held);
	}
}

/* --- the end of things --- */

static void forget_peer(struct udp *udp, struct udp_peer *peer, const char *how)
{
	const struct flow_end end = {.how = how, .reason = peer->full};
	struct flow_log *log = udp->parts->log;
	struct udp_line line;

	if ((peer->full ? flow_log_tells_full(log) : flow_log_is_wanted(log)) &&
	    udp_line_at(udp, peer->number, &line))
		flow_log_line(log, "udp", &line, &end);
	held_clear(udp->held, &peer->held);
	if (peer->lookup)
		resolver_stop(peer->lookup);
	policy_unref(peer->policy);
	free(peer->sniffed);
	udp_peer_del(udp->table, peer);
}

void udp_fail(struct udp *udp, struct udp_peer *peer, enum refusal refusal)
{
	struct held *held;

	while ((held = held_take(&peer->held))) {
		udp_refuse(udp, &held->datagram, refusal);
		held_give(udp->held, held);
	}
	forget_peer(udp, peer,
		    refusal == REFUSAL_SILENT ? "closed" : "refused");
}

void udp_end_leg(struct udp *udp, struct udp_leg *leg, enum refusal refusal)
{
	udp_leg_shut(udp, leg);
	while (leg->peers)
		udp_fail(udp, leg->peers, refusal);
	sources_give(udp->sources, &leg->client.addr);
	policy_unref(leg->policy);
	udp_leg_del(udp->table, leg);
}

/* --- packets --- */

static void go_on(struct udp *udp, struct udp_peer *peer,
		  const struct datagram *datagram)
{
	struct udp_leg *leg = peer->leg;

	if (peer->held.count == 0 && is_ready(udp, peer)) {
		push(udp, peer, datagram);
		return;
	}
	if (!held_put(udp->held, &peer->held, datagram))
		udp->counters.dropped++;
	if (peer->state == UDP_PEER_SNIFFING)
		udp_sniff(udp, peer);
	if (leg && leg->state == UDP_LEG_SHUT)
		udp_leg_mend(udp, leg);
	/* The leg may have ended, and taken the peer along. */
	if (leg && leg->state == UDP_LEG_OPEN)
		udp_wake(udp, peer);
}

void udp_on_packet(struct udp *udp, const struct packet *packet,
		   const uint8_t *header)
{
	struct carrier *carrier = udp->parts->carrier;
	struct datagram datagram;
	struct packet whole;
	struct tuple tuple;
	struct udp_peer *peer;

	udp->now_ms = clock_monotonic_ms();
	if (packet_is_for_many(&packet->dst.addr)) {
		carrier_drop(carrier);
		return;
	}
	if (packet->is_fragment) {
		if (!pieces_add(udp->pieces, packet, udp->now_ms, &whole))
			return;
		packet = &whole;
		header = NULL;
	}
	if (datagram_read(&datagram, packet, header) < 0) {
		carrier_drop(carrier);
		return;
	}
	if (datagram.dst.port == UDP_DNS_PORT) {
		udp_dns_ask(udp->dns, &datagram);
		return;
	}
	tuple = (struct tuple){.src = datagram.src, .dst = datagram.dst};
	peer = udp_peer_find(udp->table, &tuple);
	if (peer)
		go_on(udp, peer, &datagram);
	else
		udp_begin(udp, packet, &datagram);
	if (!ev_is_active(&udp->tick))
		ev_timer_again(udp->parts->loop, &udp->tick);
}

/* --- events --- */

/* The error may be another datagram's, which the queue tells of. */
static enum outbox_verdict on_error(void *ctx, struct udp_leg *leg,
				    const struct datagram *datagram, int error)
{
	struct udp *udp = ctx;

	if (leg->is_proxy && error == -ECONNREFUSED) {
		udp_hear_proxy(udp, leg);
		return OUTBOX_AGAIN;
	}
	if (udp_hear(udp, leg) > 0)
		return error == -EMSGSIZE ? OUTBOX_NEXT : OUTBOX_AGAIN;
	udp_refuse(udp, datagram, udp_refusal_of(error));
	return OUTBOX_NEXT;
}

static void on_dropped(void *ctx, unsigned count)
{
	struct udp *udp = ctx;

	udp->counters.dropped += count;
}

static const struct outbox_ops outbox_ops = {
	.on_error = on_error,
	.on_dropped = on_dropped,
};

static void on_turn(struct ev_loop *loop, struct ev_prepare *turn, int revents)
{
	struct udp *udp = turn->data;

	(void)loop, (void)revents;
	outbox_flush(udp->outbox);
}

static void look_at_peer(struct udp *udp, struct udp_peer *peer)
{
	const struct routed_conf *conf = &udp->parts->policy->config->routed;
	int64_t idle_ms = udp->now_ms - peer->last_ms;
	int64_t most_ms = NOTE_MS;

	if (peer->state == UDP_PEER_SNIFFING &&
	    idle_ms >= conf->sniff_wait_ms) {
		udp_sniff_end(udp, peer);
		return;
	}
	if (peer->state != UDP_PEER_READY) {
		if (idle_ms >= conf->connect_timeout_ms)
			udp_fail(udp, peer, REFUSAL_HOST);
		return;
	}
	if (peer->held.count > 0) {
		if (peer->leg->state == UDP_LEG_OPEN)
			udp_wake(udp, peer);
		return;
	}
	if (peer->slot > 0 || conf->udp.idle_ms < NOTE_MS)
		most_ms = conf->udp.idle_ms;
	if (idle_ms >= most_ms)
		forget_peer(udp, peer, "closed");
}

static void look_at_leg(struct udp *udp, struct udp_leg *leg)
{
	const struct routed_conf *conf = &udp->parts->policy->config->routed;
	int64_t most_ms =
		leg->is_long ? conf->udp.idle_ms : conf->udp.idle_short_ms;

	udp->has_older |= leg->policy != udp->parts->policy;
	if (leg->state != UDP_LEG_DIALLING &&
	    udp->now_ms - leg->last_ms >= most_ms)
		udp_end_leg(udp, leg, REFUSAL_SILENT);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct udp *udp = timer->data;

	(void)revents;
	udp->now_ms = clock_monotonic_ms();
	udp_dials_on_time(udp);
	for (uint32_t i = 0; i < udp_peer_end(udp->table); i++) {
		struct udp_peer *peer = udp_peer_at(udp->table, i);

		if (peer)
			look_at_peer(udp, peer);
	}
	udp->has_older = false;
	for (uint32_t i = 0; i < udp_leg_end(udp->table); i++) {
		struct udp_leg *leg = udp_leg_at(udp->table, i);

		if (leg)
			look_at_leg(udp, leg);
	}
	if (udp_peer_count(udp->table) == 0 && udp_leg_count(udp->table) == 0)
		ev_timer_stop(loop, timer);
}

void udp_on_links(struct udp *udp, const struct nl_state *state)
{
	udp->now_ms = clock_monotonic_ms();
	for (uint32_t i = 0; i < udp_leg_end(udp->table); i++) {
		struct udp_leg *leg = udp_leg_at(udp->table, i);

		if (!leg || leg->state == UDP_LEG_SHUT ||
		    egress_is_alive(state, leg->ifindex, &leg->local))
			continue;
		if (leg->is_proxy)
			udp_leg_shut(udp, leg);
		else /* The way may lead by another link now. */
			udp_end_leg(udp, leg, REFUSAL_SILENT);
	}
}

void udp_on_policy(struct udp *udp)
{
	const struct policy *policy = udp->parts->policy;

	udp->now_ms = clock_monotonic_ms();
	for (uint32_t i = 0; i < udp_leg_end(udp->table); i++) {
		struct udp_leg *leg = udp_leg_at(udp->table, i);

		if (leg && leg->policy != policy &&
		    !choice_has_way(policy,
				    leg->policy->outbounds[leg->outbound].conf))
			udp_end_leg(udp, leg, REFUSAL_PORT);
	}
}

void udp_close(struct udp *udp, const struct tuple *tuple)
{
	struct udp_peer *peer = udp_peer_find(udp->table, tuple);

	if (!peer)
		return;
	udp->now_ms = clock_monotonic_ms();
	udp_refuse_peer(udp, peer, REFUSAL_PORT);
	/* Others of the same socket keep the mapping. */
	if (peer->leg && peer->leg->peers == peer && !peer->next)
		udp_end_leg(udp, peer->leg, REFUSAL_PORT);
	else
		udp_fail(udp, peer, REFUSAL_PORT);
}

void udp_stop(struct udp *udp)
{
	for (uint32_t i = 0; i < udp_leg_end(udp->table); i++) {
		struct udp_leg *leg = udp_leg_at(udp->table, i);

		if (leg)
			udp_end_leg(udp, leg, REFUSAL_SILENT);
	}
	for (uint32_t i = 0; i < udp_peer_end(udp->table); i++) {
		struct udp_peer *peer = udp_peer_at(udp->table, i);

		if (peer)
			forget_peer(udp, peer, "closed");
	}
}

/* --- the whole --- */

static int open_parts(struct udp *udp, int link_fd, uint32_t flows)
{
	const struct udp_table_conf conf = {
		.legs = flows,
		.peers = flows * PEERS_A_LEG,
	};
	int ret = udp_table_new(&udp->table, &conf);

	if (ret == 0)
		ret = sources_new(&udp->sources, flows);
	if (ret == 0)
		ret = held_pool_new(&udp->held);
	if (ret == 0)
		ret = pieces_new(&udp->pieces, PIECES);
	if (ret == 0)
		ret = outbox_new(&udp->outbox, &outbox_ops, udp);
	if (ret == 0)
		ret = inbox_new(&udp->inbox);
	if (ret == 0)
		ret = udp_dns_new(&udp->dns, udp);
	if (ret == 0)
		ret = udp_servers_told_new(&udp->servers, link_fd);
	if (ret == 0)
		ret = udp_dials_new(&udp->dials);
	if (ret == 0)
		ret = udp_streams_new(&udp->streams);
	return ret;
}

int udp_new(struct udp **udp, struct parts *parts, int link_fd, uint32_t flows)
{
	struct udp *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->parts = parts;
	new->train.carrier = parts->carrier;
	ev_timer_init(&new->tick, on_tick, TICK_S, TICK_S);
	ev_prepare_init(&new->turn, on_turn);
	new->tick.data = new->turn.data = new;
	ev_prepare_start(parts->loop, &new->turn);
	ret = open_parts(new, link_fd, flows);
	if (ret < 0) {
		udp_free(new);
		return ret;
	}
	*udp = new;
	return 0;
}

void udp_free(struct udp *udp)
{
	if (!udp)
		return;
	if (udp->table)
		udp_stop(udp);
	ev_timer_stop(udp->parts->loop, &udp->tick);
	ev_prepare_stop(udp->parts->loop, &udp->turn);
	udp_dns_free(udp->dns);
	udp_servers_told_free(udp->servers);
	udp_dials_free(udp->dials);
	udp_streams_free(udp->streams);
	inbox_free(udp->inbox);
	outbox_free(udp->outbox);
	pieces_free(udp->pieces);
	held_pool_free(udp->held);
	sources_free(udp->sources);
	udp_table_free(udp->table);
	free(udp);
}
