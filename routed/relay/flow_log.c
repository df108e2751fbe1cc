// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/flow_log.h"

#include "common/clock.h"
#include "common/log.h"
#include "routed/relay/flow_line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE (256U << 10)
#define WRITE_S 0.1

struct flow_log {
	struct parts *parts; /* borrowed */
	bool is_on;
	int fd; /* owned; -1: syslog */
	struct ev_timer timer;
	struct log_limit failures;
	struct log_limit full; /* lines of what found no room */
	uint64_t missed;       /* since the last time that it was told */
	size_t used;
	char buffer[BUFFER_SIZE];
};

static const char *path_of(const struct flow_log *log)
{
	const char *path = log->parts->policy->config->routed.flow_log;

	return path && path[0] == '/' ? path : NULL;
}

/* A disk that is full costs lines, never a flow. */
static void write_out(struct flow_log *log)
{
	size_t used = log->used;

	log->used = 0;
	if (used > 0 && log->fd >= 0 &&
	    write(log->fd, log->buffer, used) != (ssize_t)used &&
	    log_limit_pass(&log->failures))
		log_error("cannot write the flow log: %s", strerror(errno));
	if (log->missed > 0)
		log_warning("%llu flows are left out of the flow log",
			    (unsigned long long)log->missed);
	log->missed = 0;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop, (void)events;
	write_out(timer->data);
}

int flow_log_new(struct flow_log **log, struct parts *parts)
{
	struct flow_log *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->parts = parts;
	new->fd = -1;
	new->failures.burst = 3;
	new->full.burst = 20;
	ev_timer_init(&new->timer, on_timer, WRITE_S, 0.);
	new->timer.data = new;
	flow_log_follow(new);
	*log = new;
	return 0;
}

static void close_file(struct flow_log *log)
{
	write_out(log);
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

void flow_log_free(struct flow_log *log)
{
	if (!log)
		return;
	ev_timer_stop(log->parts->loop, &log->timer);
	close_file(log);
	free(log);
}

static int open_file(const char *path)
{
	int fd = open(path,
		      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW |
			      O_NONBLOCK | O_NOCTTY,
		      0640);

	return fd < 0 ? -errno : fd;
}

void flow_log_follow(struct flow_log *log)
{
	const struct config *config = log->parts->policy->config;
	const char *path = path_of(log);
	int fd = path ? open_file(path) : -1;

	if (path && fd < 0) {
		log_error("cannot open flow log '%s': %s: the user '%s' must "
			  "be able to write it, and in a folder that had none "
			  "at the start it takes a restart of routed",
			  path, strerror(-fd), config->user);
		return;
	}
	close_file(log);
	log->fd = fd;
	log->is_on = config->routed.flow_log != NULL;
}

bool flow_log_is_wanted(const struct flow_log *log)
{
	return log && log->is_on;
}

static void put(struct flow_log *log, const char *line)
{
	size_t length = strlen(line);

	if (log->fd < 0) {
		log_notice("flow %s", line);
		return;
	}
	if (log->used + length + 1 > sizeof(log->buffer)) {
		log->missed++;
		return;
	}
	memcpy(log->buffer + log->used, line, length);
	log->buffer[log->used + length] = '\n';
	log->used += length + 1;
	if (!ev_is_active(&log->timer))
		ev_timer_start(log->parts->loop, &log->timer);
}

void flow_log_line(struct flow_log *log, const char *network,
		   const struct udp_line *line, const struct flow_end *end)
{
	struct json *json;
	char *text;

	if (!flow_log_is_wanted(log))
		return;
	json = flow_line_json(log->parts, network, line);
	if (!json)
		return;
	json_set_time(json, "ended", clock_wall_ms());
	json_set_text(json, "end", end->how);
	json_set_text(json, "reason", end->reason);
	text = json_line(json);
	if (text)
		put(log, text);
	free(text);
	json_free(json);
}

void flow_log_flow(struct flow_log *log, const struct flow *flow,
		   const struct flow_end *end)
{
	struct udp_line line;

	if (!flow_log_is_wanted(log))
		return;
	line = flow_line_of(log->parts, flow);
	flow_log_line(log, "tcp", &line, end);
}

static const char *reason_of(const struct decision *decision)
{
	if (!decision->is_refused)
		return "its outbound does not carry it";
	return decision->rule ? "its rule rejects it"
			      : "nobody has that fake address";
}

static void log_packet(struct flow_log *log, const struct packet *packet,
		       const struct decision *decision, const char *reason)
{
	const struct tuple tuple = {.src = packet->src, .dst = packet->dst};
	const struct flow_end end = {.how = "refused", .reason = reason};
	struct udp_line line = {
		.tuple = &tuple,
		.rule = decision->rule,
		.slot = decision->slot,
		.outbound = decision->outbound,
		.state = "refused",
	};

	line.policy = log->parts->policy;
	line.since_ms = clock_wall_ms();
	/* Nobody was asked which one it would be. */
	if (decision->is_refused && !decision->rule)
		line.outbound = OUTBOUND_REJECT;
	flow_log_line(log, packet->protocol == PACKET_UDP ? "udp" : "tcp",
		      &line, &end);
}

void flow_log_packet(struct flow_log *log, const struct packet *packet,
		     const struct decision *decision)
{
	if (flow_log_is_wanted(log))
		log_packet(log, packet, decision, reason_of(decision));
}

bool flow_log_tells_full(struct flow_log *log)
{
	return flow_log_is_wanted(log) && log_limit_pass(&log->full);
}

void flow_log_full(struct flow_log *log, const struct packet *packet,
		   const struct decision *decision, const char *reason)
{
	if (flow_log_tells_full(log))
		log_packet(log, packet, decision, reason);
}
