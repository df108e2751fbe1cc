// SPDX-License-Identifier: BSD-2-Clause
/*
 * pool.h - which slot of the fake pool a new name gets.
 *
 * Slots that were never used are handed out first, in rising order, and only
 * from blocks that the caller has reserved durably.  Where to go on after a
 * start follows from what the file holds (rows, floor, reservation) and from
 * nothing else, so there is no cursor that a crash could leave wrong.  Blocks
 * grow while names come fast, so that the synchronous commit of a reservation
 * stays rare.
 *
 * When none is left the caller takes idle ones back, a few at a time, the
 * least recently used first: it asks pool_idle(), deletes their rows durably,
 * and gives them to pool_refill().  What was used is not known from before the
 * start, so every slot below the first unused one counts as used then.
 *
 * A pool knows neither DNS nor SQLite: map.h stores what it decides.
 *
 * Units	slots are offsets from the pool's first address; times are
 *		milliseconds of CLOCK_BOOTTIME, which goes on in suspend
 * Errors	negative, see common/err.h; nothing here logs
 * Ownership	pool_new() gives the pool to the caller
 * Thread	the thread of the loop, and no other
 */
#ifndef ERSATZ_DNSD_POOL_H
#define ERSATZ_DNSD_POOL_H

#include "common/compiler.h"
#include "common/fake.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_BLOCK_MIN 256
#define POOL_BLOCK_MAX 4096
#define POOL_REFILL_MAX 256

struct pool;

/* What the file says; struct map_state has the last two. */
struct pool_start {
	uint32_t rows_end;     /* the highest slot with a row, plus one */
	uint32_t floor;        /* no slot below is handed out */
	uint32_t reserved_end; /* slots below are reserved */
	int64_t now_ms;
};

NODISCARD int pool_new(struct pool **pool, const struct fake_pool *fake,
		       const struct pool_start *start);
void pool_free(struct pool *pool);

/*
 * A slot for a new name.  -EAGAIN: reserve up to pool_block_end() first, tell
 * pool_reserved(), and call again.  ERR_FULL: there is none; idle ones may be
 * taken back, see pool_idle().
 */
NODISCARD int64_t pool_take(struct pool *pool);

/*
 * Where the next block ends; at most the pool's own end.  It may be reserved
 * before pool_take() asks for it: pool_is_low() says when that is due.
 */
uint32_t pool_block_end(const struct pool *pool, int64_t now_ms);
bool pool_is_low(const struct pool *pool);
/* One that ends below what is reserved already changes nothing. */
void pool_reserved(struct pool *pool, uint32_t end, int64_t now_ms);

/*
 * The slots that were last used before `before_ms`, the least recently used
 * first; at most `max`, which is POOL_REFILL_MAX or less.  Only for when
 * pool_take() says ERR_FULL.
 */
size_t pool_idle(const struct pool *pool, int64_t before_ms, uint32_t *slots,
		 size_t max);

/* They have no row any more, durably: hand them out, in this order. */
void pool_refill(struct pool *pool, const uint32_t *slots, size_t count);

/*
 * Takes the slot back that was handed out last (of those not given back yet):
 * its row could not be stored and no answer has told it.
 */
void pool_give_back(struct pool *pool, uint32_t slot);

/* Notes that the slot was answered, or used by a flow, now. */
void pool_touch(struct pool *pool, uint32_t slot, int64_t now_ms);

/* When that was, to the second; -1: not since the start. */
int64_t pool_last_used_ms(const struct pool *pool, uint32_t slot);

/* Slots for names in all, and those that can be handed out as they are. */
uint32_t pool_slots(const struct pool *pool);
uint32_t pool_left(const struct pool *pool);

#endif
