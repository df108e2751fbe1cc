// SPDX-License-Identifier: BSD-2-Clause
/*
 * targets.h - whom echo requests go to, and requests that wait for that.
 *
 * A small table of destinations as the application names them, each with
 * what was found out about it: a real address, or whether a connection can be
 * made and how long that takes.  While it is being found out the requests are
 * kept.  The least recently used destination that nobody waits for makes room.
 *
 * Units	microseconds of the monotonic clock
 * Errors	NULL, false: everything is in use
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_ICMP_TARGETS_H
#define ERSATZ_ROUTED_RELAY_ICMP_TARGETS_H

#include "routed/relay/decide.h"
#include "routed/relay/dial.h"
#include "routed/relay/icmp/message.h"

#include <ev.h>

enum icmp_target_state {
	TARGET_UNKNOWN,
	TARGET_BUSY, /* it is being found out */
	TARGET_KNOWN,
};

/* A packet, copied. */
struct icmp_kept {
	struct icmp_kept *next;
	struct icmp_target *target;
	struct ev_timer timer; /* its user's */
	int64_t since_us;
	struct packet packet; /* of the bytes below */
	uint8_t bytes[ICMP_PACKET_MAX];
};

struct icmp_target {
	struct addr asked; /* ADDR_NONE: this place is free */
	enum icmp_target_state state;
	int64_t used_us, known_us;
	unsigned waiting;        /* requests that are kept for it */
	struct icmp_kept *first; /* those that wait for the end of BUSY */
	struct policy *policy;   /* a reference; what follows is of it */
	int outbound;
	struct name name; /* length 0: the address is a real one */
	/* What is known. */
	bool is_alive;
	enum refusal refusal; /* if not */
	int64_t took_us;      /* what a connection takes */
	struct addr real;
	/* How it is found out. */
	struct resolver_lookup *lookup;
	struct dial dial;
	struct poller_source source;
	struct ev_timer patience;
	int64_t since_us;
	uint16_t ports[2];
	unsigned port_at, port_count;
	void *ctx; /* its user's */
};

struct icmp_targets;

NODISCARD int icmp_targets_new(struct icmp_targets **targets);
/* Nobody may be busy or waiting any more. */
void icmp_targets_free(struct icmp_targets *targets);

/*
 * The entry of that destination.  One that was found out under another policy
 * or for another outbound is TARGET_UNKNOWN again.
 */
struct icmp_target *icmp_targets_get(struct icmp_targets *targets,
				     const struct packet *packet,
				     struct policy *policy,
				     const struct decision *decision);

/* Keeps a copy; NULL when there is no room for it. */
struct icmp_kept *icmp_targets_keep(struct icmp_targets *targets,
				    struct icmp_target *target,
				    const struct packet *packet);
void icmp_targets_give(struct icmp_targets *targets, struct icmp_kept *kept);

/* Puts it in, or takes one out, of those that wait for the end of BUSY. */
void icmp_target_push(struct icmp_target *target, struct icmp_kept *kept);
struct icmp_kept *icmp_target_pop(struct icmp_target *target);

/* For a walk over all: numbers from 0 on, NULL behind the last. */
struct icmp_target *icmp_targets_at(struct icmp_targets *targets,
				    unsigned number);
struct icmp_kept *icmp_targets_kept_at(struct icmp_targets *targets,
				       unsigned number);

#endif
