// SPDX-License-Identifier: BSD-2-Clause
#include "dnsd/fakes.h"

#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"
#include "dnsd/names.h"
#include "dnsd/pool.h"

#include <errno.h>
#include <stdlib.h>

#define LOG_BURST 5
#define IDLE_RETRY_MS 500

struct fakes {
	struct map *map;     /* borrowed */
	struct names *names; /* owned */
	struct pool *pool;   /* owned */
	struct fake_pool fake;

	/* New names of this batch: in the index, not in the file yet. */
	struct map_row pending[FAKES_BATCH_MAX];
	size_t pending_count;
	uint8_t *pending_bits; /* owned: a bit for each slot of these */
	/* A reservation failed: not tried again before the next batch. */
	int reserve_error;
	bool is_reserving; /* the next block is on its way to the disk */
	int64_t taken_ms;  /* when the last new name came */

	int64_t guard_ms;
	int64_t idle_retry_ms; /* nothing was idle: look again then */
	struct fakes_stats stats;
	struct log_limit store_limit;
	struct log_limit full_limit;
};

struct loading {
	struct fakes *fakes;
	uint32_t rows_end;
	uint32_t left_out;
};

static uint64_t hash_of(const struct name *name)
{
	return name_hash(name->wire, name->length);
}

/*
 * A row that cannot be used is left out and said, not fatal: its slot is
 * behind rows_end all the same, so nobody else gets it.
 */
static int load_row(void *ctx, const struct map_row *row)
{
	struct loading *loading = ctx;
	struct fakes *fakes = loading->fakes;
	char text[NAME_TEXT_SIZE];
	int ret = -EINVAL;

	if (row->slot >= loading->rows_end &&
	    row->slot < fake_pool_size(&fakes->fake))
		loading->rows_end = row->slot + 1;
	if (!fake_slot_is_reserved(&fakes->fake, row->slot))
		ret = names_add(fakes->names, row->slot, &row->name,
				hash_of(&row->name));
	if (ret != -EEXIST && ret != -EINVAL)
		return ret;
	if (loading->left_out++ < LOG_BURST)
		log_warning("leaving out slot %u of the map, '%s': %s",
			    row->slot,
			    name_format(&row->name, text, sizeof(text)),
			    ret == -EEXIST ? "the name has another slot"
					   : "no slot for names");
	return 0;
}

static int load(struct fakes *fakes, int64_t now_ms)
{
	struct loading loading = {.fakes = fakes};
	struct map_state state;
	struct pool_start start;
	int ret;

	ret = map_load(fakes->map, load_row, &loading, &state);
	if (ret < 0)
		return ret;
	start = (struct pool_start){
		.rows_end = loading.rows_end,
		.floor = state.floor,
		.reserved_end = state.reserved_end,
		.now_ms = now_ms,
	};
	ret = pool_new(&fakes->pool, &fakes->fake, &start);
	if (ret < 0)
		return ret;
	log_info("loaded %u names, %u slots left%s", names_count(fakes->names),
		 pool_left(fakes->pool),
		 state.is_unclean_boot ? ", going on at the next block" : "");
	return 0;
}

int fakes_new(struct fakes **fakes, struct map *map,
	      const struct fake_pool *pool, int64_t now_ms)
{
	struct fakes *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->stats.held_ms = -1;
	new->guard_ms = INT64_MAX;
	new->map = map;
	new->fake = *pool;
	new->store_limit.burst = LOG_BURST;
	new->full_limit.burst = LOG_BURST;
	new->pending_bits = calloc(1, fake_pool_size(pool) / 8 + 1);
	ret = new->pending_bits ? 0 : -ENOMEM;
	if (ret == 0)
		ret = names_new(&new->names, fake_pool_size(pool));
	if (ret == 0)
		ret = load(new, now_ms);
	if (ret < 0) {
		fakes_free(new);
		return ret;
	}
	*fakes = new;
	return 0;
}

void fakes_free(struct fakes *fakes)
{
	if (!fakes)
		return;
	pool_free(fakes->pool);
	names_free(fakes->names);
	free(fakes->pending_bits);
	free(fakes);
}

void fakes_set_guard(struct fakes *fakes, int64_t guard_ms)
{
	fakes->guard_ms = guard_ms;
	fakes->idle_retry_ms = 0;
}

void fakes_hold(struct fakes *fakes, uint32_t slot, int64_t now_ms)
{
	if (!fake_slot_is_reserved(&fakes->fake, slot))
		pool_touch(fakes->pool, slot, now_ms);
}

