// SPDX-License-Identifier: BSD-2-Clause
/*
 * hold.h - flows that are not open yet, and what waits for them.
 *
 * A flow has a hold from its first SYN until the inner namespace accepted it:
 * the bytes of its *newest* SYN (the first one, injected late, would give
 * the connection a round-trip time of seconds), the dial that is under way,
 * and a deadline.  Holds are a fixed pool, smaller than that of the flows:
 * it bounds how many are half open.
 *
 * Also known here are the endpoints of the dials themselves: a SYN with
 * these that comes out of the TUN is our own and must never be carried.
 *
 * Units	milliseconds of the monotonic clock
 * Errors	NULL: the pool is used up
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_HOLD_H
#define ERSATZ_ROUTED_RELAY_HOLD_H

#include "routed/relay/choice.h"
#include "routed/relay/dial.h"
#include "routed/relay/flows.h"

/*
 * The header of the TUN and a SYN with all its options, IPv6 extension
 * headers and some data (TCP Fast Open).  An application whose SYN is larger
 * sends the next one without data.
 */
#define HOLD_FRAME_MAX 512

enum hold_stage {
	HOLD_DIALLING, /* the outbound is asked for or dialled */
	HOLD_ENTERING, /* the SYN is in the inner namespace */
	HOLD_SNIFFING, /* the application is to say a name */
	HOLD_STAGES,
};

struct hold {
	struct flow *flow; /* borrowed */
	uint32_t number;
	uint32_t ticket; /* unique for long: its low 16 bits are the number */
	enum hold_stage stage;
	int64_t deadline_ms;
	struct hold *next, *prev;
	struct name name; /* of the fake address; length 0: a real one */
	struct choice_tried tried;    /* before this one */
	uint8_t ttl;                  /* of the SYN; 0: a usual one */
	int64_t asked_us, entered_us; /* monotonic clock */
	bool needs_owner;             /* before anything is decided */
	bool needs_name;              /* what is decided may change by it */
	struct dial dial;
	uint16_t frame_length;
	uint8_t frame[HOLD_FRAME_MAX];
};

struct holds;

#define HOLDS_MAX 65535

/* Times are how long a hold may stay in each stage. */
NODISCARD int holds_new(struct holds **holds, uint32_t capacity,
			int64_t entering_ms);
void holds_free(struct holds *holds);

/* Begins with HOLD_DIALLING, for `dialling_ms` from now on. */
struct hold *holds_take(struct holds *holds, struct flow *flow, int64_t now_ms,
			int64_t dialling_ms);
void holds_enter(struct holds *holds, struct hold *hold, int64_t now_ms);
/* On to another stage, for at most so long. */
void holds_move(struct holds *holds, struct hold *hold, enum hold_stage stage,
		int64_t deadline_ms);
void holds_give(struct holds *holds, struct hold *hold);

/* Keeps these bytes in the place of older ones; false: they are too many. */
NODISCARD bool hold_keep(struct hold *hold, const uint8_t *frame,
			 size_t length);

/* The hold that the ticket was given out for, NULL if it is gone. */
struct hold *holds_by_ticket(struct holds *holds, uint32_t ticket);

/* One whose deadline has passed, or NULL. */
struct hold *holds_late(const struct holds *holds, int64_t now_ms);
uint32_t holds_count(const struct holds *holds);

/* The endpoints of a dial's socket; an older pair is forgotten. */
void holds_set_own(struct holds *holds, const struct hold *hold,
		   const struct tuple *own);
bool holds_has_own(const struct holds *holds, const struct tuple *tuple);

#endif
