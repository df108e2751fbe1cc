// SPDX-License-Identifier: BSD-2-Clause
/*
 * flow_log.h - a line for each flow that ended or was refused, when asked.
 *
 * To a file or to syslog, as `routed.flow-log` says: the JSON of `--flows`,
 * with how it ended.  Without it a flow pays nothing.  Lines are written a few
 * times a second; when there is no room for more of them, they are left out,
 * counted, and that is told.  A file is opened by this user, anew at each
 * reload, as SIGHUP means after a rotation.
 *
 * Errors	-ENOMEM; a file that cannot be opened is logged, and the old
 *		one stays
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_FLOW_LOG_H
#define ERSATZ_ROUTED_RELAY_FLOW_LOG_H

#include "routed/relay/parts.h"
#include "routed/relay/udp/udp.h"

struct flow_log;

NODISCARD int flow_log_new(struct flow_log **log, struct parts *parts);
/* Writes what is left.  NULL is fine. */
void flow_log_free(struct flow_log *log);

/* parts->policy is another one. */
void flow_log_follow(struct flow_log *log);

/* How it came to its end: "closed", "reset", "refused", "abandoned". */
struct flow_end {
	const char *how;
	const char *reason; /* NULL: there is none to tell */
};

/* False: there is no log; NULL is fine. */
bool flow_log_is_wanted(const struct flow_log *log);

/* One of TCP, which is not forgotten yet; `log` may be NULL. */
void flow_log_flow(struct flow_log *log, const struct flow *flow,
		   const struct flow_end *end);
void flow_log_line(struct flow_log *log, const char *network,
		   const struct udp_line *line, const struct flow_end *end);
/* A packet that never became one; it is of parts->policy. */
void flow_log_packet(struct flow_log *log, const struct packet *packet,
		     const struct decision *decision);
/*
 * One that found no room.  In a flood there are as many as packets: only some
 * are told.
 */
void flow_log_full(struct flow_log *log, const struct packet *packet,
		   const struct decision *decision, const char *reason);
/* May such a line be written now? */
bool flow_log_tells_full(struct flow_log *log);

#endif
