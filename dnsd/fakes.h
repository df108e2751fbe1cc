// SPDX-License-Identifier: BSD-2-Clause
/*
 * fakes.h - which fake address a name has, durably.
 *
 * Joins the index (names.h), the allocator (pool.h) and the file (map.h).  A
 * name that is new takes a slot at once, in memory; its row is committed by
 * fakes_commit(), together with all others of the batch, before any answer
 * leaves.  When that fails the new names of the batch are forgotten again:
 * no answer told them, and the next question takes a slot anew.
 *
 * Units	times are milliseconds, monotonic unless they say wall
 * Errors	-errno, ERR_FULL; -ENOENT for what is not there
 * Ownership	fakes_new() gives to the caller
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_DNSD_FAKES_H
#define ERSATZ_DNSD_FAKES_H

#include "common/compiler.h"
#include "common/fake.h"
#include "common/map.h"
#include "common/name.h"

/* New names of one batch at most; more are refused (-EBUSY). */
#define FAKES_BATCH_MAX 1024

struct fakes;

/* Loads every row; logs what it found.  The map is borrowed. */
NODISCARD int fakes_new(struct fakes **fakes, struct map *map,
			const struct fake_pool *pool);
void fakes_free(struct fakes *fakes);

/*
 * The slot of a name, a new one if need be.  `*is_promise` tells whether its
 * row is yet to be committed.  ERR_FULL when no slot is free, or the error of
 * the map when no more could be reserved (fakes_reason() has the text); both
 * are counted and logged with a limit.
 */
NODISCARD int64_t fakes_take(struct fakes *fakes, const struct name *name,
			     int64_t now_ms, bool *is_promise);

/* Commits the new names; 0 if there were none. */
NODISCARD int fakes_commit(struct fakes *fakes);

/*
 * The slot of a name that has one; -ENOENT.  This and fakes_name() know only
 * what is committed: whoever asks them tells it to somebody at once.
 */
NODISCARD int64_t fakes_find(const struct fakes *fakes,
			     const struct name *name);

/* The name of a slot; -ENOENT. */
NODISCARD int fakes_name(const struct fakes *fakes, uint32_t slot,
			 struct name *name);

/* When it was last answered; -1: not since the start. */
int64_t fakes_last_used_wall_ms(const struct fakes *fakes, uint32_t slot);

/* The map's sentence for the last error, with the remedy; "" without one. */
const char *fakes_reason(const struct fakes *fakes);

struct fakes_stats {
	uint32_t names;   /* that have a slot */
	uint32_t slots;   /* that names can have at all */
	uint32_t free;    /* never used yet */
	uint64_t taken;   /* new names since the start */
	uint64_t commits; /* transactions */
	uint64_t failed;  /* transactions that failed */
	uint64_t full;    /* questions refused for want of a slot */
};
void fakes_stats(const struct fakes *fakes, struct fakes_stats *stats);

#endif
