// SPDX-License-Identifier: BSD-2-Clause
/*
 * The reader.  Every statement is reset before the function returns: an open
 * one is an open snapshot, behind which the WAL grows.  When the file was
 * moved away and another put in its place, as dnsd does with a damaged one,
 * the next lookup opens the new one: an address must not lead to the name
 * that it had in the old.
 */
#include "common/err.h"
#include "common/map.h"
#include "common/map_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct map_reader {
	struct map_db db; /* db.sqlite NULL: between two files */
	char *path;       /* owned */
	struct fake_pool pool;
	sqlite3_stmt *by_slot, *by_name; /* owned */
	char reason[MAP_REASON_SIZE];
};

static void close_database(struct map_reader *reader)
{
	sqlite3_finalize(reader->by_slot);
	sqlite3_finalize(reader->by_name);
	reader->by_slot = reader->by_name = NULL;
	map_db_close(&reader->db);
}

static int open_database(struct map_reader *reader)
{
	struct map_db_state state;
	int ret;

	if (access(reader->path, F_OK) < 0)
		return map_db_say(&reader->db, -errno,
				  errno == ENOENT
					  ? "no map at '%s': dnsd makes it"
					  : "cannot read map '%s': access is "
					    "denied: see who owns its folder",
				  reader->path);
	ret = map_db_open(&reader->db, SQLITE_OPEN_READONLY);
	if (ret < 0)
		return ret;
	ret = map_db_identify(&reader->db);
	if (ret == 0)
		ret = map_db_state(&reader->db, &state);
	if (ret == 0)
		ret = map_db_prepare(&reader->db, &reader->by_slot,
				     "SELECT slot, created, name FROM name "
				     "WHERE slot = ?");
	if (ret == 0)
		ret = map_db_prepare(&reader->db, &reader->by_name,
				     "SELECT slot, created, name FROM name "
				     "WHERE name = ?");
	if (ret == 0)
		reader->pool = state.pool;
	else
		close_database(reader);
	return ret;
}

int map_reader_open(struct map_reader **reader, const char *path, char *reason)
{
	struct map_reader *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	snprintf(reason, MAP_REASON_SIZE, "out of memory");
	if (!new)
		return -ENOMEM;
	new->path = strdup(path);
	if (!new->path)
		goto free_reader;
	new->db.path = new->path;
	new->db.reason = new->reason;
	ret = open_database(new);
	snprintf(reason, MAP_REASON_SIZE, "%s", new->reason);
	if (ret < 0)
		goto free_path;
	*reader = new;
	return 0;
free_path:
	free(new->path);
free_reader:
	free(new);
	return ret;
}

void map_reader_close(struct map_reader *reader)
{
	if (!reader)
		return;
	close_database(reader);
	free(reader->path);
	free(reader);
}

/* Goes over to another file if one was put in the place of ours. */
static int refresh(struct map_reader *reader)
{
	if (reader->db.sqlite) {
		if (!map_db_has_moved(&reader->db))
			return 0;
		close_database(reader);
	}
	return open_database(reader);
}

void map_reader_pool(const struct map_reader *reader, struct fake_pool *pool)
{
	*pool = reader->pool;
}

/* Resets the statement in any case. */
static int find(struct map_reader *reader, sqlite3_stmt *statement,
		struct map_row *row)
{
	int rc = sqlite3_step(statement);
	int ret = 0;

	if (rc == SQLITE_ROW) {
		ret = map_db_row(&reader->db, statement, row);
		if (ret == 0)
			ret = 1;
	} else if (rc != SQLITE_DONE) {
		ret = map_db_fail(&reader->db, "read");
	}
	sqlite3_reset(statement);
	return ret;
}

int map_reader_by_slot(struct map_reader *reader, uint32_t slot,
		       struct map_row *row)
{
	int ret = refresh(reader);

	if (ret < 0)
		return ret;
	sqlite3_bind_int64(reader->by_slot, 1, slot);
	return find(reader, reader->by_slot, row);
}

int map_reader_by_name(struct map_reader *reader, const struct name *name,
		       struct map_row *row)
{
	char text[NAME_TEXT_SIZE];
	int ret = refresh(reader);

	if (ret < 0)
		return ret;
	name_format(name, text, sizeof(text));
	sqlite3_bind_text(reader->by_name, 1, text, -1, SQLITE_TRANSIENT);
	return find(reader, reader->by_name, row);
}

int map_reader_each(struct map_reader *reader, map_row_fn fn, void *ctx)
{
	int ret = refresh(reader);

	return ret < 0 ? ret : map_db_each(&reader->db, fn, ctx);
}