void fakes_hold_all(struct fakes *fakes, int64_t now_ms)
{
	fakes->stats.held_ms = now_ms;
	fakes->idle_retry_ms = 0;
}

static int reserve(struct fakes *fakes, int64_t now_ms)
{
	uint32_t end = pool_block_end(fakes->pool, now_ms);
	int ret;

	if (fakes->reserve_error)
		return fakes->reserve_error;
	ret = map_reserve(fakes->map, end);
	if (ret < 0) {
		fakes->reserve_error = ret;
		fakes->stats.failed++;
		if (log_limit_pass(&fakes->store_limit))
			log_error("cannot reserve addresses for new names: %s",
				  map_reason(fakes->map));
		return ret;
	}
	pool_reserved(fakes->pool, end, now_ms);
	return 0;
}

/* What the relay told must be young, or a new flow may be missing in it. */
static bool knows_flows(const struct fakes *fakes, int64_t now_ms)
{
	return fakes->stats.held_ms >= 0 &&
	       now_ms - fakes->stats.held_ms <= fakes->guard_ms / 2;
}

/* Takes idle slots back: 0 when there are some now, ERR_FULL, or an error. */
static int recycle(struct fakes *fakes, int64_t now_ms)
{
	uint32_t slots[POOL_REFILL_MAX];
	size_t count;
	int ret;

	if (fakes->reserve_error)
		return fakes->reserve_error;
	if (now_ms < fakes->idle_retry_ms || !knows_flows(fakes, now_ms))
		return ERR_FULL;
	count = pool_idle(fakes->pool, now_ms - fakes->guard_ms, slots,
			  ARRAY_LEN(slots));
	if (count == 0) {
		fakes->idle_retry_ms = now_ms + IDLE_RETRY_MS;
		return ERR_FULL;
	}
	ret = map_delete(fakes->map, slots, count);
	if (ret < 0) {
		fakes->reserve_error = ret;
		fakes->stats.failed++;
		if (log_limit_pass(&fakes->store_limit))
			log_error("cannot take idle addresses back: %s",
				  map_reason(fakes->map));
		return ret;
	}
	for (size_t i = 0; i < count; i++)
		names_del(fakes->names, slots[i]);
	pool_refill(fakes->pool, slots, count);
	fakes->stats.recycled += count;
	return 0;
}

static const char *why_none_is_idle(const struct fakes *fakes, int64_t now_ms)
{
	return knows_flows(fakes, now_ms)
		       ? "none was idle for 'dnsd.fake.guard'"
		       : "routed has not told which ones flows use";
}

const char *fakes_why_full(const struct fakes *fakes, int64_t now_ms)
{
	uint32_t slot;

	if (pool_left(fakes->pool) > 0)
		return NULL;
	if (now_ms >= fakes->idle_retry_ms && knows_flows(fakes, now_ms) &&
	    pool_idle(fakes->pool, now_ms - fakes->guard_ms, &slot, 1) > 0)
		return NULL;
	return why_none_is_idle(fakes, now_ms);
}

static void log_full(struct fakes *fakes, int64_t now_ms)
{
	if (!log_limit_pass(&fakes->full_limit))
		return;
	log_error("refusing new names: all %u addresses of the pool are given, "
		  "and %s",
		  pool_slots(fakes->pool), why_none_is_idle(fakes, now_ms));
}

/* Before it is needed; where that fails reserve() will say why. */
static void reserve_ahead(struct fakes *fakes)
{
	if (fakes->is_reserving || !pool_is_low(fakes->pool))
		return;
	fakes->is_reserving =
		map_reserve_start(
			fakes->map,
			pool_block_end(fakes->pool, fakes->taken_ms)) == 0;
}

void fakes_reserved(struct fakes *fakes, int64_t now_ms)
{
	int64_t end = map_reserve_end(fakes->map);

	if (end == -EAGAIN)
		return;
	fakes->is_reserving = false;
	if (end > 0)
		pool_reserved(fakes->pool, (uint32_t)end, now_ms);
}

static int64_t take_slot(struct fakes *fakes, int64_t now_ms)
{
	int64_t slot = pool_take(fakes->pool);

	if (slot == -EAGAIN) {
		int ret = reserve(fakes, now_ms);

		if (ret < 0)
			return ret;
		slot = pool_take(fakes->pool);
	}
	if (slot == ERR_FULL) {
		int ret = recycle(fakes, now_ms);

		slot = ret < 0 ? ret : pool_take(fakes->pool);
	}
	if (slot == ERR_FULL) {
		fakes->stats.full++;
		log_full(fakes, now_ms);
	}
	return slot;
}

