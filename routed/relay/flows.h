// SPDX-License-Identifier: BSD-2-Clause
/*
 * flows.h - every flow that the relay knows.
 *
 * A fixed pool, sized from the configuration, with an index by the two
 * endpoints as the application sees them.  A flow begins with a SYN and is
 * *held* while its outbound is asked for and dialled; it is *entering* once
 * the SYN was let into the inner namespace, and *open* when the connection
 * was accepted there.  One whose name is to be sniffed enters before its
 * outbound is known, and is *sniffing* from then on until that is connected.
 *
 * Errors	NULL: not found, full
 * Ownership	flows stay where they are; a pointer is valid until
 *		flows_del()
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_FLOWS_H
#define ERSATZ_ROUTED_RELAY_FLOWS_H

#include "routed/relay/mover.h"
#include "routed/relay/poller.h"
#include "routed/relay/tuples.h"

#include <stdint.h>

enum flow_state {
	FLOW_NONE,
	FLOW_HELD,
	FLOW_ENTERING,
	FLOW_SNIFFING,
	FLOW_OPEN,
};

/* What is counted for its source, see quota.h. */
enum flow_quota {
	FLOW_QUOTA_NONE,
	FLOW_QUOTA_HALF_OPEN,
	FLOW_QUOTA_OPEN,
};

/* What the set-up took, in microseconds; 0: it was not needed, or not yet. */
struct flow_setup {
	uint32_t map_us, rules_us;
	uint32_t owner_us;     /* until the parent had answered */
	uint32_t connect_us;   /* name resolved for real, socket connected */
	uint32_t handshake_us; /* with the proxy */
	uint32_t accept_us;    /* the application's own connection */
};

struct hold;
struct policy;
struct rule;

struct flow {
	uint32_t number; /* in the pool; another flow's when this one ended */
	enum flow_state state;
	enum flow_quota quota;
	bool is_own; /* of an outbound's own server: carried DIRECT */
	int outbound;
	int group;               /* that it was chosen from, or the same */
	uint32_t slot;           /* of the fake address, 0: a real one */
	char *sniffed;           /* owned; what it said itself; NULL: none */
	struct policy *policy;   /* a reference; what follows is of it */
	const struct rule *rule; /* NULL: none matched */
	int64_t since_ms;        /* wall clock */
	struct flow_setup setup;
	/* The outbound's socket: where it is bound to and leaves from. */
	int ifindex; /* 0: not bound */
	struct addr local;
	struct hold *hold; /* until it is open */
	struct poller_source app, out;
	struct mover mover; /* when open */
	uint32_t next_free;
};

struct flows;

NODISCARD int flows_new(struct flows **flows, uint32_t capacity);
void flows_free(struct flows *flows);

/* A new flow, all zero but its number; NULL when the pool is used up. */
struct flow *flows_add(struct flows *flows, const struct tuple *tuple);
void flows_del(struct flows *flows, struct flow *flow);

struct flow *flows_find(struct flows *flows, const struct tuple *tuple);
const struct tuple *flows_tuple(const struct flows *flows,
				const struct flow *flow);

uint32_t flows_count(const struct flows *flows);
/* For a walk over all: numbers from 0 to flows_end() - 1, NULL: none there. */
uint32_t flows_end(const struct flows *flows);
struct flow *flows_at(struct flows *flows, uint32_t number);

#endif
