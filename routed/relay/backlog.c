// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/backlog.h"

#include "routed/relay/hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Passes that one is busy for: the check may come before the flows' events
 * of its pass or after them.
 */
#define BUSY_PASSES 2
#define WAKE_S 0.01

#define NOBODY UINT16_MAX

struct waiting {
	uint16_t length;
	uint16_t next; /* of the lane, or free; NOBODY: the last one */
	uint8_t frame[HOLD_FRAME_MAX];
};

struct lane {
	uint16_t first, last; /* while there is one */
	unsigned count;
};

struct backlog {
	struct ev_loop *loop; /* borrowed */
	backlog_fn fn;
	void *ctx;
	struct ev_check check; /* each pass of the loop */
	struct ev_idle idle;   /* keeps it from sleeping meanwhile */
	struct ev_timer timer; /* or, without credit, from sleeping long */
	int left;              /* to be handed over in this pass */
	int busy;              /* passes from now on */
	double credit;
	ev_tstamp filled;      /* when it was filled up last */
	unsigned count, fresh; /* that wait; that waited ever */
	uint16_t free;         /* to be used again; NOBODY: none */
	unsigned turn;         /* whose it is */
	struct lane lanes[BACKLOG_LANES];
	struct waiting pool[BACKLOG_SIZE];
};

static void add_credit(struct backlog *backlog, double credit)
{
	backlog->credit += credit;
	if (backlog->credit > BACKLOG_CREDIT)
		backlog->credit = BACKLOG_CREDIT;
}

static bool may_hand_over(struct backlog *backlog)
{
	if (backlog->left == 0 || backlog->credit < 1)
		return false;
	backlog->left--;
	backlog->credit--;
	return true;
}

/* Of the next lane that has one. */
static struct waiting *take_next(struct backlog *backlog)
{
	struct lane *lane;
	struct waiting *next;

	do
		lane = &backlog->lanes[backlog->turn++ % BACKLOG_LANES];
	while (lane->count == 0);
	next = &backlog->pool[lane->first];
	lane->first = next->next;
	lane->count--;
	backlog->count--;
	return next;
}

static void give_back(struct backlog *backlog, struct waiting *waiting)
{
	waiting->next = backlog->free;
	backlog->free = (uint16_t)(waiting - backlog->pool);
}

/* Asks for another pass, soon or later, while something waits. */
static void wake(struct backlog *backlog)
{
	bool is_waiting = backlog->count > 0;

	if (is_waiting && backlog->credit >= 1)
		ev_idle_start(backlog->loop, &backlog->idle);
	else
		ev_idle_stop(backlog->loop, &backlog->idle);
	if (!is_waiting)
		ev_timer_stop(backlog->loop, &backlog->timer);
	else if (!ev_is_active(&backlog->timer))
		ev_timer_again(backlog->loop, &backlog->timer);
}

static void on_check(struct ev_loop *loop, struct ev_check *check, int revents)
{
	struct backlog *backlog = check->data;
	ev_tstamp now = ev_now(loop);
	bool is_busy = backlog->busy > 0;

	(void)revents;
	add_credit(backlog,
		   (now - backlog->filled) *
			   (is_busy ? BACKLOG_BUSY_REFILL : BACKLOG_REFILL));
	backlog->filled = now;
	backlog->left = is_busy ? BACKLOG_BUSY_TURN : BACKLOG_TURN;
	if (is_busy)
		backlog->busy--;
	if (backlog->count == 0)
		return;
	while (backlog->count > 0 && may_hand_over(backlog)) {
		struct waiting *next = take_next(backlog);

		backlog->fn(backlog->ctx, next->frame, next->length);
		give_back(backlog, next);
	}
	wake(backlog);
}

/* The check does it. */
static void on_idle(struct ev_loop *loop, struct ev_idle *idle, int revents)
{
	(void)loop, (void)idle, (void)revents;
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	(void)loop, (void)timer, (void)revents;
}

int backlog_new(struct backlog **backlog, struct ev_loop *loop, backlog_fn fn,
		void *ctx)
{
	struct backlog *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->fn = fn;
	new->ctx = ctx;
	new->left = BACKLOG_TURN;
	new->credit = BACKLOG_CREDIT;
	new->free = NOBODY;
	new->filled = ev_now(loop);
	ev_check_init(&new->check, on_check);
	ev_idle_init(&new->idle, on_idle);
	ev_timer_init(&new->timer, on_timer, 0, WAKE_S);
	new->check.data = new;
	ev_check_start(loop, &new->check);
	*backlog = new;
	return 0;
}

void backlog_free(struct backlog *backlog)
{
	if (!backlog)
		return;
	ev_check_stop(backlog->loop, &backlog->check);
	ev_idle_stop(backlog->loop, &backlog->idle);
	ev_timer_stop(backlog->loop, &backlog->timer);
	free(backlog);
}

/* There must be room. */
static struct waiting *append(struct backlog *backlog, struct lane *lane)
{
	uint16_t number = backlog->free;
	struct waiting *last;

	if (number != NOBODY)
		backlog->free = backlog->pool[number].next;
	else
		number = (uint16_t)backlog->fresh++;
	last = &backlog->pool[number];
	last->next = NOBODY;
	if (lane->count == 0)
		lane->first = number;
	else
		backlog->pool[lane->last].next = number;
	lane->last = number;
	lane->count++;
	backlog->count++;
	return last;
}

bool backlog_add(struct backlog *backlog, uint64_t source, const uint8_t *frame,
		 size_t length)
{
	struct lane *lane = &backlog->lanes[source % BACKLOG_LANES];
	unsigned room = BACKLOG_SIZE - backlog->count;
	struct waiting *last;

	if (backlog->count == 0 && may_hand_over(backlog)) {
		backlog->fn(backlog->ctx, frame, length);
		return true;
	}
	if (room == 0 || length > HOLD_FRAME_MAX ||
	    (source != 0 && lane->count >= room))
		return false;
	last = append(backlog, lane);
	memcpy(last->frame, frame, length);
	last->length = (uint16_t)length;
	wake(backlog);
	return true;
}

void backlog_note_flow(struct backlog *backlog)
{
	if (backlog)
		add_credit(backlog, BACKLOG_REFUND);
}

void backlog_note_busy(struct backlog *backlog)
{
	if (backlog)
		backlog->busy = BUSY_PASSES;
}
