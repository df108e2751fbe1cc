// SPDX-License-Identifier: BSD-2-Clause
#include "common/map_db.h"
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_TIMEOUT_MS 250
#define PAGE_ROWS 256

int map_db_say(struct map_db *db, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(db->reason, MAP_REASON_SIZE, fmt, args);
	va_end(args);
	return err;
}

/* What each kind of failure means to us, and what the user can do. */
static const struct {
	int code; /* primary result code */
	int err;
	const char *why;
} failures[] = {
	{SQLITE_FULL, -ENOSPC, "the disk is full: free some space there"},
	{SQLITE_NOTADB, ERR_NOT_MAP,
	 "it is not an SQLite file; it was left as it is: move it away, or "
	 "name another folder in 'state'"},
	{SQLITE_CORRUPT, ERR_CORRUPT,
	 "it is damaged: restart dnsd, which moves it aside and begins a new "
	 "one"},
	{SQLITE_READONLY, -EACCES,
	 "it is read-only for us: see who owns it, its folder and the files "
	 "beside it"},
	{SQLITE_PERM, -EACCES, "access is denied: see who owns it"},
	{SQLITE_CANTOPEN, -EACCES,
	 "the file, or the -wal and -shm beside it, cannot be opened: its "
	 "folder must be open to the user or group we run as"},
	{SQLITE_BUSY, -EBUSY,
	 "another program has it locked: end that program (fuser tells which)"},
	{SQLITE_CONSTRAINT, -EEXIST, "the slot has a name already"},
	{SQLITE_NOMEM, -ENOMEM, "out of memory"},
};

int map_db_fail(struct map_db *db, const char *verb)
{
	int code = sqlite3_extended_errcode(db->sqlite) & 0xff;
	int number = sqlite3_system_errno(db->sqlite);

	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		if (failures[i].code == code)
			return map_db_say(db, failures[i].err,
					  "cannot %s map '%s': %s", verb,
					  db->path, failures[i].why);
	}
	if (code == SQLITE_IOERR && number > 0)
		return map_db_say(db, -number,
				  "cannot %s map '%s': %s: see the disk and "
				  "the quota of its file system",
				  verb, db->path, strerror(number));
	return map_db_say(db, -EIO, "cannot %s map '%s': %s", verb, db->path,
			  sqlite3_errmsg(db->sqlite));
}

int map_db_open(struct map_db *db, int flags)
{
	int rc = sqlite3_open_v2(
		db->path, &db->sqlite,
		flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);

	if (!db->sqlite)
		return map_db_say(db, -ENOMEM, "cannot open map '%s': %s",
				  db->path, "out of memory");
	if (rc != SQLITE_OK) {
		int ret = map_db_fail(db, "open");

		map_db_close(db);
		return ret;
	}
	/* The file may be anybody's: what stands in it is data, not code. */
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
			  NULL);
	sqlite3_busy_timeout(db->sqlite, BUSY_TIMEOUT_MS);
	return 0;
}

void map_db_close(struct map_db *db)
{
	sqlite3_close(db->sqlite);
	db->sqlite = NULL;
}

int map_db_exec(struct map_db *db, const char *sql)
{
	if (sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) != SQLITE_OK)
		return map_db_fail(db, "write");
	return 0;
}

int map_db_prepare(struct map_db *db, sqlite3_stmt **statement, const char *sql)
{
	int rc = sqlite3_prepare_v3(db->sqlite, sql, -1,
				    SQLITE_PREPARE_PERSISTENT, statement, NULL);

	/* Our own text: so it is a table or a column that is not there. */
	if ((rc & 0xff) == SQLITE_ERROR)
		return map_db_say(db, ERR_CORRUPT, "map '%s' is damaged: %s",
				  db->path, sqlite3_errmsg(db->sqlite));
	return rc == SQLITE_OK ? 0 : map_db_fail(db, "read");
}

/* The one number of a statement like "PRAGMA user_version". */
static int read_number(struct map_db *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *statement;
	int ret = map_db_prepare(db, &statement, sql);

	if (ret < 0)
		return ret;
	if (sqlite3_step(statement) == SQLITE_ROW)
		*number = sqlite3_column_int64(statement, 0);
	else
		ret = map_db_fail(db, "read");
	sqlite3_finalize(statement);
	return ret;
}

int map_db_check_ids(struct map_db *db, int64_t id, int64_t version)
{
	if (id != MAP_APPLICATION_ID || version < 1)
		return map_db_say(
			db, ERR_NOT_MAP,
			"cannot use '%s' as map: it is an SQLite "
			"file of another program; it was left as it "
			"is: move it away, or name another folder in 'state'",
			db->path);
	if (version > MAP_VERSION)
		return map_db_say(db, ERR_NEWER,
				  "cannot use map '%s': it is of version %d, "
				  "made by a newer ersatz, and this one knows "
				  "%d; it was left as it is: upgrade, or move "
				  "it away",
				  db->path, (int)version, MAP_VERSION);
	return 0;
}

int map_db_identify(struct map_db *db)
{
	int64_t id, version;
	int ret;

	ret = read_number(db, "PRAGMA application_id", &id);
	if (ret < 0)
		return ret;
	ret = read_number(db, "PRAGMA user_version", &version);
	if (ret < 0)
		return ret;
	return map_db_check_ids(db, id, version);
}

