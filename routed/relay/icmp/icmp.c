// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/icmp/icmp.h"

#include "common/clock.h"
#include "routed/relay/egress.h"
#include "routed/relay/icmp/pending.h"
#include "routed/relay/icmp/prober.h"
#include "routed/relay/icmp/sockets.h"
#include "routed/relay/icmp/targets.h"
#include "routed/relay/pieces.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PENDING = 4096,
	PIECES = 16,
	/* An address is asked for again: where it goes may have changed. */
	REAL_GOOD_FOR_US = 10000000,
	FRAME_MAX = CARRIER_HEADER_SIZE + (64 << 10),
};

/* RFC 1191, RFC 4443 3.2. */
enum {
	UNREACHABLE = 3,
	FRAGMENTATION_NEEDED = 4,
	PACKET_TOO_BIG = 2,
};

struct icmp {
	struct parts *parts; /* borrowed */
	struct icmp_sockets *sockets;
	struct pending *pending;
	struct icmp_targets *targets;
	struct prober *prober;
	struct pieces *pieces;
	uint8_t frame[FRAME_MAX]; /* its header stays zero */
};

static void send_frame(struct icmp *icmp, size_t length)
{
	if (length == 0)
		carrier_drop(icmp->parts->carrier);
	else
		carrier_reply(icmp->parts->carrier, icmp->frame,
			      CARRIER_HEADER_SIZE + length);
}

static uint8_t *frame_packet(struct icmp *icmp)
{
	return icmp->frame + CARRIER_HEADER_SIZE;
}

#define PACKET_ROOM (FRAME_MAX - CARRIER_HEADER_SIZE)

static void on_answer(void *ctx, const struct addr *from,
		      const struct icmp_answer *answer)
{
	struct icmp *icmp = ctx;
	const struct addr *dst = answer->is_error ? &answer->dst : from;
	const struct icmp_quote *quote =
		pending_find(icmp->pending, dst, answer->id, answer->seq);

	if (!quote) /* somebody else's */
		return;
	if (!answer->is_error) {
		icmp->parts->counters.echoes_answered++;
		send_frame(icmp, icmp_build_reply(frame_packet(icmp),
						  PACKET_ROOM, quote, answer));
		return;
	}
	icmp->parts->counters.echoes_refused++;
	/* The destination speaks as what the application calls it. */
	if (addr_equal(from, dst))
		from = &quote->dst;
	send_frame(icmp, icmp_build_error(frame_packet(icmp), PACKET_ROOM,
					  quote, from, answer));
}

int icmp_new(struct icmp **icmp, struct parts *parts)
{
	struct icmp *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->parts = parts;
	ret = icmp_sockets_new(&new->sockets, parts->loop, on_answer, new);
	if (ret == 0)
		ret = pending_new(&new->pending, PENDING);
	if (ret == 0)
		ret = icmp_targets_new(&new->targets);
	if (ret == 0)
		ret = prober_new(&new->prober, parts, new->targets);
	if (ret == 0)
		ret = pieces_new(&new->pieces, PIECES);
	if (ret < 0) {
		icmp_free(new);
		return ret;
	}
	*icmp = new;
	return 0;
}

static void stop_lookups(struct icmp *icmp)
{
	struct icmp_target *target;

	for (unsigned i = 0; (target = icmp_targets_at(icmp->targets, i));
	     i++) {
		if (target->ctx != icmp || target->state != TARGET_BUSY)
			continue;
		resolver_stop(target->lookup);
		target->state = TARGET_UNKNOWN;
	}
}

void icmp_free(struct icmp *icmp)
{
	if (!icmp)
		return;
	pieces_free(icmp->pieces);
	prober_free(icmp->prober);
	if (icmp->targets)
		stop_lookups(icmp);
	icmp_targets_free(icmp->targets);
	pending_free(icmp->pending);
	icmp_sockets_free(icmp->sockets);
	free(icmp);
}

static void refuse(struct icmp *icmp, const struct packet *packet,
		   enum refusal refusal)
{
	icmp->parts->counters.echoes_refused++;
	carrier_refuse(icmp->parts->carrier, packet, refusal);
}

/* The link by which a request leaves; an error when there is none. */
static int find_way(const struct icmp *icmp, const struct policy *policy,
		    int outbound, struct icmp_way *way)
{
	const struct egress egress = {
		.outbound = policy->outbounds[outbound].conf,
		.uplink = policy->config->routed.uplink,
	};
	char name[IFNAMSIZ];
	int ret = egress_find(&egress, uplink_watch_state(icmp->parts->uplinks),
			      &way->to, name);

	if (ret <= 0)
		return ret < 0 ? ret : -EHOSTUNREACH;
	way->ifindex = ret;
	return 0;
}

static uint32_t mtu_of(const struct icmp *icmp, int ifindex)
{
	const struct nl_link *link = nl_link_by_index(
		uplink_watch_state(icmp->parts->uplinks), ifindex);

	return link ? link->mtu : 0;
}

static void tell_mtu(struct icmp *icmp, const struct icmp_quote *quote,
		     uint32_t mtu)
{
	bool is_ipv6 = quote->dst.family == ADDR_IPV6;
	const struct icmp_answer answer = {
		.is_error = true,
		.type = is_ipv6 ? PACKET_TOO_BIG : UNREACHABLE,
		.code = is_ipv6 ? 0 : FRAGMENTATION_NEEDED,
		.rest = mtu,
	};

	send_frame(icmp, icmp_build_error(frame_packet(icmp), PACKET_ROOM,
					  quote, &quote->dst, &answer));
}