static int64_t take_new(struct fakes *fakes, const struct name *name,
			uint64_t hash, int64_t now_ms)
{
	struct map_row *row = &fakes->pending[fakes->pending_count];
	int64_t slot;
	int ret;

	if (fakes->pending_count == FAKES_BATCH_MAX)
		return -EBUSY;
	slot = take_slot(fakes, now_ms);
	if (slot < 0)
		return slot;
	ret = names_add(fakes->names, (uint32_t)slot, name, hash);
	if (ret < 0) {
		pool_give_back(fakes->pool, (uint32_t)slot);
		return ret;
	}
	fakes->taken_ms = now_ms;
	row->slot = (uint32_t)slot;
	row->name = *name;
	fakes->pending_count++;
	fakes->pending_bits[slot / 8] |= (uint8_t)(1U << slot % 8);
	return slot;
}

static bool is_pending(const struct fakes *fakes, int64_t slot)
{
	return fakes->pending_count > 0 &&
	       fakes->pending_bits[slot / 8] & (1U << slot % 8);
}

static void end_pending(struct fakes *fakes)
{
	for (size_t i = 0; i < fakes->pending_count; i++)
		fakes->pending_bits[fakes->pending[i].slot / 8] = 0;
	fakes->pending_count = 0;
}

void fakes_expect(const struct fakes *fakes, uint64_t hash, unsigned step)
{
	names_expect(fakes->names, hash, step);
}

int64_t fakes_take(struct fakes *fakes, const struct name *name, uint64_t hash,
		   int64_t now_ms, bool *is_promise)
{
	int64_t slot = names_find(fakes->names, name, hash);

	if (slot == -ENOENT)
		slot = take_new(fakes, name, hash, now_ms);
	if (slot < 0)
		return slot;
	pool_touch(fakes->pool, (uint32_t)slot, now_ms);
	*is_promise = is_pending(fakes, slot);
	return slot;
}

static void forget_pending(struct fakes *fakes)
{
	for (size_t i = fakes->pending_count; i > 0; i--) {
		uint32_t slot = fakes->pending[i - 1].slot;

		names_del(fakes->names, slot);
		pool_give_back(fakes->pool, slot);
	}
}

int fakes_commit(struct fakes *fakes)
{
	size_t count = fakes->pending_count;
	int64_t created_ms;
	int ret;

	fakes->reserve_error = 0;
	if (count == 0)
		return 0;
	created_ms = clock_wall_ms();
	for (size_t i = 0; i < count; i++)
		fakes->pending[i].created_ms = created_ms;
	ret = map_add(fakes->map, fakes->pending, count);
	if (ret < 0) {
		fakes->stats.failed++;
		forget_pending(fakes);
		if (log_limit_pass(&fakes->store_limit))
			log_error("cannot store %zu new names: %s", count,
				  map_reason(fakes->map));
	} else {
		fakes->stats.commits++;
		fakes->stats.taken += count;
	}
	end_pending(fakes);
	if (ret == 0)
		reserve_ahead(fakes);
	return ret < 0 ? ret : 0;
}

int64_t fakes_find(const struct fakes *fakes, const struct name *name)
{
	int64_t slot = names_find(fakes->names, name, hash_of(name));

	return slot >= 0 && is_pending(fakes, slot) ? -ENOENT : slot;
}

int fakes_name(const struct fakes *fakes, uint32_t slot, struct name *name)
{
	if (slot < fake_pool_size(&fakes->fake) && is_pending(fakes, slot))
		return -ENOENT;
	return names_get(fakes->names, slot, name);
}

int64_t fakes_last_used_wall_ms(const struct fakes *fakes, uint32_t slot)
{
	int64_t used_ms = pool_last_used_ms(fakes->pool, slot);

	if (used_ms < 0)
		return -1;
	return clock_wall_ms() - (clock_boottime_ms() - used_ms);
}

const char *fakes_reason(const struct fakes *fakes)
{
	return map_reason(fakes->map);
}

void fakes_stats(const struct fakes *fakes, struct fakes_stats *stats)
{
	*stats = fakes->stats;
	stats->names = names_count(fakes->names);
	stats->slots = pool_slots(fakes->pool);
	stats->free = pool_left(fakes->pool);
}
