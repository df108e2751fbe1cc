// SPDX-License-Identifier: BSD-2-Clause
/*
 * map_db.h - one connection to the map's file: what writer and reader share.
 *
 * Private to map.c, map_make.c and map_reader.c; with them it is the boundary
 * of SQLite, whose types and errors stop here.
 *
 * Errors	as map.h; every function that fails leaves a sentence with the
 *		remedy in `reason`
 */
#ifndef ERSATZ_COMMON_MAP_DB_H
#define ERSATZ_COMMON_MAP_DB_H

#include "common/compiler.h"
#include "common/map.h"

#include <sqlite3.h>

#define MAP_BOOT_ID_SIZE 40 /* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" */

struct map_db {
	sqlite3 *sqlite;  /* owned; NULL: not open */
	const char *path; /* borrowed */
	char *reason;     /* borrowed, MAP_REASON_SIZE */
};

/* The row of table `state`. */
struct map_db_state {
	struct fake_pool pool;
	uint32_t reserved_end;
	uint32_t floor;
	char boot_id[MAP_BOOT_ID_SIZE];
	bool is_clean;
};

/* Opens; reads nothing yet.  The connection never checkpoints on close. */
NODISCARD int map_db_open(struct map_db *db, int flags);
void map_db_close(struct map_db *db);

/* Writes the sentence; returns `err`. */
int map_db_say(struct map_db *db, int err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* Turns SQLite's last error into ours.  `verb` is "read", "write", ... */
int map_db_fail(struct map_db *db, const char *verb);

NODISCARD int map_db_exec(struct map_db *db, const char *sql);
NODISCARD int map_db_prepare(struct map_db *db, sqlite3_stmt **statement,
			     const char *sql);

/* Is it ours, and of a version that we know?  By what SQLite reads ... */
NODISCARD int map_db_identify(struct map_db *db);
/* ... and by the two numbers, wherever they come from. */
NODISCARD int map_db_check_ids(struct map_db *db, int64_t id, int64_t version);
NODISCARD int map_db_state(struct map_db *db, struct map_db_state *state);

/* Columns slot, created, name of a statement that stands on a row. */
NODISCARD int map_db_row(struct map_db *db, sqlite3_stmt *statement,
			 struct map_row *row);

/*
 * Every row in order of slot.  No statement is open while `fn` runs, so a
 * slow one does not hold the WAL.
 */
NODISCARD int map_db_each(struct map_db *db, map_row_fn fn, void *ctx);

/* Was the file removed or another put in its place? */
bool map_db_has_moved(struct map_db *db);

#endif