static enum refusal refusal_of_error(int error)
{
	switch (error) {
	case -EHOSTUNREACH:
		return REFUSAL_HOST;
	case -EPERM:
	case -EACCES:
		return REFUSAL_PROHIBITED;
	default: /* no enum: the network does not take it */
		return REFUSAL_NET;
	}
}

static void send_out(struct icmp *icmp, const struct icmp_target *target,
		     const struct packet *packet)
{
	struct icmp_way way = {.to = target->real};
	struct icmp_quote quote;
	struct icmp_echo echo;
	int ret = find_way(icmp, target->policy, target->outbound, &way);

	if (icmp_read_echo(packet, &echo) < 0)
		return;
	icmp_quote_set(&quote, packet, &echo);
	if (ret == 0) {
		echo.id = pending_add(icmp->pending, &way.to, &quote);
		ret = icmp_sockets_send(icmp->sockets, &way, &echo);
	}
	if (ret == -EMSGSIZE)
		tell_mtu(icmp, &quote, mtu_of(icmp, way.ifindex));
	else if (ret < 0)
		refuse(icmp, packet, refusal_of_error(ret));
}

static void on_resolved(void *ctx, const struct resolver_answer *answer)
{
	struct icmp_target *target = ctx;
	struct icmp *icmp = target->ctx;
	struct icmp_kept *kept;

	target->lookup = NULL;
	target->state = answer->status == 0 ? TARGET_KNOWN : TARGET_UNKNOWN;
	target->known_us = clock_monotonic_us();
	if (answer->status == 0)
		target->real = answer->addrs[0];
	while ((kept = icmp_target_pop(target))) {
		if (answer->status == 0)
			send_out(icmp, target, &kept->packet);
		else
			refuse(icmp, &kept->packet, REFUSAL_HOST);
		icmp_targets_give(icmp->targets, kept);
	}
}

static void resolve(struct icmp *icmp, struct icmp_target *target,
		    const struct packet *packet)
{
	const struct resolver_question question = {
		.name = &target->name,
		.family = (enum addr_family)target->asked.family,
		.fn = on_resolved,
		.ctx = target,
	};
	struct icmp_kept *kept;

	target->ctx = icmp;
	if (target->state != TARGET_BUSY &&
	    resolver_ask(icmp->parts->resolver, &question, &target->lookup) <
		    0) {
		refuse(icmp, packet, REFUSAL_HOST);
		return;
	}
	target->state = TARGET_BUSY;
	kept = icmp_targets_keep(icmp->targets, target, packet);
	if (kept)
		icmp_target_push(target, kept);
	else
		carrier_drop(icmp->parts->carrier);
}

static void forward(struct icmp *icmp, struct icmp_target *target,
		    const struct packet *packet)
{
	if (target->name.length == 0) {
		target->real = target->asked;
		send_out(icmp, target, packet);
	} else if (target->state == TARGET_KNOWN &&
		   clock_monotonic_us() - target->known_us < REAL_GOOD_FOR_US) {
		send_out(icmp, target, packet);
	} else {
		resolve(icmp, target, packet);
	}
}

/* What an echo is told: the host is out of reach, or a rule forbids it. */
static enum refusal refusal_of(const struct decision *decision)
{
	if (decision->refusal == REFUSAL_RESET)
		return decision->rule ? REFUSAL_PROHIBITED : REFUSAL_HOST;
	return decision->refusal;
}

static void on_echo(struct icmp *icmp, const struct packet *packet)
{
	struct parts *parts = icmp->parts;
	struct policy *policy = parts->policy;
	const struct decide_flow flow = decide_flow_of(packet);
	struct icmp_target *target;
	struct decision decision;

	decide(parts->decider, policy, &flow, &decision);
	if (decision.is_refused && decision.refusal == REFUSAL_SILENT) {
		carrier_drop(parts->carrier);
		return;
	}
	if (decision.is_refused) {
		refuse(icmp, packet, refusal_of(&decision));
		return;
	}
	target = icmp_targets_get(icmp->targets, packet, policy, &decision);
	if (!target)
		carrier_drop(parts->carrier);
	else if (!config_is_proxy(
			 policy->outbounds[target->outbound].conf->type))
		forward(icmp, target, packet);
	else if (!prober_echo(icmp->prober, target, packet))
		carrier_drop(parts->carrier);
}

void icmp_on_packet(struct icmp *icmp, const struct packet *packet)
{
	struct parts *parts = icmp->parts;
	struct icmp_echo echo;
	struct packet whole;

	if (packet->is_fragment) {
		if (!pieces_add(icmp->pieces, packet, clock_monotonic_ms(),
				&whole))
			return;
		packet = &whole;
	}
	if (packet_is_for_many(&packet->dst.addr))
		carrier_drop(parts->carrier);
	else if (icmp_read_echo(packet, &echo) < 0)
		carrier_refuse(parts->carrier, packet, REFUSAL_PROTOCOL);
	else if (parts->policy->config->routed.icmp == ROUTED_ICMP_DROP)
		carrier_drop(parts->carrier);
	else
		on_echo(icmp, packet);
}

void icmp_on_socket(struct icmp *icmp, int ifindex, uint8_t family, int fd)
{
	icmp_sockets_give(icmp->sockets, ifindex, (enum addr_family)family, fd);
}

void icmp_on_links(struct icmp *icmp, const struct nl_state *state)
{
	icmp_sockets_on_links(icmp->sockets, state);
}

void icmp_on_connected(struct icmp *icmp, const struct endpoint *dst)
{
	prober_note(icmp->prober, dst);
}
