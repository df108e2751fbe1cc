// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/passage.h"

#include "common/memory.h"
#include "routed/relay/flow_log.h"
#include "routed/relay/quota.h"
#include "routed/relay/udp/udp.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/*
 * What flows may move before the TUNs, with their short queues, come next; in
 * a pass of the loop it is much.
 */
#define TURN_SIZE (256U << 10)

void passage_forget(struct parts *parts, struct flow *flow)
{
	quota_give(parts->quota, flow,
		   &flows_tuple(parts->flows, flow)->src.addr);
	policy_unref(flow->policy);
	flows_del(parts->flows, flow);
}

static void end(struct parts *parts, struct flow *flow, bool is_reset)
{
	flow_log_flow(parts->log, flow,
		      &(struct flow_end){.how = is_reset ? "reset" : "closed"});
	poller_forget(parts->poller, &flow->app);
	poller_forget(parts->poller, &flow->out);
	parts->counters.bytes_up += flow->mover.lane[MOVER_APP].bytes;
	parts->counters.bytes_down += flow->mover.lane[MOVER_OUT].bytes;
	if (is_reset)
		mover_reset(&flow->mover, parts->room);
	else
		mover_close(&flow->mover, parts->room);
	passage_forget(parts, flow);
}

static uint64_t bytes_of(const struct flow *flow)
{
	return flow->mover.lane[0].bytes + flow->mover.lane[1].bytes;
}

static void run(struct parts *parts, struct flow *flow)
{
	uint64_t before = bytes_of(flow);
	enum mover_result result = mover_run(&flow->mover, parts->room);

	parts->moved += (size_t)(bytes_of(flow) - before);
	switch (result) {
	case MOVER_WAITS:
		break;
	case MOVER_AGAIN:
		poller_again(parts->poller, &flow->app);
		break;
	case MOVER_ENDED:
		end(parts, flow, false);
		break;
	case MOVER_BROKE:
		end(parts, flow, true);
		break;
	}
	/* Last, since a packet may end any flow, this one too. */
	if (parts->moved >= TURN_SIZE) {
		parts->moved = 0;
		backlog_note_busy(parts->backlog[0]);
		backlog_note_busy(parts->backlog[1]);
		carrier_turn(parts->carrier);
	}
}

static void on_app(void *ctx, struct poller_source *source, uint32_t events)
{
	struct flow *flow = CONTAINER_OF(source, struct flow, app);

	mover_note(&flow->mover, MOVER_APP, events);
	run(ctx, flow);
}

static void on_out(void *ctx, struct poller_source *source, uint32_t events)
{
	struct flow *flow = CONTAINER_OF(source, struct flow, out);

	mover_note(&flow->mover, MOVER_OUT, events);
	run(ctx, flow);
}

/* Steps that were not needed took no time, and do not count. */
static void note_setup(struct parts *parts, const struct flow_setup *setup)
{
	const uint32_t took_us[LINK_STEPS] = {
		[LINK_STEP_MAP] = setup->map_us,
		[LINK_STEP_RULES] = setup->rules_us,
		[LINK_STEP_OWNER] = setup->owner_us,
		[LINK_STEP_CONNECT] = setup->connect_us,
		[LINK_STEP_HANDSHAKE] = setup->handshake_us,
		[LINK_STEP_ACCEPT] = setup->accept_us,
	};

	for (size_t i = 0; i < LINK_STEPS; i++) {
		if (took_us[i] > 0)
			histogram_add(&parts->counters.setup[i], took_us[i]);
	}
}

static void begin(struct parts *parts, struct flow *flow)
{
	note_setup(parts, &flow->setup);
	flow->state = FLOW_OPEN;
	flow->app.fn = on_app;
	flow->out.fn = on_out;
}

void passage_open(struct parts *parts, struct flow *flow, int app_fd)
{
	assert(flow->state == FLOW_ENTERING);
	begin(parts, flow);
	flow->mover.side[MOVER_APP].fd = app_fd;
	/* It is told at once that it can write: that is the first turn. */
	if (poller_add(parts->poller, app_fd, &flow->app) < 0)
		end(parts, flow, true);
}

void passage_join(struct parts *parts, struct flow *flow)
{
	assert(flow->state == FLOW_SNIFFING);
	begin(parts, flow);
	run(parts, flow);
}

void passage_reset(struct parts *parts, struct flow *flow)
{
	assert(flow->state == FLOW_OPEN);
	end(parts, flow, true);
}

bool passage_is_over(const struct flow *flow)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	return getsockopt(flow->mover.side[MOVER_APP].fd, IPPROTO_TCP, TCP_INFO,
			  &info, &size) < 0 ||
	       info.tcpi_state == TCP_CLOSE;
}

void passage_count(const struct parts *parts, struct link_counters *counters)
{
	const struct carrier_counters *carried =
		carrier_counters(parts->carrier);

	*counters = parts->counters;
	counters->memory = memory_in_use();
	counters->flows_now = flows_count(parts->flows);
	counters->flows_held = holds_count(parts->holds);
	udp_count(parts->udp, counters);
	counters->packets_in = carried->in;
	counters->packets_out = carried->out;
	counters->packets_dropped = carried->dropped;
	for (uint32_t i = 0; i < flows_end(parts->flows); i++) {
		const struct flow *flow = flows_at(parts->flows, i);

		if (!flow || flow->state != FLOW_OPEN)
			continue;
		counters->bytes_up += flow->mover.lane[MOVER_APP].bytes;
		counters->bytes_down += flow->mover.lane[MOVER_OUT].bytes;
	}
}
