// SPDX-License-Identifier: BSD-2-Clause
/*
 * passage.h - a flow that is open: bytes pass until it ends.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_PASSAGE_H
#define ERSATZ_ROUTED_RELAY_PASSAGE_H

#include "routed/relay/parts.h"

/*
 * Opens an entering flow with the socket that the inner namespace accepted,
 * which the flow has from now on.  It may have ended when this returns.
 */
void passage_open(struct parts *parts, struct flow *flow, int app_fd);

/* The same for one whose application is polled already. */
void passage_join(struct parts *parts, struct flow *flow);

/* Ends an open flow with resets to both sides. */
void passage_reset(struct parts *parts, struct flow *flow);

/* The application's connection is no more, though nobody told us yet. */
bool passage_is_over(const struct flow *flow);

/* The counters, flows that are open included. */
void passage_count(const struct parts *parts, struct link_counters *counters);

/* Forgets a flow in whatever state, once its descriptors are closed. */
void passage_forget(struct parts *parts, struct flow *flow);

#endif
