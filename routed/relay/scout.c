// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/scout.h"

#include "common/clock.h"
#include "common/log.h"
#include "routed/relay/choice.h"
#include "routed/relay/mover.h"
#include "routed/relay/parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PROBES_MAX = 16, /* at a time */
	TRIAL_MS = 5000, /* a server that loses the request says nothing */
	TICK_MIN_MS = 50,
	TICK_MAX_MS = 1000,
};

struct probe {
	struct scout *scout;         /* borrowed */
	struct policy *policy;       /* a reference; NULL: the probe is free */
	struct group_member *member; /* of the policy; NULL: a trial */
	struct group *group;         /* that has it */
	int outbound;
	int64_t started_us;
	struct ev_timer deadline;
	struct poller_source source;
	struct dial dial;
};

struct scout {
	struct parts *parts; /* borrowed */
	int link_fd;         /* borrowed */
	struct dialler dialler;
	struct ev_timer tick; /* runs while there are groups */
	struct log_limit limit;
	struct probe probes[PROBES_MAX];
};

static const char *name_of(const struct policy *policy, int outbound)
{
	return policy_outbound_name(policy, outbound);
}

static void log_member(struct scout *scout, const struct group *group,
		       const struct group_member *member)
{
	const char *name = name_of(scout->parts->policy, member->outbound);

	if (!log_limit_pass(&scout->limit))
		return;
	if (member->health.state == HEALTH_DOWN)
		log_warning("member '%s' of group '%s' has failed: %s", name,
			    group->conf->name, member->health.reason);
	else if (member->told == HEALTH_DOWN)
		log_notice("member '%s' of group '%s' works again", name,
			   group->conf->name);
}

static void fill(struct link_member *out, const struct policy *policy,
		 const struct group *group, size_t i)
{
	const struct group_member *member = &group->members[i];
	const struct health *health = &member->health;
	uint8_t order[GROUP_MEMBERS_MAX];

	memset(out, 0, sizeof(*out));
	group_order(group, 0, order);
	snprintf(out->group, sizeof(out->group), "%s", group->conf->name);
	snprintf(out->member, sizeof(out->member), "%s",
		 name_of(policy, member->outbound));
	snprintf(out->reason, sizeof(out->reason), "%s", health->reason);
	out->state = (uint8_t)health->state;
	out->is_first = group->conf->type != OUTBOUND_TYPE_LOAD_BALANCE &&
			order[0] == i;
	out->latency_us = health->latency_us;
	out->since_ms =
		clock_wall_ms() - (clock_monotonic_ms() - health->since_ms);
}

/* False: the link is full, it is told later. */
static bool tell_member(struct scout *scout, struct group *group, size_t i)
{
	struct group_member *member = &group->members[i];
	struct link_message message = {.type = LINK_MEMBER};

	fill(&message.member, scout->parts->policy, group, i);
	if (link_send(scout->link_fd, &message, NULL) == -EAGAIN)
		return false;
	if (member->told != member->health.state)
		log_member(scout, group, member);
	member->told = member->health.state;
	member->is_changed = false;
	return true;
}

void scout_tell(struct scout *scout)
{
	const struct policy *policy = scout->parts->policy;

	for (size_t i = 0; i < policy->config->outbound_count; i++) {
		struct group *group = policy->outbounds[i].group;

		for (size_t k = 0; group && k < group->count; k++) {
			if (group->members[k].is_changed &&
			    !tell_member(scout, group, k))
				return;
		}
	}
}

static struct probe *find_free(struct scout *scout)
{
	for (size_t i = 0; i < PROBES_MAX; i++) {
		if (!scout->probes[i].policy)
			return &scout->probes[i];
	}
	return NULL;
}

static void release(struct probe *probe)
{
	struct scout *scout = probe->scout;

	ev_timer_stop(scout->parts->loop, &probe->deadline);
	if (probe->member)
		probe->member->is_probed = false;
	policy_unref(probe->policy);
	probe->policy = NULL;
}

/* What a probe has shown; `reason` NULL: it was connected. */
static void conclude(struct probe *probe, const char *reason)
{
	struct scout *scout = probe->scout;
	struct group_member *member = probe->member;
	int64_t now_ms = clock_monotonic_ms();
	bool is_changed;

	if (reason)
		is_changed = health_on_failure(
			&member->health, now_ms,
			probe->group->conf->group.probe_interval_ms, reason);
	else
		is_changed = health_on_success(&member->health, now_ms);
	/* The way to a greeting is no measure of the way behind it. */
	health_on_probe(&member->health, now_ms,
			reason || probe->dial.conf.is_greeting_only
				? -1
				: clock_monotonic_us() - probe->started_us);
	if (reason)
		probe->policy->outbounds[probe->outbound].is_doubted = true;
	if (is_changed || !reason)
		choice_settle(probe->policy, probe->group, now_ms);
	if (probe->policy == scout->parts->policy)
		scout_tell(scout);
	release(probe);
}

