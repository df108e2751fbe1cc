// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/icmp/prober.h"

#include "common/clock.h"
#include "routed/relay/icmp/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	GOOD_FOR_US = 1000000,
	LATELY = 256, /* destinations whose port is remembered */
	PORT_HTTPS = 443,
	PORT_HTTP = 80,
	TTL = 64,
};

struct prober {
	struct parts *parts;          /* borrowed */
	struct icmp_targets *targets; /* borrowed */
	struct dialler dialler;
	struct endpoint lately[LATELY]; /* by a hash of the address */
	uint8_t frame[CARRIER_HEADER_SIZE + ICMP_PACKET_MAX];
};

static const struct dial_ops dial_ops;

int prober_new(struct prober **prober, struct parts *parts,
	       struct icmp_targets *targets)
{
	struct prober *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->parts = parts;
	new->targets = targets;
	new->dialler = (struct dialler){
		.loop = parts->loop,
		.poller = parts->poller,
		.resolver = parts->resolver,
		.uplinks = parts->uplinks,
		.ops = &dial_ops,
		.ctx = new,
	};
	*prober = new;
	return 0;
}

static void stop_work(struct prober *prober, struct icmp_target *target)
{
	ev_timer_stop(prober->parts->loop, &target->patience);
	dial_stop(&target->dial);
}

void prober_free(struct prober *prober)
{
	struct icmp_target *target;
	struct icmp_kept *kept;

	if (!prober)
		return;
	for (unsigned i = 0; (kept = icmp_targets_kept_at(prober->targets, i));
	     i++)
		ev_timer_stop(prober->parts->loop, &kept->timer);
	for (unsigned i = 0; (target = icmp_targets_at(prober->targets, i));
	     i++) {
		if (target->ctx != prober || target->state != TARGET_BUSY)
			continue;
		stop_work(prober, target);
		target->state = TARGET_UNKNOWN;
	}
	free(prober);
}

static struct endpoint *lately_at(struct prober *prober,
				  const struct addr *addr)
{
	uint32_t hash = 2166136261U; /* FNV-1a; a clash costs a better guess */

	for (size_t i = 0; i < sizeof(addr->bytes); i++)
		hash = (hash ^ addr->bytes[i]) * 16777619U;
	return &prober->lately[hash % LATELY];
}

void prober_note(struct prober *prober, const struct endpoint *dst)
{
	*lately_at(prober, &dst->addr) = *dst;
}

static void reply(struct prober *prober, const struct icmp_kept *kept)
{
	struct icmp_echo echo;
	struct icmp_quote quote;
	struct icmp_answer answer = {.ttl = TTL};
	size_t length;

	/* It was one when it was kept. */
	if (icmp_read_echo(&kept->packet, &echo) < 0)
		return;
	icmp_quote_set(&quote, &kept->packet, &echo);
	answer.data = echo.data;
	answer.length = echo.length;
	answer.tos = echo.tos;
	length = icmp_build_reply(prober->frame + CARRIER_HEADER_SIZE,
				  ICMP_PACKET_MAX, &quote, &answer);
	prober->parts->counters.echoes_answered++;
	carrier_reply(prober->parts->carrier, prober->frame,
		      CARRIER_HEADER_SIZE + length);
}

static void on_due(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct icmp_kept *kept = CONTAINER_OF(timer, struct icmp_kept, timer);
	struct prober *prober = timer->data;

	(void)loop, (void)revents;
	reply(prober, kept);
	icmp_targets_give(prober->targets, kept);
}

/* As long after the request as a connection takes. */
static void reply_in_time(struct prober *prober, struct icmp_kept *kept)
{
	int64_t left_us =
		kept->target->took_us - (clock_monotonic_us() - kept->since_us);

	if (left_us <= 0) {
		reply(prober, kept);
		icmp_targets_give(prober->targets, kept);
		return;
	}
	ev_timer_init(&kept->timer, on_due, (double)left_us / 1e6, 0.);
	kept->timer.data = prober;
	ev_timer_start(prober->parts->loop, &kept->timer);
}

static void answer_all(struct prober *prober, struct icmp_target *target)
{
	struct icmp_kept *kept;

	while ((kept = icmp_target_pop(target))) {
		if (target->is_alive) {
			reply_in_time(prober, kept);
			continue;
		}
		prober->parts->counters.echoes_refused++;
		carrier_refuse(prober->parts->carrier, &kept->packet,
			       target->refusal);
		icmp_targets_give(prober->targets, kept);
	}
}

