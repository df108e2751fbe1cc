// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/intake.h"

#include "common/clock.h"
#include "common/log.h"
#include "routed/relay/egress.h"
#include "routed/relay/flow_log.h"
#include "routed/relay/icmp/icmp.h"
#include "routed/relay/passage.h"
#include "routed/relay/quota.h"
#include "routed/relay/refuse.h"
#include "routed/relay/sniffing.h"
#include "routed/relay/udp/udp.h"

#include <assert.h>
#include <unistd.h>

#define DNS_PORT 53
/* No system begins with so little: somebody wants to know the way. */
#define PROBE_TTL_MAX 31

/* That of its fake address, or what it said, in `sniffed`; NULL: none. */
static const struct name *name_of(const struct flow *flow, struct name *sniffed)
{
	if (flow->hold->name.length > 0)
		return &flow->hold->name;
	if (flow->sniffed && name_parse(sniffed, flow->sniffed) == 0)
		return sniffed;
	return NULL;
}

/* The outbound that comes after those that were tried; -1: none. */
static int choose_next(const struct parts *parts, const struct flow *flow,
		       const struct choice_tried *tried)
{
	const struct tuple *tuple = flows_tuple(parts->flows, flow);
	struct name sniffed;
	const struct name *name = name_of(flow, &sniffed);
	const struct choice_key key = {
		.src = tuple->src.addr,
		.dst = tuple->dst.addr,
		.name = name,
	};

	return choice_make(flow->policy, flow->group, &key, tried);
}

/* Of a group, is there another one to try behind this? */
static bool has_others(const struct parts *parts, const struct flow *flow)
{
	struct choice_tried tried = flow->hold->tried;

	return flow->group != flow->outbound &&
	       choice_add_tried(&tried, flow->outbound) &&
	       choose_next(parts, flow, &tried) >= 0;
}

static void start_dial(struct parts *parts, struct flow *flow)
{
	struct hold *hold = flow->hold;
	const struct policy *policy = flow->policy;
	struct dial_conf conf = {
		.outbound = &policy->outbounds[flow->outbound],
		.uplink = policy->config->routed.uplink,
		.name = hold->name.length > 0 ? &hold->name : NULL,
		.dst = flows_tuple(parts->flows, flow)->dst,
		.has_others = has_others(parts, flow),
		.ttl = hold->ttl,
	};

	/* Whoever is asked: dnsd answers. */
	if (conf.dst.port == DNS_PORT)
		conf.dst = policy_dnsd(policy);
	dial_start(&hold->dial, &parts->dialler, &conf, &flow->out);
}

/* While it is held the dial hears of the outbound's socket, then the mover. */
static void on_out(void *ctx, struct poller_source *source, uint32_t events)
{
	struct flow *flow = CONTAINER_OF(source, struct flow, out);

	(void)ctx;
	if (flow->state == FLOW_HELD || flow->state == FLOW_SNIFFING)
		dial_on_event(&flow->hold->dial, events);
	else
		mover_note(&flow->mover, MOVER_OUT, events);
}

/* The TUN's own address may be younger than the last look at the links. */
bool intake_is_of_this_host(const struct parts *parts, const struct addr *addr)
{
	const struct nl_state *state = uplink_watch_state(parts->uplinks);
	const struct fake_pool *pool = &parts->policy->config->dnsd.fake;

	if (fake_pool_has(pool, addr))
		return true;
	for (size_t i = 0; i < state->addr_count; i++) {
		if (addr_equal(&state->addrs[i].addr, addr))
			return true;
	}
	return false;
}

struct backlog *intake_backlog(const struct parts *parts,
			       const struct addr *src)
{
	return parts->backlog[intake_is_of_this_host(parts, src)];
}

/* Could this be a connection that a proxy on this host makes? */
static bool is_to_be_asked(const struct parts *parts, const struct flow *flow)
{
	const struct policy *policy = flow->policy;

	return policy->has_local_server &&
	       config_leads_to_proxy(policy->config, flow->group) &&
	       intake_is_of_this_host(
		       parts, &flows_tuple(parts->flows, flow)->src.addr);
}

