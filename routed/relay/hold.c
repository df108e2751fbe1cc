// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/hold.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct holds {
	struct tuples *own; /* owned: of the dials' sockets */
	int64_t entering_ms;
	uint32_t capacity, count, fresh;
	uint16_t serial; /* upper half of the next ticket */
	struct hold *free;
	struct hold *first[HOLD_STAGES],
		*last[HOLD_STAGES]; /* by stage, first late first */
	struct hold pool[];
};

int holds_new(struct holds **holds, uint32_t capacity, int64_t entering_ms)
{
	struct holds *new;
	int ret;

	assert(capacity <= HOLDS_MAX);
	new = calloc(1, sizeof(*new) + capacity * sizeof(new->pool[0]));
	if (!new)
		return -ENOMEM;
	ret = tuples_new(&new->own, capacity);
	if (ret < 0)
		goto free_holds;
	new->capacity = capacity;
	new->entering_ms = entering_ms;
	*holds = new;
	return 0;

free_holds:
	free(new);
	return ret;
}

void holds_free(struct holds *holds)
{
	if (!holds)
		return;
	tuples_free(holds->own);
	free(holds);
}

/* At the end, but right after a reload that made the time shorter. */
static void queue_join(struct holds *holds, struct hold *hold)
{
	struct hold *prev = holds->last[hold->stage], *next = NULL;

	while (prev && prev->deadline_ms > hold->deadline_ms) {
		next = prev;
		prev = prev->prev;
	}
	hold->prev = prev;
	hold->next = next;
	if (prev)
		prev->next = hold;
	else
		holds->first[hold->stage] = hold;
	if (next)
		next->prev = hold;
	else
		holds->last[hold->stage] = hold;
}

static void queue_leave(struct holds *holds, struct hold *hold)
{
	if (hold->prev)
		hold->prev->next = hold->next;
	else
		holds->first[hold->stage] = hold->next;
	if (hold->next)
		hold->next->prev = hold->prev;
	else
		holds->last[hold->stage] = hold->prev;
}

struct hold *holds_take(struct holds *holds, struct flow *flow, int64_t now_ms,
			int64_t dialling_ms)
{
	struct hold *hold = holds->free;

	if (hold) {
		holds->free = hold->next;
	} else {
		if (holds->fresh == holds->capacity)
			return NULL;
		hold = &holds->pool[holds->fresh];
		hold->number = holds->fresh++;
	}
	holds->count++;
	holds->serial++;
	/* Half of the numbers are for UDP: inquiry.h. */
	hold->ticket = (holds->serial & 0x7fffU) << 16 | hold->number;
	hold->flow = flow;
	hold->stage = HOLD_DIALLING;
	hold->deadline_ms = now_ms + dialling_ms;
	hold->name.length = 0;
	hold->asked_us = 0;
	hold->needs_owner = hold->needs_name = false;
	hold->tried.count = 0;
	hold->dial.phase = DIAL_NONE;
	hold->frame_length = 0;
	queue_join(holds, hold);
	return hold;
}

void holds_enter(struct holds *holds, struct hold *hold, int64_t now_ms)
{
	assert(hold->stage == HOLD_DIALLING);
	tuples_del(holds->own, hold->number);
	holds_move(holds, hold, HOLD_ENTERING, now_ms + holds->entering_ms);
}

void holds_move(struct holds *holds, struct hold *hold, enum hold_stage stage,
		int64_t deadline_ms)
{
	queue_leave(holds, hold);
	hold->stage = stage;
	hold->deadline_ms = deadline_ms;
	queue_join(holds, hold);
}

void holds_give(struct holds *holds, struct hold *hold)
{
	queue_leave(holds, hold);
	tuples_del(holds->own, hold->number);
	hold->flow = NULL;
	hold->next = holds->free;
	holds->free = hold;
	holds->count--;
}

bool hold_keep(struct hold *hold, const uint8_t *frame, size_t length)
{
	if (length > sizeof(hold->frame))
		return false;
	memcpy(hold->frame, frame, length);
	hold->frame_length = (uint16_t)length;
	return true;
}

struct hold *holds_by_ticket(struct holds *holds, uint32_t ticket)
{
	uint32_t number = ticket & 0xffff;
	struct hold *hold;

	if (number >= holds->fresh)
		return NULL;
	hold = &holds->pool[number];
	return hold->flow && hold->ticket == ticket ? hold : NULL;
}

struct hold *holds_late(const struct holds *holds, int64_t now_ms)
{
	for (int stage = 0; stage < HOLD_STAGES; stage++) {
		struct hold *hold = holds->first[stage];

		if (hold && hold->deadline_ms <= now_ms)
			return hold;
	}
	return NULL;
}

uint32_t holds_count(const struct holds *holds)
{
	return holds->count;
}

void holds_set_own(struct holds *holds, const struct hold *hold,
		   const struct tuple *own)
{
	tuples_del(holds->own, hold->number);
	tuples_add(holds->own, hold->number, own);
}

bool holds_has_own(const struct holds *holds, const struct tuple *tuple)
{
	return tuples_find(holds->own, tuple) >= 0;
}
