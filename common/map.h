// SPDX-License-Identifier: BSD-2-Clause
/*
 * map.h - the table of names and slots on disk; the boundary of SQLite.
 *
 * One writer (dnsd) and any number of readers.  A row that map_add() returned
 * from survives every crash of the process; slots are taken only from blocks
 * that map_reserve() committed with synchronous=FULL, so that a power cut,
 * which may take the last rows, can never give an address to a second name.
 * The tables are a public contract: schema/map.sql, fakemap(5).
 *
 * Errors	-errno, ERR_NOT_MAP, ERR_NEWER, ERR_CORRUPT, ERR_POOL; after
 *		one, map_reason() has the sentence for the user, with remedy
 * Ownership	map_open() and map_reader_open() give to the caller
 * Thread	one thread for each object
 */
#ifndef ERSATZ_COMMON_MAP_H
#define ERSATZ_COMMON_MAP_H

#include "common/compiler.h"
#include "common/fake.h"
#include "common/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_VERSION 1                 /* PRAGMA user_version */
#define MAP_APPLICATION_ID 0x4572537a /* "ErSz" */
#define MAP_REASON_SIZE 512

struct map;
struct map_reader;

struct map_row {
	uint32_t slot;
	int64_t created_ms; /* wall clock */
	struct name name;
};

/* What the file says of earlier runs; the pool's allocator starts from it. */
struct map_state {
	uint32_t reserved_end; /* slots below were reserved at some time */
	/*
	 * No slot below is taken for a new name: reserved_end of the last
	 * unclean boot, made durable (FULL) by map_open() itself.  Kept in the
	 * file, because rows lost in that boot stay lost after the next clean
	 * stop, and the highest row that is left cannot tell.
	 */
	uint32_t floor;
	bool is_unclean_boot; /* this start raised the floor */
	size_t rows;
};

typedef int (*map_row_fn)(void *ctx, const struct map_row *row);

/*
 * Opens for writing; makes file and tables if there are none.  A damaged file
 * is moved aside to "PATH.corrupt-TIME", never deleted, a new one made, and
 * ERR_CORRUPT is *not* returned: `reason` then tells, and the result is 1.
 * `reason` (MAP_REASON_SIZE) is set on every result but 0.
 */
NODISCARD int map_open(struct map **map, const char *path,
		       const struct fake_pool *pool, char *reason);

/* Every row in order of slot, then the state.  Stops at a negative result. */
NODISCARD int map_load(struct map *map, map_row_fn fn, void *ctx,
		       struct map_state *state);

/* All rows in one transaction; all or none is then durable. */
NODISCARD int map_add(struct map *map, const struct map_row *rows,
		      size_t count);

/* Reserves [reserved_end, end) with synchronous=FULL. */
NODISCARD int map_reserve(struct map *map, uint32_t end);

/*
 * The same in two steps, of which neither waits for the disk.  The descriptor
 * (-1: there is none, and the first step is an error) becomes readable when
 * the second has something to say: the end of what is reserved now, or
 * -EAGAIN, not yet; after another error nothing was reserved.  Between the
 * steps everything else may be called.
 */
NODISCARD int map_reserve_start(struct map *map, uint32_t end);
int map_reserve_fd(const struct map *map);
NODISCARD int64_t map_reserve_end(struct map *map);

/*
 * Deletes the rows of these slots in one transaction with synchronous=FULL, so
 * that no power cut can bring an old name back under an address that another
 * one was told.  A slot without a row is nothing to do.
 */
NODISCARD int map_delete(struct map *map, const uint32_t *slots, size_t count);

/* The text of the last error of this object; "" when there was none. */
const char *map_reason(const struct map *map);

/* Marks a clean stop and frees; NULL is fine. */
void map_close(struct map *map);

/*
 * Read only (mode=ro, never immutable).  -ENOENT when there is no file yet:
 * try again at the next lookup.
 */
NODISCARD int map_reader_open(struct map_reader **reader, const char *path,
			      char *reason);
void map_reader_close(struct map_reader *reader);

/* The pool that the map was made for. */
void map_reader_pool(const struct map_reader *reader, struct fake_pool *pool);

/* 1 and the row, 0 when the slot has no name, negative on error. */
NODISCARD int map_reader_by_slot(struct map_reader *reader, uint32_t slot,
				 struct map_row *row);
/* The same by name: a scan, for tools and never for the packet path. */
NODISCARD int map_reader_by_name(struct map_reader *reader,
				 const struct name *name, struct map_row *row);
NODISCARD int map_reader_each(struct map_reader *reader, map_row_fn fn,
			      void *ctx);

#endif
