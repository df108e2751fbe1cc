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
 * When every address was given, names that are idle lose theirs: their rows
 * are deleted in one flushed commit before the first of their slots is handed
 * out.  Idle means: not answered within the guard time, and not used by a
 * flow.  The relay tells of flows (fakes_hold()), of each again every quarter
 * of a guard time (fakes_hold_all()); so long as it has not told of all within
 * the last half, nothing is idle, and new names are refused.
 *
 * Units	times are milliseconds of CLOCK_BOOTTIME unless they say wall
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
			const struct fake_pool *pool, int64_t now_ms);
void fakes_free(struct fakes *fakes);

/* At the start, and again at a reload. */
void fakes_set_guard(struct fakes *fakes, int64_t guard_ms);

/*
 * The slot of a name, whose name_hash() is `hash`; a new one if need be.
 * `*is_promise` tells whether its row is yet to be committed.  ERR_FULL when no
 * slot is free, or the error of the map when no more could be reserved
 * (fakes_reason() has the text); both are counted and logged with a limit.
 */
NODISCARD int64_t fakes_take(struct fakes *fakes, const struct name *name,
			     uint64_t hash, int64_t now_ms, bool *is_promise);

/* A name with that hash may be taken soon, as names_expect() says. */
void fakes_expect(const struct fakes *fakes, uint64_t hash, unsigned step);

/* A flow uses the slot's address now; one that no name can have is ignored. */
void fakes_hold(struct fakes *fakes, uint32_t slot, int64_t now_ms);
/* fakes_hold() was called for every flow that there is, and will be for ... */
void fakes_hold_all(struct fakes *fakes, int64_t now_ms); /* ... new ones */

/*
 * Commits the new names; 0 if there were none.  When half of the addresses
 * that are reserved was given, more are, which ends in fakes_reserved(): so
 * nobody waits for the disk unless names come faster than it writes.
 */
NODISCARD int fakes_commit(struct fakes *fakes);

/* map_reserve_fd() is readable. */
void fakes_reserved(struct fakes *fakes, int64_t now_ms);

/*
 * The slot of a name that has one; -ENOENT.  This and fakes_name() know only
 * what is committed: whoever asks them tells it to somebody at once.
 */
NODISCARD int64_t fakes_find(const struct fakes *fakes,
			     const struct name *name);

/* The name of a slot; -ENOENT. */
NODISCARD int fakes_name(const struct fakes *fakes, uint32_t slot,
			 struct name *name);

/*
 * Why a name that has no slot would get none now, as the end of a sentence
 * that begins with all of them being given; NULL: it would get one, as far as
 * the map can be written.
 */
const char *fakes_why_full(const struct fakes *fakes, int64_t now_ms);

/* When it was last answered; -1: not since the start. */
int64_t fakes_last_used_wall_ms(const struct fakes *fakes, uint32_t slot);

/* The map's sentence for the last error, with the remedy; "" without one. */
const char *fakes_reason(const struct fakes *fakes);

struct fakes_stats {
	uint32_t names;    /* that have a slot */
	uint32_t slots;    /* that names can have at all */
	uint32_t free;     /* of these, can be given at once */
	uint64_t taken;    /* new names since the start */
	uint64_t recycled; /* names that lost theirs, as they were idle */
	int64_t held_ms;  /* when the relay told of all flows; -1: it did not */
	uint64_t commits; /* transactions */
	uint64_t failed;  /* transactions that failed */
	uint64_t full;    /* questions refused for want of a slot */
};
void fakes_stats(const struct fakes *fakes, struct fakes_stats *stats);

#endif
