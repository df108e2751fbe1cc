// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/sniffing.h"

#include "common/clock.h"
#include "routed/relay/intake.h"
#include "routed/relay/passage.h"
#include "routed/relay/quota.h"
#include "routed/relay/refuse.h"
#include "routed/relay/sniff/sniff.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool sniffing_is_wanted(const struct policy *policy, const struct endpoint *dst)
{
	return (policy->sniffs & (SNIFF_TLS | SNIFF_HTTP)) &&
	       !sniff_is_hopeless(dst->port);
}

void sniffing_enter(struct parts *parts, struct flow *flow)
{
	struct hold *hold = flow->hold;

	assert(flow->state == FLOW_HELD);
	flow->state = FLOW_ENTERING;
	mover_start(&flow->mover, -1, -1);
	hold->entered_us = clock_monotonic_us();
	holds_enter(parts->holds, hold, clock_monotonic_ms());
	carrier_inject(parts->carrier, hold->frame, hold->frame_length);
}

/* The time to connect begins. */
static void stop_looking(struct parts *parts, struct flow *flow)
{
	flow->hold->needs_name = false;
	holds_move(parts->holds, flow->hold, HOLD_DIALLING,
		   clock_monotonic_ms() +
			   flow->policy->config->routed.connect_timeout_ms);
}

static void go_on_nameless(struct parts *parts, struct flow *flow)
{
	struct dial_failure rejected = {.reason = "its rule rejects it",
					.is_rejected = true};

	parts->counters.sniffed_nothing++;
	stop_looking(parts, flow);
	if (decide_is_refused(flow->policy, flow->outbound, &rejected.refusal))
		refuse_flow(parts, flow, &rejected);
	else
		intake_go_on(parts, flow);
}

/* The text is for people who look, too: one small copy a flow that has it. */
static void go_on_named(struct parts *parts, struct flow *flow,
			const struct name *name)
{
	char text[NAME_TEXT_SIZE];

	parts->counters.sniffed++;
	flow->sniffed = strdup(name_format(name, text, sizeof(text)));
	stop_looking(parts, flow);
	if (intake_decide_anew(parts, flow, NULL))
		intake_go_on(parts, flow);
}

/* Looks at all that has come; -errno: the application is gone. */
static int look(const struct flow *flow, bool is_all, struct name *name)
{
	uint8_t bytes[SNIFF_SIZE_MAX];
	enum sniff_result result;
	ssize_t n = recv(flow->mover.side[MOVER_APP].fd, bytes, sizeof(bytes),
			 MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? SNIFF_SHORT : -errno;
	if (n == 0)
		return SNIFF_NAMELESS;
	result = sniff_stream(flow->policy->sniffs, bytes, (size_t)n, name);
	return result == SNIFF_SHORT && is_all ? SNIFF_NAMELESS : result;
}

static void on_app(void *ctx, struct poller_source *source, uint32_t events)
{
	struct flow *flow = CONTAINER_OF(source, struct flow, app);
	struct parts *parts = ctx;
	struct name name;
	int result;

	if (events & (EPOLLERR | EPOLLHUP)) {
		refuse_silently(parts, flow);
		return;
	}
	/* What comes while the outbound is dialled waits for it. */
	if (!flow->hold->needs_name)
		return;
	result = look(flow, events & EPOLLRDHUP, &name);
	if (result < 0)
		refuse_silently(parts, flow);
	else if (result == SNIFF_NAMED)
		go_on_named(parts, flow, &name);
	else if (result == SNIFF_NAMELESS)
		go_on_nameless(parts, flow);
}

void sniffing_on_accepted(struct parts *parts, struct flow *flow, int fd)
{
	assert(flow->state == FLOW_ENTERING);
	flow->state = FLOW_SNIFFING;
	flow->mover.side[MOVER_APP].fd = fd;
	flow->app.fn = on_app;
	holds_move(parts->holds, flow->hold, HOLD_SNIFFING,
		   clock_monotonic_ms() +
			   flow->policy->config->routed.sniff_wait_ms);
	if (poller_add(parts->poller, fd, &flow->app) < 0)
		refuse_silently(parts, flow);
}

void sniffing_on_silence(struct parts *parts, struct flow *flow)
{
	go_on_nameless(parts, flow);
}

void sniffing_on_connected(struct parts *parts, struct flow *flow, int fd)
{
	quota_open(parts->quota, flow,
		   &flows_tuple(parts->flows, flow)->src.addr);
	holds_give(parts->holds, flow->hold);
	flow->hold = NULL;
	mover_start(&flow->mover, flow->mover.side[MOVER_APP].fd, fd);
	passage_join(parts, flow);
}
