// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/refuse.h"

#include "common/log.h"
#include "routed/relay/flow_log.h"
#include "routed/relay/passage.h"

#include <unistd.h>

static void reset_side(const struct mover_side *side)
{
	if (side->fd < 0)
		return;
	mover_arm_reset(side->fd);
	close(side->fd);
}

static void drop(struct parts *parts, struct flow *flow)
{
	struct hold *hold = flow->hold;

	dial_stop(&hold->dial);
	if (flow->state == FLOW_ENTERING || flow->state == FLOW_SNIFFING) {
		poller_forget(parts->poller, &flow->out);
		poller_forget(parts->poller, &flow->app);
		reset_side(&flow->mover.side[MOVER_OUT]);
		reset_side(&flow->mover.side[MOVER_APP]);
	}
	holds_give(parts->holds, hold);
	passage_forget(parts, flow);
}

void refuse_silently(struct parts *parts, struct flow *flow)
{
	flow_log_flow(parts->log, flow, &(struct flow_end){.how = "abandoned"});
	drop(parts, flow);
}

/* "'example.com' port 443", or the address. */
static const char *describe(const struct parts *parts, const struct flow *flow,
			    char *out, size_t size)
{
	const struct tuple *tuple = flows_tuple(parts->flows, flow);
	char text[NAME_TEXT_SIZE];

	if (flow->hold->name.length > 0)
		name_format(&flow->hold->name, text, sizeof(text));
	else if (flow->sniffed)
		snprintf(text, sizeof(text), "%s", flow->sniffed);
	else
		addr_format(&tuple->dst.addr, text, sizeof(text));
	snprintf(out, size, "'%s' port %u", text, tuple->dst.port);
	return out;
}

void refuse_log(struct parts *parts, const struct flow *flow,
		const struct dial_failure *failure)
{
	const char *outbound =
		policy_outbound_name(flow->policy, flow->outbound);
	char text[NAME_TEXT_SIZE + 16];

	if (failure->is_outbounds && log_limit_pass(&parts->faults))
		log_warning("cannot use outbound '%s' for %s: %s", outbound,
			    describe(parts, flow, text, sizeof(text)),
			    failure->reason);
	else if (!failure->is_outbounds && log_limit_pass(&parts->failures))
		log_info("cannot reach %s by '%s': %s",
			 describe(parts, flow, text, sizeof(text)), outbound,
			 failure->reason);
}

/* A router on the way has the word; the destination goes by its fake name. */
static void answer_held(struct parts *parts, const struct packet *packet,
			const struct flow *flow,
			const struct dial_failure *failure)
{
	struct unreachable_error error;

	if (!failure->heard ||
	    failure->heard->from.family != packet->src.addr.family) {
		carrier_refuse(parts->carrier, packet, failure->refusal);
		return;
	}
	error = *failure->heard;
	if (addr_equal(&error.from, &flow->hold->dial.addrs[0]))
		error.from = packet->dst.addr;
	carrier_pass_on(parts->carrier, packet, &error);
}

static enum link_refused why(const struct dial_failure *failure)
{
	if (failure->is_rejected)
		return LINK_REFUSED_RULE;
	if (failure->is_closed)
		return LINK_REFUSED_CLOSED;
	return failure->is_outbounds ? LINK_REFUSED_OUTBOUND
				     : LINK_REFUSED_DESTINATION;
}

void refuse_flow(struct parts *parts, struct flow *flow,
		 const struct dial_failure *failure)
{
	const struct hold *hold = flow->hold;
	struct packet packet;

	refuse_log(parts, flow, failure);
	parts->counters.flows_refused++;
	parts->counters.refused[why(failure)]++;
	flow_log_flow(parts->log, flow,
		      &(struct flow_end){.how = "refused",
					 .reason = failure->reason});
	/* One that was accepted is reset by its socket. */
	if (flow->state != FLOW_SNIFFING &&
	    packet_parse(&packet, hold->frame + CARRIER_HEADER_SIZE,
			 hold->frame_length - CARRIER_HEADER_SIZE) == 0)
		answer_held(parts, &packet, flow, failure);
	drop(parts, flow);
}

void refuse_packet(struct parts *parts, const struct packet *packet,
		   enum refusal refusal)
{
	parts->counters.flows_refused++;
	carrier_refuse(parts->carrier, packet, refusal);
}
