// SPDX-License-Identifier: BSD-2-Clause
/*
 * From the first datagram to a leg: the rules, whose it is, where its name
 * lies.  The datagram waits meanwhile.
 */
#include "common/clock.h"
#include "common/err.h"
#include "routed/relay/choice.h"
#include "routed/relay/egress.h"
#include "routed/relay/flow_log.h"
#include "routed/relay/intake.h"
#include "routed/relay/udp/parts.h"

#include <errno.h>

/* Of ids of questions to the parent, which go from INQUIRY_UDP on. */
#define TICKET_NUMBER_BITS 20

/* The peer may be gone after this. */
static void join_leg(struct udp *udp, struct udp_peer *peer,
		     const struct addr *to)
{
	const struct endpoint *client = &udp_peer_tuple(udp->table, peer)->src;
	enum refusal refusal;
	struct udp_leg *leg = udp_leg_get(udp, peer, client, to, &refusal);

	if (!leg) {
		udp_fail(udp, peer, refusal);
		return;
	}
	peer->state = UDP_PEER_READY;
	udp_peer_join(peer, leg);
	if (peer->real.addr.family != ADDR_NONE)
		udp_peer_set_real(udp->table, peer, &peer->real);
	if (leg->state == UDP_LEG_SHUT)
		udp_leg_mend(udp, leg);
	/* The leg may have taken it along. */
	if (leg->state == UDP_LEG_OPEN)
		udp_wake(udp, peer);
}

static void on_resolved(void *ctx, const struct resolver_answer *answer);

static int resolve(struct udp *udp, struct udp_peer *peer,
		   enum addr_family family)
{
	struct name name;
	const struct resolver_question question = {
		.name = &name,
		.family = family,
		.fn = on_resolved,
		.ctx = peer,
	};

	if (!decider_name(udp->parts->decider, peer->slot, &name))
		return -ENOENT;
	peer->state = UDP_PEER_RESOLVING;
	return resolver_ask(udp->parts->resolver, &question, &peer->lookup);
}

/* The first one that there is a way to. */
static const struct addr *choose_addr(const struct udp *udp,
				      const struct udp_peer *peer,
				      const struct resolver_answer *answer)
{
	const struct nl_state *state = uplink_watch_state(udp->parts->uplinks);
	const struct egress egress = {
		.outbound = peer->policy->outbounds[peer->outbound].conf,
		.uplink = peer->policy->config->routed.uplink,
	};
	char name[IFNAMSIZ];

	for (size_t i = 0; i < answer->count; i++) {
		if (egress_find(&egress, state, &answer->addrs[i], name) >= 0)
			return &answer->addrs[i];
	}
	return &answer->addrs[0];
}

static void on_resolved(void *ctx, const struct resolver_answer *answer)
{
	struct udp_peer *peer = ctx;
	struct udp *udp = peer->udp;
	const struct endpoint *asked = &udp_peer_tuple(udp->table, peer)->dst;
	enum addr_family other =
		asked->addr.family == ADDR_IPV4 ? ADDR_IPV6 : ADDR_IPV4;

	udp->now_ms = clock_monotonic_ms();
	peer->lookup = NULL;
	if (answer->status == 0) {
		peer->real = (struct endpoint){
			.addr = *choose_addr(udp, peer, answer),
			.port = asked->port};
		join_leg(udp, peer, &peer->real.addr);
		return;
	}
	if (answer->status == ERR_REFUSED && !peer->is_second_family) {
		peer->is_second_family = true;
		if (resolve(udp, peer, other) == 0)
			return;
	}
	udp_fail(udp, peer, REFUSAL_HOST);
}

/* The peer may be gone after this. */
static void route(struct udp *udp, struct udp_peer *peer)
{
	const struct tuple *tuple = udp_peer_tuple(udp->table, peer);
	bool is_proxy = peer->policy->outbounds[peer->outbound].conf->type ==
			OUTBOUND_TYPE_SOCKS5;

	if (peer->slot == 0)
		peer->real = tuple->dst;
	if (peer->slot == 0 || is_proxy)
		join_leg(udp, peer, &tuple->dst.addr);
	else if (resolve(udp, peer, (enum addr_family)tuple->dst.addr.family) <
		 0)
		udp_fail(udp, peer, REFUSAL_HOST);
}