static void conclude(struct prober *prober, struct icmp_target *target,
		     bool is_alive)
{
	ev_timer_stop(prober->parts->loop, &target->patience);
	target->known_us = clock_monotonic_us();
	target->took_us = target->known_us - target->since_us;
	target->is_alive = is_alive;
	target->refusal = REFUSAL_HOST;
	target->state = TARGET_KNOWN;
	answer_all(prober, target);
}

static void on_source(void *ctx, struct poller_source *source, uint32_t events)
{
	struct icmp_target *target =
		CONTAINER_OF(source, struct icmp_target, source);

	(void)ctx;
	dial_on_event(&target->dial, events);
}

static void on_patience(struct ev_loop *loop, struct ev_timer *timer,
			int revents)
{
	struct icmp_target *target =
		CONTAINER_OF(timer, struct icmp_target, patience);

	(void)loop, (void)revents;
	dial_stop(&target->dial);
	conclude(target->ctx, target, false);
}

static void probe(struct prober *prober, struct icmp_target *target)
{
	const struct policy *policy = target->policy;
	const struct dial_conf conf = {
		.outbound = &policy->outbounds[target->outbound],
		.uplink = policy->config->routed.uplink,
		.name = target->name.length > 0 ? &target->name : NULL,
		.dst = {.addr = target->asked,
			.port = target->ports[target->port_at++]},
	};

	target->since_us = clock_monotonic_us();
	target->source.fn = on_source;
	dial_start(&target->dial, &prober->dialler, &conf, &target->source);
}

static void start(struct prober *prober, struct icmp_target *target)
{
	const struct endpoint *lately = lately_at(prober, &target->asked);
	double patience_s =
		(double)target->policy->config->routed.connect_timeout_ms / 1e3;

	target->ctx = prober;
	target->state = TARGET_BUSY;
	target->port_at = target->port_count = 0;
	if (addr_equal(&lately->addr, &target->asked)) {
		target->ports[target->port_count++] = lately->port;
	} else {
		target->ports[target->port_count++] = PORT_HTTPS;
		target->ports[target->port_count++] = PORT_HTTP;
	}
	ev_timer_init(&target->patience, on_patience, patience_s, 0.);
	ev_timer_start(prober->parts->loop, &target->patience);
	probe(prober, target);
}

bool prober_echo(struct prober *prober, struct icmp_target *target,
		 const struct packet *packet)
{
	struct icmp_kept *kept;
	bool is_fresh = target->state == TARGET_KNOWN &&
			clock_monotonic_us() - target->known_us < GOOD_FOR_US;

	if (is_fresh && !target->is_alive) {
		prober->parts->counters.echoes_refused++;
		carrier_refuse(prober->parts->carrier, packet, target->refusal);
		return true;
	}
	kept = icmp_targets_keep(prober->targets, target, packet);
	if (!kept)
		return false;
	if (is_fresh) {
		reply_in_time(prober, kept);
		return true;
	}
	icmp_target_push(target, kept);
	if (target->state != TARGET_BUSY)
		start(prober, target);
	return true;
}

/* Where the probe comes from is nobody's business: it is bound to a link. */
static void on_socket(void *ctx, struct dial *dial, const struct tuple *own)
{
	(void)ctx, (void)dial, (void)own;
}

static void on_connected(void *ctx, struct dial *dial, int fd, int ifindex)
{
	struct prober *prober = ctx;
	struct icmp_target *target =
		CONTAINER_OF(dial, struct icmp_target, dial);

	(void)ifindex;
	poller_forget(prober->parts->poller, &target->source);
	close(fd);
	conclude(prober, target, true);
}

static void on_failed(void *ctx, struct dial *dial,
		      const struct dial_failure *failure)
{
	struct prober *prober = ctx;
	struct icmp_target *target =
		CONTAINER_OF(dial, struct icmp_target, dial);
	bool is_refused_there =
		!failure->is_outbounds && failure->refusal == REFUSAL_RESET;

	if (!is_refused_there && !failure->is_outbounds &&
	    target->port_at < target->port_count)
		probe(prober, target);
	else
		conclude(prober, target, is_refused_there);
}

static const struct dial_ops dial_ops = {
	.on_socket = on_socket,
	.on_connected = on_connected,
	.on_failed = on_failed,
};
