// SPDX-License-Identifier: BSD-2-Clause
/*
 * flow_line.h - a flow as a line of JSON, for `--flows` and the flow log.
 *
 * Ownership	what a line is made of is borrowed until it is made
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_FLOW_LINE_H
#define ERSATZ_ROUTED_RELAY_FLOW_LINE_H

#include "common/json.h"
#include "routed/relay/parts.h"
#include "routed/relay/udp/udp.h"

/* Of a flow of TCP. */
struct udp_line flow_line_of(const struct parts *parts,
			     const struct flow *flow);

/* `network` is "tcp" or "udp"; to be freed; NULL: no memory. */
NODISCARD struct json *flow_line_json(struct parts *parts, const char *network,
				      const struct udp_line *line);

#endif