/* Every well-formed reply will do, as the request reached the server. */
static void conclude_trial(struct probe *probe, bool is_taken)
{
	struct policy_outbound *outbound =
		&probe->policy->outbounds[probe->outbound];

	outbound->pipelining =
		is_taken ? POLICY_PIPELINING_TAKEN : POLICY_PIPELINING_REFUSED;
	log_debug("outbound '%s' %s greeting and request in one packet",
		  outbound->conf->name, is_taken ? "takes" : "does not take");
	release(probe);
}

static void on_socket(void *ctx, struct dial *dial, const struct tuple *own)
{
	(void)ctx, (void)dial, (void)own;
}

static void on_connected(void *ctx, struct dial *dial, int fd, int ifindex)
{
	struct probe *probe = CONTAINER_OF(dial, struct probe, dial);
	struct scout *scout = ctx;

	(void)ifindex;
	poller_forget(scout->parts->poller, &probe->source);
	/* At once, and not a TIME_WAIT for each probe. */
	mover_arm_reset(fd);
	close(fd);
	if (probe->member)
		conclude(probe, NULL);
	else
		conclude_trial(probe, true);
}

static void on_failed(void *ctx, struct dial *dial,
		      const struct dial_failure *failure)
{
	struct probe *probe = CONTAINER_OF(dial, struct probe, dial);

	(void)ctx;
	if (probe->member)
		conclude(probe, failure->reason);
	else
		conclude_trial(probe, failure->is_answered);
}

static const struct dial_ops dial_ops = {
	.on_socket = on_socket,
	.on_connected = on_connected,
	.on_failed = on_failed,
};

static void on_event(void *ctx, struct poller_source *source, uint32_t events)
{
	struct probe *probe = CONTAINER_OF(source, struct probe, source);

	(void)ctx;
	dial_on_event(&probe->dial, events);
}

static void on_deadline(struct ev_loop *loop, struct ev_timer *timer,
			int revents)
{
	struct probe *probe = timer->data;
	struct dial_failure late = dial_failure_if_late(&probe->dial);

	(void)loop, (void)revents;
	dial_stop(&probe->dial);
	if (probe->member)
		conclude(probe, late.reason);
	else
		conclude_trial(probe, false);
}

/* May have ended when this returns. */
static void start(struct probe *probe, const struct dial_conf *conf,
		  int64_t limit_ms)
{
	struct scout *scout = probe->scout;
	struct ev_loop *loop = scout->parts->loop;

	policy_ref(probe->policy);
	probe->started_us = clock_monotonic_us();
	probe->source = (struct poller_source){.fn = on_event};
	ev_timer_init(&probe->deadline, on_deadline, 0,
		      (double)limit_ms / 1000.);
	probe->deadline.data = probe;
	ev_timer_again(loop, &probe->deadline);
	dial_start(&probe->dial, &scout->dialler, conf, &probe->source);
}

static bool is_probeable(const struct policy *policy, const struct group *group,
			 const struct group_member *member)
{
	const struct policy_outbound *outbound =
		&policy->outbounds[member->outbound];

	switch (outbound->conf->type) {
	case OUTBOUND_TYPE_SOCKS5:
	case OUTBOUND_TYPE_HTTP:
		return true;
	case OUTBOUND_TYPE_DIRECT:
	case OUTBOUND_TYPE_INTERFACE:
		return group->conf->group.probe != NULL;
	case OUTBOUND_TYPE_REJECT:
	case OUTBOUND_TYPE_REJECT_DROP:
	case OUTBOUND_TYPE_PASS:
	case OUTBOUND_TYPE_FALLBACK:
	case OUTBOUND_TYPE_LATENCY:
	case OUTBOUND_TYPE_LOAD_BALANCE:
		break;
	}
	return false;
}

static void start_probe(struct scout *scout, struct probe *probe,
			struct group *group, struct group_member *member)
{
	struct policy *policy = scout->parts->policy;
	const struct routed_conf *routed = &policy->config->routed;
	const struct destination *to = group->conf->group.probe;
	struct dial_conf conf = {
		.outbound = &policy->outbounds[member->outbound],
		.uplink = routed->uplink,
		.is_greeting_only = to == NULL,
	};

	if (to) {
		conf.dst = to->endpoint;
		conf.name = to->name.length > 0 ? &to->name : NULL;
	}
	/* The family that a name is asked for first. */
	if (conf.name)
		conf.dst.addr.family = ADDR_IPV4;
	probe->policy = policy;
	probe->group = group;
	probe->member = member;
	probe->outbound = member->outbound;
	member->is_probed = true;
	start(probe, &conf, routed->connect_timeout_ms);
}