/* A pool or a quota is used up. */
static const char *note_full(struct parts *parts, enum link_refused why)
{
	parts->counters.refused[why]++;
	return why == LINK_REFUSED_FULL
		       ? "there are as many flows as there may be"
		       : "its source has as many as one may have";
}

/* NULL: there is no room, and `why` says of what. */
static struct flow *hold_flow(struct parts *parts,
			      const struct decide_flow *asked,
			      const uint8_t *frame, size_t length,
			      const char **why)
{
	const struct tuple copy = {.src = asked->src, .dst = asked->dst};
	const struct tuple *tuple = &copy;
	bool is_ours = asked->is_askable;
	struct flow *flow = flows_add(parts->flows, tuple);

	if (!flow) {
		*why = note_full(parts, LINK_REFUSED_FULL);
		return NULL;
	}
	flow->policy = policy_ref(parts->policy);
	flow->hold =
		holds_take(parts->holds, flow, clock_monotonic_ms(),
			   parts->policy->config->routed.connect_timeout_ms);
	if (!flow->hold) {
		*why = note_full(parts, LINK_REFUSED_FULL);
		goto forget_flow;
	}
	if (!is_ours && !quota_take(parts->quota, flow, &tuple->src.addr)) {
		*why = note_full(parts, LINK_REFUSED_QUOTA);
		goto give_hold;
	}
	*why = "its SYN is too large";
	if (!hold_keep(flow->hold, frame, length))
		goto give_hold;
	return flow;

give_hold:
	holds_give(parts->holds, flow->hold);
forget_flow:
	passage_forget(parts, flow);
	return NULL;
}

static const struct dial_failure unanswered = {
	.refusal = REFUSAL_HOST,
	.reason = "routed does not say whose it is",
	.is_outbounds = true,
};

/* An hour is more than any step of a set-up takes. */
static uint32_t since(int64_t then_us)
{
	return (uint32_t)(clock_monotonic_us() - then_us);
}

static void ask_for_owner(struct parts *parts, struct flow *flow)
{
	const struct tuple *tuple = flows_tuple(parts->flows, flow);
	const struct link_flow question = {
		.network = NETWORK_TCP,
		.wants_process =
			flow->hold->needs_owner && flow->policy->asks_process,
		.src = tuple->src,
		.dst = tuple->dst,
	};

	flow->hold->asked_us = clock_monotonic_us();
	if (inquiry_ask(parts->inquiry, flow->hold->ticket, &question) < 0)
		refuse_flow(parts, flow, &unanswered);
}

static void adopt(struct flow *flow, const struct decision *decision)
{
	flow->outbound = decision->outbound;
	flow->group = decision->group;
	flow->rule = decision->rule;
	flow->slot = decision->slot;
	if (decision->slot > 0)
		flow->hold->name = decision->name;
	flow->hold->needs_owner = decision->needs_owner;
	flow->hold->needs_name = decision->needs_name;
	flow->setup.map_us += decision->map_us;
	flow->setup.rules_us += decision->rules_us;
}

void intake_go_on(struct parts *parts, struct flow *flow)
{
	if (flow->hold->needs_owner || is_to_be_asked(parts, flow))
		ask_for_owner(parts, flow);
	else if (flow->hold->needs_name)
		sniffing_enter(parts, flow);
	else
		start_dial(parts, flow);
}