static uint32_t ticket_of(const struct udp_peer *peer)
{
	return INQUIRY_UDP | peer->serial << TICKET_NUMBER_BITS | peer->number;
}

/* Could it be what a proxy on this host sends?  Only the parent knows. */
static bool is_to_be_asked(const struct udp *udp, const struct udp_peer *peer)
{
	const struct policy *policy = peer->policy;

	return policy->has_local_server &&
	       policy->outbounds[peer->outbound].conf->type ==
		       OUTBOUND_TYPE_SOCKS5 &&
	       intake_is_of_this_host(
		       udp->parts, &udp_peer_tuple(udp->table, peer)->src.addr);
}

static void ask_for_owner(struct udp *udp, struct udp_peer *peer)
{
	const struct tuple *tuple = udp_peer_tuple(udp->table, peer);
	const struct link_flow question = {
		.network = NETWORK_UDP,
		.wants_process =
			peer->needs_owner && peer->policy->asks_process,
		.src = tuple->src,
		.dst = tuple->dst,
	};

	peer->state = UDP_PEER_ASKING;
	if (inquiry_ask(udp->parts->inquiry, ticket_of(peer), &question) < 0)
		udp_fail(udp, peer, REFUSAL_HOST);
}

static bool can_carry(enum outbound_type type)
{
	return type == OUTBOUND_TYPE_SOCKS5 || type == OUTBOUND_TYPE_DIRECT ||
	       type == OUTBOUND_TYPE_PASS || type == OUTBOUND_TYPE_INTERFACE;
}

/* False: it is refused, and `refusal` says how. */
static bool may_pass(const struct udp *udp, const struct policy *policy,
		     const struct decision *decision, enum refusal *refusal)
{
	*refusal = REFUSAL_PORT;
	if (decision->needs_name)
		return true;
	if (decision->is_refused) {
		*refusal = decision->refusal;
		return false;
	}
	if (decision->needs_owner)
		return true;
	return can_carry(policy->outbounds[decision->outbound].conf->type) &&
	       !udp_is_refused(udp, policy, decision->outbound, refusal);
}

/* The first one of a group that carries UDP, or the outbound itself. */
static bool choose(const struct udp *udp, const struct policy *policy,
		   const struct tuple *tuple, struct decision *decision,
		   enum refusal *refusal)
{
	const struct choice_key key = {
		.src = tuple->src.addr,
		.dst = tuple->dst.addr,
		.name = decision->name.length > 0 ? &decision->name : NULL,
	};
	struct choice_tried tried = {.count = 0};

	while (!may_pass(udp, policy, decision, refusal)) {
		if (decision->is_refused ||
		    decision->group == decision->outbound ||
		    !choice_add_tried(&tried, decision->outbound))
			return false;
		decision->outbound =
			choice_make(policy, decision->group, &key, &tried);
		if (decision->outbound < 0)
			return false;
		decision->is_refused = decide_is_refused(
			policy, decision->outbound, &decision->refusal);
	}
	return true;
}

static bool take_sniffed(const struct udp_peer *peer, struct name *name)
{
	return peer->sniffed && name_parse(name, peer->sniffed) == 0;
}

void udp_begin_again(struct udp *udp, struct udp_peer *peer)
{
	const struct tuple *tuple = udp_peer_tuple(udp->table, peer);
	struct decision decision = {.outbound = peer->outbound,
				    .group = peer->group};
	enum refusal refusal;

	if (peer->group == peer->outbound)
		return;
	if (!decider_name(udp->parts->decider, peer->slot, &decision.name) &&
	    !take_sniffed(peer, &decision.name))
		decision.name.length = 0;
	if (!choose(udp, peer->policy, tuple, &decision, &refusal))
		return;
	peer->outbound = decision.outbound;
	udp_peer_part(udp->table, peer);
	route(udp, peer);
}

static void adopt(struct udp_peer *peer, const struct decision *decision)
{
	peer->outbound = decision->outbound;
	peer->group = decision->group;
	peer->rule = decision->rule;
	peer->slot = decision->slot;
	peer->needs_owner = decision->needs_owner;
	peer->needs_name = decision->needs_name;
}