static bool is_due(const struct group *group, const struct group_member *member,
		   int64_t now_ms)
{
	const struct group_conf *conf = &group->conf->group;

	if (member->is_probed ||
	    (!conf->probe && member->health.state != HEALTH_DOWN))
		return false;
	return health_due(&member->health, conf->probe_interval_ms) <= now_ms;
}

static void look_at_group(struct scout *scout, struct group *group,
			  int64_t now_ms)
{
	const struct policy *policy = scout->parts->policy;

	for (size_t i = 0; i < group->count; i++) {
		struct group_member *member = &group->members[i];
		struct probe *probe = find_free(scout);

		if (!probe || policy->outbounds[member->outbound].group ||
		    !is_due(group, member, now_ms))
			continue;
		if (is_probeable(policy, group, member)) {
			start_probe(scout, probe, group, member);
		} else if (member->health.state == HEALTH_DOWN &&
			   health_on_pause(&member->health, now_ms)) {
			policy->outbounds[member->outbound].is_doubted = true;
			choice_settle(policy, group, now_ms);
		}
	}
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct scout *scout = timer->data;
	const struct policy *policy = scout->parts->policy;
	int64_t now_ms = clock_monotonic_ms();

	(void)loop, (void)revents;
	for (size_t i = 0; i < policy->config->outbound_count; i++) {
		struct group *group = policy->outbounds[i].group;

		if (group && group_is_in_use(group, now_ms))
			look_at_group(scout, group, now_ms);
	}
	scout_tell(scout);
}

/* Often enough for the shortest interval; 0: there are no groups. */
static int64_t tick_ms(const struct policy *policy)
{
	int64_t tick_ms = 0;

	for (size_t i = 0; i < policy->config->outbound_count; i++) {
		const struct group *group = policy->outbounds[i].group;
		int64_t own = TICK_MAX_MS;

		if (!group)
			continue;
		if (group->conf->group.probe_interval_ms / 2 < own)
			own = group->conf->group.probe_interval_ms / 2;
		if (tick_ms == 0 || own < tick_ms)
			tick_ms = own;
	}
	return tick_ms > 0 && tick_ms < TICK_MIN_MS ? TICK_MIN_MS : tick_ms;
}

void scout_follow(struct scout *scout)
{
	int64_t ms = tick_ms(scout->parts->policy);

	scout->tick.repeat = (double)ms / 1000.;
	if (ms > 0)
		ev_timer_again(scout->parts->loop, &scout->tick);
	else
		ev_timer_stop(scout->parts->loop, &scout->tick);
	scout_tell(scout);
}

void scout_on_connected(struct scout *scout, struct policy *policy,
			int outbound)
{
	struct policy_outbound *one = &policy->outbounds[outbound];
	/* Nobody listens on port 0. */
	const struct dial_conf conf = {
		.outbound = one,
		.uplink = policy->config->routed.uplink,
		.dst.addr = addr_ipv4(INADDR_LOOPBACK),
		.is_trial = true,
	};
	struct probe *probe;

	if (choice_note_success(policy, outbound, clock_monotonic_ms()))
		scout_tell(scout);
	if (one->conf->type != OUTBOUND_TYPE_SOCKS5 ||
	    one->pipelining != POLICY_PIPELINING_UNKNOWN)
		return;
	probe = find_free(scout);
	if (!probe)
		return;
	one->pipelining = POLICY_PIPELINING_TRIED;
	probe->policy = policy;
	probe->group = NULL;
	probe->member = NULL;
	probe->outbound = outbound;
	start(probe, &conf, TRIAL_MS);
}

int scout_new(struct scout **scout, struct parts *parts, int link_fd)
{
	struct scout *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->parts = parts;
	new->link_fd = link_fd;
	new->limit.burst = 10;
	new->dialler = parts->dialler;
	new->dialler.ops = &dial_ops;
	new->dialler.ctx = new;
	ev_timer_init(&new->tick, on_tick, 0, 0);
	new->tick.data = new;
	for (size_t i = 0; i < PROBES_MAX; i++)
		new->probes[i].scout = new;
	*scout = new;
	return 0;
}

void scout_free(struct scout *scout)
{
	if (!scout)
		return;
	ev_timer_stop(scout->parts->loop, &scout->tick);
	for (size_t i = 0; i < PROBES_MAX; i++) {
		if (!scout->probes[i].policy)
			continue;
		dial_stop(&scout->probes[i].dial);
		release(&scout->probes[i]);
	}
	free(scout);
}