static void begin(struct parts *parts, const struct packet *packet,
		  const uint8_t *frame, size_t length)
{
	struct decide_flow asked = decide_flow_of(packet);
	struct decision decision;
	const char *why;
	struct flow *flow;

	asked.is_askable = intake_is_of_this_host(parts, &packet->src.addr);
	asked.is_sniffable = sniffing_is_wanted(parts->policy, &packet->dst);
	decide(parts->decider, parts->policy, &asked, &decision);
	if (packet->dst.port == DNS_PORT)
		decision = (struct decision){.outbound = OUTBOUND_DIRECT};
	if (decision.is_refused && !decision.needs_name) {
		parts->counters.refused[decision.rule ? LINK_REFUSED_RULE
						      : LINK_REFUSED_UNKNOWN]++;
		flow_log_packet(parts->log, packet, &decision);
		refuse_packet(parts, packet, decision.refusal);
		return;
	}
	if (length > HOLD_FRAME_MAX) {
		carrier_drop(parts->carrier);
		return;
	}
	flow = hold_flow(parts, &asked, frame, length, &why);
	if (!flow) {
		flow_log_full(parts->log, packet, &decision, why);
		refuse_packet(parts, packet, REFUSAL_RESET);
		return;
	}
	parts->counters.flows_ever++;
	adopt(flow, &decision);
	flow->hold->ttl = packet->ttl <= PROBE_TTL_MAX ? packet->ttl : 0;
	flow->since_ms = clock_wall_ms();
	flow->out.fn = on_out;
	intake_go_on(parts, flow);
}

/* The application sends its SYN again, or uses its port for a new flow. */
static void on_known(struct parts *parts, struct flow *flow,
		     const uint8_t *frame, size_t length)
{
	switch (flow->state) {
	case FLOW_HELD:
		if (!hold_keep(flow->hold, frame, length))
			carrier_drop(parts->carrier);
		return;
	case FLOW_ENTERING:
	case FLOW_SNIFFING:
	case FLOW_OPEN:
		carrier_inject(parts->carrier, frame, length);
		return;
	case FLOW_NONE:
		break;
	}
	assert(!"a flow without a state was found");
}

static void on_loop(struct parts *parts, const struct packet *packet)
{
	char src[ENDPOINT_TEXT_SIZE], dst[ENDPOINT_TEXT_SIZE];

	parts->counters.loops++;
	refuse_packet(parts, packet, REFUSAL_RESET);
	if (log_limit_pass(&parts->failures))
		log_warning("refused our own connection from %s to '%s', which "
			    "came back to the TUN",
			    endpoint_format(&packet->src, src, sizeof(src)),
			    endpoint_format(&packet->dst, dst, sizeof(dst)));
}

void intake_on_syn(struct parts *parts, const struct packet *packet,
		   const uint8_t *frame, size_t length)
{
	const struct tuple tuple = {.src = packet->src, .dst = packet->dst};
	struct flow *flow = flows_find(parts->flows, &tuple);

	if (holds_has_own(parts->holds, &tuple)) {
		on_loop(parts, packet);
		return;
	}
	if (flow && flow->state == FLOW_OPEN && passage_is_over(flow)) {
		passage_reset(parts, flow);
		flow = NULL;
	}
	if (flow)
		on_known(parts, flow, frame, length);
	else if (packet_is_for_many(&packet->dst.addr))
		carrier_drop(parts->carrier);
	else
		begin(parts, packet, frame, length);
}

bool intake_decide_anew(struct parts *parts, struct flow *flow,
			const struct link_owner *owner)
{
	const struct tuple *tuple = flows_tuple(parts->flows, flow);
	struct name sniffed;
	const struct decide_flow asked = {
		.src = tuple->src,
		.dst = tuple->dst,
		.network = NETWORK_TCP,
		.is_askable = intake_is_of_this_host(parts, &tuple->src.addr),
		.owner = owner,
		.is_sniffable = sniffing_is_wanted(flow->policy, &tuple->dst),
		.name = name_of(flow, &sniffed),
	};
	struct dial_failure rejected = {.reason = "its rule rejects it",
					.is_rejected = true};
	struct decision decision;

	decide(parts->decider, flow->policy, &asked, &decision);
	adopt(flow, &decision);
	if (!decision.is_refused || decision.needs_name)
		return true;
	rejected.refusal = decision.refusal;
	refuse_flow(parts, flow, &rejected);
	return false;
}