static int damaged(struct map_db *db, const char *what)
{
	return map_db_say(db, ERR_CORRUPT, "map '%s' is damaged: %s", db->path,
			  what);
}

static bool read_slot(sqlite3_stmt *statement, int column, uint32_t *slot)
{
	int64_t value = sqlite3_column_int64(statement, column);

	if (sqlite3_column_type(statement, column) != SQLITE_INTEGER ||
	    value < 0 || value > UINT32_MAX)
		return false;
	*slot = (uint32_t)value;
	return true;
}

static bool read_prefix(sqlite3_stmt *statement, int column,
			struct prefix *prefix)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text && prefix_parse(prefix, text) == 0;
}

static bool read_state(sqlite3_stmt *statement, struct map_db_state *state)
{
	const struct prefix *ipv4 = &state->pool.ipv4;
	const struct prefix *ipv6 = &state->pool.ipv6;
	const unsigned char *boot_id;

	memset(state, 0, sizeof(*state));
	if (!read_prefix(statement, 0, &state->pool.ipv4) ||
	    ipv4->addr.family != ADDR_IPV4 || ipv4->length < 8 ||
	    ipv4->length > 28)
		return false;
	if (sqlite3_column_type(statement, 1) != SQLITE_NULL &&
	    (!read_prefix(statement, 1, &state->pool.ipv6) ||
	     ipv6->addr.family != ADDR_IPV6 ||
	     ipv6->length > 128 - (32 - ipv4->length)))
		return false;
	if (!read_slot(statement, 2, &state->reserved_end) ||
	    !read_slot(statement, 3, &state->floor))
		return false;
	boot_id = sqlite3_column_text(statement, 4);
	if (!boot_id)
		return false;
	snprintf(state->boot_id, sizeof(state->boot_id), "%s",
		 (const char *)boot_id);
	state->is_clean = sqlite3_column_int(statement, 5) != 0;
	return true;
}

int map_db_state(struct map_db *db, struct map_db_state *state)
{
	sqlite3_stmt *statement;
	int rc, ret;

	ret = map_db_prepare(db, &statement,
			     "SELECT ipv4, ipv6, reserved_end, floor, boot_id, "
			     "is_clean FROM state WHERE id = 1");
	if (ret < 0)
		return ret;
	rc = sqlite3_step(statement);
	if (rc == SQLITE_DONE)
		ret = damaged(db, "its state is missing");
	else if (rc != SQLITE_ROW)
		ret = map_db_fail(db, "read");
	else if (!read_state(statement, state))
		ret = damaged(db, "its state makes no sense");
	sqlite3_finalize(statement);
	return ret;
}

int map_db_row(struct map_db *db, sqlite3_stmt *statement, struct map_row *row)
{
	const char *text = (const char *)sqlite3_column_text(statement, 2);
	size_t length = (size_t)sqlite3_column_bytes(statement, 2);

	if (!read_slot(statement, 0, &row->slot))
		return damaged(db, "a slot is out of range");
	row->created_ms = sqlite3_column_int64(statement, 1);
	if (!text || strlen(text) != length ||
	    name_parse(&row->name, text) < 0) {
		char what[64];

		snprintf(what, sizeof(what), "slot %u has no valid name",
			 row->slot);
		return damaged(db, what);
	}
	return 0;
}

/* Up to PAGE_ROWS rows from slot `from` on; how many there were. */
static int read_page(struct map_db *db, sqlite3_stmt *statement, int64_t from,
		     struct map_row *rows)
{
	int count = 0, ret = 0, rc;

	sqlite3_bind_int64(statement, 1, from);
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		ret = map_db_row(db, statement, &rows[count]);
		if (ret < 0)
			break;
		count++;
	}
	if (ret == 0 && rc != SQLITE_DONE)
		ret = map_db_fail(db, "read");
	sqlite3_reset(statement);
	return ret < 0 ? ret : count;
}

int map_db_each(struct map_db *db, map_row_fn fn, void *ctx)
{
	struct map_row *rows = calloc(PAGE_ROWS, sizeof(*rows));
	sqlite3_stmt *statement;
	int64_t from = INT64_MIN;
	int count = PAGE_ROWS, ret;

	if (!rows)
		return map_db_say(db, -ENOMEM, "out of memory");
	ret = map_db_prepare(db, &statement,
			     "SELECT slot, created, name FROM name "
			     "WHERE slot >= ? ORDER BY slot LIMIT 256");
	if (ret < 0)
		goto free_rows;
	while (ret >= 0 && count == PAGE_ROWS) {
		count = ret = read_page(db, statement, from, rows);
		for (int i = 0; i < count && ret >= 0; i++)
			ret = fn(ctx, &rows[i]);
		if (count > 0)
			from = (int64_t)rows[count - 1].slot + 1;
	}
	sqlite3_finalize(statement);
free_rows:
	free(rows);
	return ret < 0 ? ret : 0;
}

bool map_db_has_moved(struct map_db *db)
{
	int has_moved = 0;

	return sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_HAS_MOVED,
				    &has_moved) == SQLITE_OK &&
	       has_moved;
}