/* With what was learnt of it; false: that was a refusal, and it is gone. */
static bool decide_anew(struct udp *udp, struct udp_peer *peer,
			const struct link_owner *owner)
{
	const struct tuple *tuple = udp_peer_tuple(udp->table, peer);
	struct parts *parts = udp->parts;
	struct name sniffed;
	const struct decide_flow asked = {
		.src = tuple->src,
		.dst = tuple->dst,
		.network = NETWORK_UDP,
		.is_askable = intake_is_of_this_host(parts, &tuple->src.addr),
		.owner = owner,
		.is_sniffable = !peer->is_heard_out && peer->held.first &&
				udp_is_sniffable(peer->policy,
						 &peer->held.first->datagram),
		.name = take_sniffed(peer, &sniffed) ? &sniffed : NULL,
	};
	struct decision decision;
	enum refusal refusal;

	decide(parts->decider, peer->policy, &asked, &decision);
	if (!choose(udp, peer->policy, tuple, &decision, &refusal)) {
		udp_fail(udp, peer, refusal);
		return false;
	}
	adopt(peer, &decision);
	return true;
}

bool udp_on_owner(struct udp *udp, uint32_t id, const struct link_owner *owner)
{
	uint32_t number = id & ((1U << TICKET_NUMBER_BITS) - 1);
	struct udp_peer *peer;

	if (id < INQUIRY_UDP)
		return false;
	peer = number < udp_peer_end(udp->table)
		       ? udp_peer_at(udp->table, number)
		       : NULL;
	/* It may have ended meanwhile. */
	if (!peer || ticket_of(peer) != id || peer->state != UDP_PEER_ASKING)
		return true;
	udp->now_ms = clock_monotonic_ms();
	if (peer->needs_owner && owner->outbound < 0 &&
	    !decide_anew(udp, peer, owner))
		return true;
	if (owner->outbound >= 0) {
		udp->parts->counters.own_flows++;
		peer->is_own = true;
		peer->outbound = peer->group = OUTBOUND_DIRECT;
		peer->needs_name = false;
	}
	if (peer->needs_name)
		udp_sniff(udp, peer);
	else
		route(udp, peer);
	return true;
}

static void go_on(struct udp *udp, struct udp_peer *peer)
{
	if (peer->needs_owner || is_to_be_asked(udp, peer))
		ask_for_owner(udp, peer);
	else if (peer->needs_name)
		udp_sniff(udp, peer);
	else
		route(udp, peer);
}

void udp_sniff_end(struct udp *udp, struct udp_peer *peer)
{
	peer->is_heard_out = true;
	if (peer->sniffed)
		udp->parts->counters.sniffed++;
	else
		udp->parts->counters.sniffed_nothing++;
	if (decide_anew(udp, peer, NULL))
		go_on(udp, peer);
}

static void refuse_first(struct udp *udp, const struct packet *packet,
			 enum refusal refusal)
{
	udp->counters.refused++;
	if (refusal == REFUSAL_SILENT)
		carrier_drop(udp->parts->carrier);
	else
		carrier_refuse(udp->parts->carrier, packet, refusal);
}

void udp_begin(struct udp *udp, const struct packet *packet,
	       const struct datagram *datagram)
{
	const struct tuple tuple = {.src = packet->src, .dst = packet->dst};
	struct parts *parts = udp->parts;
	struct decide_flow asked = decide_flow_of(packet);
	struct decision decision;
	struct udp_peer *peer;
	enum refusal refusal;

	asked.is_askable = intake_is_of_this_host(parts, &packet->src.addr);
	asked.is_sniffable = udp_is_sniffable(parts->policy, datagram);
	udp_servers_told_look(udp->servers, &parts->policy->config->dnsd.fake,
			      &packet->src);
	decide(parts->decider, parts->policy, &asked, &decision);
	if (!choose(udp, parts->policy, &tuple, &decision, &refusal)) {
		flow_log_packet(parts->log, packet, &decision);
		refuse_first(udp, packet, refusal);
		return;
	}
	peer = udp_peer_add(udp->table, &tuple);
	if (!peer) {
		flow_log_full(parts->log, packet, &decision,
			      "there are as many flows as there may be");
		refuse_first(udp, packet, REFUSAL_PORT);
		return;
	}
	peer->udp = udp;
	peer->policy = policy_ref(parts->policy);
	adopt(peer, &decision);
	peer->since_ms = clock_wall_ms();
	peer->last_ms = udp->now_ms;
	if (!held_put(udp->held, &peer->held, datagram))
		udp->counters.dropped++;
	go_on(udp, peer);
}
