// SPDX-License-Identifier: BSD-2-Clause
/*
 * map_make.h - the file of the map before anybody writes to it: looking at
 * what is there, moving a damaged one aside, making a new one.
 *
 * Private to map.c.  Nothing here changes a file that is in its place; what
 * is there is read without a single write until it is known to be good.
 *
 * Errors	as map.h, with the sentence in db->reason
 */
#ifndef ERSATZ_COMMON_MAP_MAKE_H
#define ERSATZ_COMMON_MAP_MAKE_H

#include "common/map_db.h"

/*
 * 0: a good map for this pool; 1: there is none; ERR_CORRUPT: move it aside;
 * else an error for the user.  `rows` gets the number of names.
 */
NODISCARD int map_make_inspect(struct map_db *db, const struct fake_pool *pool,
			       size_t *rows);

/* Renames the file and those beside it to "PATH.corrupt-TIME*". */
NODISCARD int map_make_aside(struct map_db *db);

/*
 * Makes an empty map under another name and renames it into place, so that a
 * reader sees none or a whole one.
 */
NODISCARD int map_make_file(struct map_db *db, const struct fake_pool *pool);

/* This boot's id, or "unknown", which equals no other. */
void map_make_boot_id(char boot_id[MAP_BOOT_ID_SIZE]);

#endif