void intake_on_owner(struct parts *parts, uint32_t id,
		     const struct link_owner *owner)
{
	struct hold *hold = holds_by_ticket(parts->holds, id);

	/* The flow may have ended meanwhile. */
	if (!hold || hold->asked_us == 0 || hold->dial.phase != DIAL_NONE)
		return;
	hold->flow->setup.owner_us += since(hold->asked_us);
	hold->asked_us = 0;
	if (hold->needs_owner && owner->outbound < 0 &&
	    !intake_decide_anew(parts, hold->flow, owner))
		return;
	if (owner->outbound >= 0) {
		parts->counters.own_flows++;
		hold->flow->is_own = true;
		hold->flow->outbound = OUTBOUND_DIRECT;
		hold->flow->group = OUTBOUND_DIRECT;
		hold->needs_name = false;
	}
	if (hold->needs_name)
		sniffing_enter(parts, hold->flow);
	else
		start_dial(parts, hold->flow);
}

static void on_socket(void *ctx, struct dial *dial, const struct tuple *own)
{
	struct parts *parts = ctx;
	struct hold *hold = CONTAINER_OF(dial, struct hold, dial);

	hold->flow->ifindex = dial->ifindex;
	if (!own)
		return;
	hold->flow->local = own->src.addr;
	holds_set_own(parts->holds, hold, own);
}

static void on_connected(void *ctx, struct dial *dial, int fd, int ifindex)
{
	struct parts *parts = ctx;
	struct hold *hold = CONTAINER_OF(dial, struct hold, dial);
	struct flow *flow = hold->flow;

	hold->entered_us = clock_monotonic_us();
	flow->setup.connect_us =
		(uint32_t)(dial->reached_us - dial->started_us);
	flow->setup.handshake_us =
		(uint32_t)(hold->entered_us - dial->reached_us);
	icmp_on_connected(parts->icmp, &flows_tuple(parts->flows, flow)->dst);
	flow->ifindex = ifindex;
	scout_on_connected(parts->scout, flow->policy, flow->outbound);
	/* Until its proper end: the far end must not take a crash for one. */
	mover_arm_reset(fd);
	if (flow->state == FLOW_SNIFFING) {
		sniffing_on_connected(parts, flow, fd);
		return;
	}
	flow->state = FLOW_ENTERING;
	mover_start(&flow->mover, -1, fd);
	holds_enter(parts->holds, hold, clock_monotonic_ms());
	carrier_inject(parts->carrier, hold->frame, hold->frame_length);
}

/* What the outbound's own fault says of it. */
static void note_failure(struct parts *parts, const struct flow *flow,
			 const struct dial_failure *failure)
{
	if (failure->is_outbounds &&
	    choice_note_failure(flow->policy, flow->outbound,
				clock_monotonic_ms(), failure->reason))
		scout_tell(parts->scout);
}

/* The next member of the group instead; false: there is none. */
static bool try_next(struct parts *parts, struct flow *flow,
		     const struct dial_failure *failure)
{
	struct dial_failure rejected = {.reason = "the group's last resort",
					.is_rejected = true};
	int next = -1;

	if (!failure->is_outbounds || flow->group == flow->outbound)
		return false;
	if (choice_add_tried(&flow->hold->tried, flow->outbound))
		next = choose_next(parts, flow, &flow->hold->tried);
	if (next < 0)
		return false;
	refuse_log(parts, flow, failure);
	flow->outbound = next;
	if (decide_is_refused(flow->policy, next, &rejected.refusal))
		refuse_flow(parts, flow, &rejected);
	else
		start_dial(parts, flow);
	return true;
}

static void on_failed(void *ctx, struct dial *dial,
		      const struct dial_failure *failure)
{
	struct hold *hold = CONTAINER_OF(dial, struct hold, dial);
	struct parts *parts = ctx;

	note_failure(parts, hold->flow, failure);
	if (!try_next(parts, hold->flow, failure))
		refuse_flow(parts, hold->flow, failure);
}

const struct dial_ops intake_dial_ops = {
	.on_socket = on_socket,
	.on_connected = on_connected,
	.on_failed = on_failed,
};

void intake_on_accepted(struct parts *parts, int fd, const struct tuple *tuple)
{
	struct flow *flow = flows_find(parts->flows, tuple);

	if (!flow || flow->state != FLOW_ENTERING) {
		mover_arm_reset(fd);
		close(fd);
		return;
	}
	flow->setup.accept_us = since(flow->hold->entered_us);
	backlog_note_flow(intake_backlog(parts, &tuple->src.addr));
	if (flow->hold->needs_name) {
		sniffing_on_accepted(parts, flow, fd);
		return;
	}
	quota_open(parts->quota, flow, &tuple->src.addr);
	holds_give(parts->holds, flow->hold);
	flow->hold = NULL;
	passage_open(parts, flow, fd);
}

void intake_on_time(struct parts *parts)
{
	int64_t now_ms = clock_monotonic_ms();
	struct hold *hold;

	while ((hold = holds_late(parts->holds, now_ms))) {
		struct flow *flow = hold->flow;

		struct dial_failure failure;

		/* An application that does not answer our SYN-ACK is gone. */
		if (flow->state == FLOW_ENTERING) {
			refuse_silently(parts, flow);
			continue;
		}
		if (hold->needs_name && flow->state == FLOW_SNIFFING) {
			sniffing_on_silence(parts, flow);
			continue;
		}
		failure = hold->dial.phase == DIAL_NONE
				  ? unanswered
				  : dial_failure_if_late(&hold->dial);
		if (hold->dial.phase != DIAL_NONE)
			note_failure(parts, flow, &failure);
		refuse_flow(parts, flow, &failure);
	}
}

void intake_on_links(struct parts *parts, const struct nl_state *state)
{
	static const struct dial_failure link_gone = {
		.refusal = REFUSAL_RESET,
		.reason = "its link is gone",
		.is_closed = true,
	};

	policy_look_around(parts->policy, state);
	icmp_on_links(parts->icmp, state);
	udp_on_links(parts->udp, state);
	for (uint32_t i = 0; i < flows_end(parts->flows); i++) {
		struct flow *flow = flows_at(parts->flows, i);

		if (!flow ||
		    egress_is_alive(state, flow->ifindex, &flow->local))
			continue;
		if (flow->state == FLOW_OPEN) {
			passage_reset(parts, flow);
		} else if (flow->state == FLOW_ENTERING) {
			refuse_flow(parts, flow, &link_gone);
		} else {
			dial_stop(&flow->hold->dial);
			start_dial(parts, flow);
		}
	}
}

void intake_close(struct parts *parts, const struct link_flow *wanted)
{
	static const struct dial_failure closed = {
		.refusal = REFUSAL_RESET,
		.reason = "it was closed by hand",
		.is_closed = true,
	};
	const struct tuple tuple = {.src = wanted->src, .dst = wanted->dst};
	struct flow *flow = wanted->network == NETWORK_TCP
				    ? flows_find(parts->flows, &tuple)
				    : NULL;

	if (wanted->network == NETWORK_UDP)
		udp_close(parts->udp, &tuple);
	if (!flow)
		return;
	if (flow->state == FLOW_OPEN)
		passage_reset(parts, flow);
	else
		refuse_flow(parts, flow, &closed);
}

void intake_on_policy(struct parts *parts)
{
	static const struct dial_failure removed = {
		.refusal = REFUSAL_RESET,
		.reason = "its outbound was removed",
		.is_closed = true,
	};

	for (uint32_t i = 0; i < flows_end(parts->flows); i++) {
		struct flow *flow = flows_at(parts->flows, i);

		if (!flow || flow->policy == parts->policy ||
		    choice_has_way(
			    parts->policy,
			    flow->policy->outbounds[flow->outbound].conf))
			continue;
		if (flow->state == FLOW_OPEN)
			passage_reset(parts, flow);
		else
			refuse_flow(parts, flow, &removed);
	}
}

void intake_stop(struct parts *parts)
{
	for (uint32_t i = 0; i < flows_end(parts->flows); i++) {
		struct flow *flow = flows_at(parts->flows, i);

		if (!flow)
			continue;
		if (flow->state == FLOW_OPEN)
			passage_reset(parts, flow);
		else
			refuse_silently(parts, flow);
	}
}
