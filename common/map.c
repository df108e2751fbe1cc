// SPDX-License-Identifier: BSD-2-Clause
/*
 * The writer.  Rows are committed with synchronous=NORMAL: the WAL is written
 * and not flushed, which every crash of the process survives.  Reservations,
 * and the marks of start and stop, are committed with FULL, which flushes the
 * WAL with all rows before them.  A reservation that is made ahead of time is
 * committed as a row is, and counts once the WAL was flushed behind it: by
 * then it lies there, or where a checkpoint, which flushes both files, has
 * taken it.
 *
 * A clean mark is taken back, durably, before the first new row; so a file
 * that says "clean" never lacks one.  A file that is not clean and whose last
 * writer lived in another boot may have lost rows of slots below
 * reserved_end: floor is raised to that, once and for good.
 *
 * One writer: a lock on the folder (flock(2); the locks on the file itself
 * are SQLite's, and closing any descriptor of it would lose those).
 */
#include "common/map.h"
#include "common/err.h"
#include "common/flush.h"
#include "common/map_db.h"
#include "common/map_make.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/*
 * A checkpoint waits for the disk, and whoever asks meanwhile waits too: so it
 * comes once in 4000 pages, which is some ten thousand names when they come
 * fast.  After one the WAL, of up to 16 MB, is cut to this.
 */
#define WAL_SIZE_MAX "4194304"

struct map {
	struct map_db db;
	char *path;            /* owned */
	int lock_fd;           /* of the folder */
	struct flush flush;    /* of the WAL */
	uint32_t flushing_end; /* the reservation that is on its way */
	uint32_t written_end;  /* that of the file, be it flushed or not */
	struct map_state state;
	sqlite3_stmt *begin, *commit, *rollback; /* owned */
	sqlite3_stmt *insert, *delete, *reserve; /* owned */
	char reason[MAP_REASON_SIZE];
};

static int lock_folder(struct map *map)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(map->path, '/');
	int ret;

	snprintf(folder, sizeof(folder), "%.*s",
		 slash ? (int)(slash - map->path) + 1 : 1,
		 slash ? map->path : ".");
	map->lock_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (map->lock_fd < 0)
		return map_db_say(&map->db, -errno,
				  "cannot open folder '%s' of the map: %s: "
				  "make it, or see who owns it",
				  folder, strerror(errno));
	if (flock(map->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	ret = -errno;
	if (ret == -EWOULDBLOCK)
		return map_db_say(
			&map->db, ERR_RUNNING,
			"cannot write map '%s': another dnsd does: "
			"stop that, or name another folder in 'state'",
			map->path);
	return map_db_say(&map->db, ret, "cannot lock folder '%s': %s", folder,
			  strerror(-ret));
}

static int step_done(struct map *map, sqlite3_stmt *statement, const char *verb)
{
	int rc = sqlite3_step(statement);
	int ret = 0;

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		ret = map_db_fail(&map->db, verb);
	sqlite3_reset(statement);
	return ret;
}

/*
 * Whether commits are on the disk when they return.  If going back fails, the
 * next rows are only safer than they need to be.
 */
static int set_flushed(struct map *map, bool is_flushed)
{
	return map_db_exec(&map->db, is_flushed
					     ? "PRAGMA synchronous = FULL"
					     : "PRAGMA synchronous = NORMAL");
}

/* One statement, on the disk when this returns 0. */
static int step_flushed(struct map *map, sqlite3_stmt *statement)
{
	int ret = set_flushed(map, true);

	if (ret < 0)
		return ret;
	ret = step_done(map, statement, "write");
	(void)set_flushed(map, false);
	return ret;
}

static int set_pragmas(struct map *map)
{
	int persist = 1;
	int ret = map_db_exec(&map->db, "PRAGMA journal_mode = WAL;"
					"PRAGMA synchronous = NORMAL;"
					"PRAGMA temp_store = MEMORY;"
					"PRAGMA wal_autocheckpoint = 4000;"
					"PRAGMA journal_size_limit "
					"= " WAL_SIZE_MAX);

	if (ret < 0)
		return ret;
	/* A reader that may not write the folder needs -wal and -shm. */
	if (sqlite3_file_control(map->db.sqlite, "main",
				 SQLITE_FCNTL_PERSIST_WAL,
				 &persist) != SQLITE_OK)
		return map_db_fail(&map->db, "open");
	/* The one who writes is the one who checkpoints. */
	sqlite3_db_config(map->db.sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0,
			  NULL);
	return 0;
}

static int prepare(struct map *map)
{
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} statements[] = {
		{&map->begin, "BEGIN IMMEDIATE"},
		{&map->commit, "COMMIT"},
		{&map->rollback, "ROLLBACK"},
		{&map->insert, "INSERT INTO name (slot, name, created) "
			       "VALUES (?, ?, ?)"},
		{&map->delete, "DELETE FROM name WHERE slot = ?"},
		{&map->reserve, "UPDATE state SET reserved_end = "
				"max(reserved_end, ?) WHERE id = 1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		int ret = map_db_prepare(&map->db, statements[i].statement,
					 statements[i].sql);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Takes the clean mark back and raises the floor; all in one flushed row. */
static int begin_run(struct map *map, const struct fake_pool *pool)
{
	char boot_id[MAP_BOOT_ID_SIZE], ipv6[PREFIX_TEXT_SIZE];
	struct map_db_state old;
	sqlite3_stmt *statement;
	int ret;

	ret = map_db_state(&map->db, &old);
	if (ret < 0)
		return ret;
	map_make_boot_id(boot_id);
	map->state.is_unclean_boot =
		!old.is_clean && (strcmp(old.boot_id, boot_id) != 0 ||
				  strcmp(boot_id, "unknown") == 0);
	map->state.reserved_end = old.reserved_end;
	map->state.floor = old.floor;
	if (map->state.is_unclean_boot)
		map->state.floor = old.reserved_end;

	ret = map_db_prepare(&map->db, &statement,
			     "UPDATE state SET floor = ?, boot_id = ?, "
			     "ipv6 = ?, is_clean = 0 WHERE id = 1");
	if (ret < 0)
		return ret;
	sqlite3_bind_int64(statement, 1, map->state.floor);
	sqlite3_bind_text(statement, 2, boot_id, -1, SQLITE_STATIC);
	if (pool->ipv6.addr.family != ADDR_NONE) {
		prefix_format(&pool->ipv6, ipv6, sizeof(ipv6));
		sqlite3_bind_text(statement, 3, ipv6, -1, SQLITE_STATIC);
	}
	ret = step_flushed(map, statement);
	sqlite3_finalize(statement);
	return ret;
}

static int flush_written(struct map *map)
{
	int ret = flush_wait(&map->flush);

	if (ret < 0)
		return map_db_say(&map->db, ret, "cannot flush map '%s': %s",
				  map->path, strerror(-ret));
	return 0;
}

/*
 * A writer that was killed may have left a reservation that is not on the disk,
 * and begin_run() wrote nothing if nothing changed since.
 */
static int open_flush(struct map *map)
{
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s-wal", map->path);
	map->written_end = map->state.reserved_end;
	ret = flush_open(&map->flush, path);
	if (ret < 0)
		return map_db_say(&map->db, ret, "cannot open '%s': %s", path,
				  strerror(-ret));
	return map->state.is_unclean_boot ? 0 : flush_written(map);
}

static void close_database(struct map *map)
{
	flush_close(&map->flush);
	sqlite3_finalize(map->begin);
	sqlite3_finalize(map->commit);
	sqlite3_finalize(map->rollback);
	sqlite3_finalize(map->insert);
	sqlite3_finalize(map->delete);
	sqlite3_finalize(map->reserve);
	map_db_close(&map->db);
}

/* Everything but the lock; 1 when a damaged file was moved aside. */
static int open_database(struct map *map, const struct fake_pool *pool)
{
	bool is_aside = false;
	int ret;

	ret = map_make_inspect(&map->db, pool, &map->state.rows);
	if (ret == ERR_CORRUPT) {
		ret = map_make_aside(&map->db);
		if (ret < 0)
			return ret;
		is_aside = true;
		map->state.rows = 0;
	}
	if (ret == 1 || is_aside)
		ret = map_make_file(&map->db, pool);
	if (ret < 0)
		return ret;
	ret = map_db_open(&map->db, SQLITE_OPEN_READWRITE);
	if (ret < 0)
		return ret;
	ret = set_pragmas(map);
	if (ret == 0)
		ret = prepare(map);
	if (ret == 0)
		ret = begin_run(map, pool);
	if (ret == 0)
		ret = open_flush(map);
	if (ret < 0)
		close_database(map);
	return ret < 0 ? ret : is_aside;
}

int map_open(struct map **map, const char *path, const struct fake_pool *pool,
	     char *reason)
{
	struct map *new = calloc(1, sizeof(*new));
	int ret = -ENOMEM;

	snprintf(reason, MAP_REASON_SIZE, "out of memory");
	if (!new)
		return -ENOMEM;
	new->path = strdup(path);
	if (!new->path)
		goto free_map;
	new->db.path = new->path;
	new->db.reason = new->reason;
	ret = lock_folder(new);
	if (ret == 0)
		ret = open_database(new, pool);
	snprintf(reason, MAP_REASON_SIZE, "%s", new->reason);
	if (ret < 0)
		goto unlock;
	new->reason[0] = '\0';
	*map = new;
	return ret;
unlock:
	if (new->lock_fd >= 0)
		close(new->lock_fd);
	free(new->path);
free_map:
	free(new);
	return ret;
}

int map_load(struct map *map, map_row_fn fn, void *ctx, struct map_state *state)
{
	int ret = map_db_each(&map->db, fn, ctx);

	*state = map->state;
	return ret;
}

static int insert_row(struct map *map, const struct map_row *row)
{
	char text[NAME_TEXT_SIZE];

	name_format(&row->name, text, sizeof(text));
	sqlite3_bind_int64(map->insert, 1, row->slot);
	sqlite3_bind_text(map->insert, 2, text, -1, SQLITE_STATIC);
	sqlite3_bind_int64(map->insert, 3, row->created_ms);
	return step_done(map, map->insert, "write");
}

/* An UPDATE of the rows would keep names that a power cut brings back. */
static int delete_row(struct map *map, uint32_t slot)
{
	sqlite3_bind_int64(map->delete, 1, slot);
	return step_done(map, map->delete, "write");
}

static int insert_rows(struct map *map, const struct map_row *rows,
		       size_t count)
{
	int ret = 0;

	for (size_t i = 0; i < count && ret == 0; i++)
		ret = insert_row(map, &rows[i]);
	return ret;
}

static int delete_rows(struct map *map, const uint32_t *slots, size_t count)
{
	int ret = 0;

	for (size_t i = 0; i < count && ret == 0; i++)
		ret = delete_row(map, slots[i]);
	return ret;
}

/* A file that was replaced must not get what readers will not see. */
static int begin(struct map *map)
{
	if (map_db_has_moved(&map->db))
		return map_db_say(&map->db, -ESTALE,
				  "cannot write map '%s': it was removed or "
				  "replaced while in use: restart dnsd",
				  map->path);
	return step_done(map, map->begin, "write");
}

/* Commits what went well so far (ret 0), or takes all of it back. */
static int commit(struct map *map, int ret)
{
	if (ret == 0)
		ret = step_done(map, map->commit, "write");
	if (ret == 0)
		return 0;
	/* SQLite may have rolled back by itself. */
	if (!sqlite3_get_autocommit(map->db.sqlite)) {
		sqlite3_step(map->rollback);
		sqlite3_reset(map->rollback);
	}
	return ret;
}

int map_add(struct map *map, const struct map_row *rows, size_t count)
{
	int ret = begin(map);

	if (ret == 0)
		ret = commit(map, insert_rows(map, rows, count));
	if (ret == 0)
		map->state.rows += count;
	return ret;
}

int map_delete(struct map *map, const uint32_t *slots, size_t count)
{
	int ret = set_flushed(map, true);
	int before;

	if (ret < 0)
		return ret;
	before = sqlite3_total_changes(map->db.sqlite);
	ret = begin(map);
	if (ret == 0)
		ret = commit(map, delete_rows(map, slots, count));
	if (ret == 0)
		map->state.rows -=
			(size_t)(sqlite3_total_changes(map->db.sqlite) -
				 before);
	(void)set_flushed(map, false);
	return ret;
}

static void reach(uint32_t *to, uint32_t end)
{
	if (end > *to)
		*to = end;
}

/*
 * Where a row stays what it is SQLite writes nothing, and so flushes nothing:
 * when a reservation as far as this one is on its way, for one.
 */
int map_reserve(struct map *map, uint32_t end)
{
	int ret;

	sqlite3_bind_int64(map->reserve, 1, end);
	ret = step_flushed(map, map->reserve);
	if (ret == 0 && end <= map->written_end)
		ret = flush_written(map);
	if (ret < 0)
		return ret;
	reach(&map->written_end, end);
	reach(&map->state.reserved_end, end);
	return 0;
}

int map_reserve_start(struct map *map, uint32_t end)
{
	int ret;

	if (!map->flush.context)
		return -ENOSYS;
	if (map->flush.is_under_way)
		return -EBUSY;
	sqlite3_bind_int64(map->reserve, 1, end);
	ret = step_done(map, map->reserve, "write");
	if (ret < 0)
		return ret;
	reach(&map->written_end, end);
	ret = flush_start(&map->flush);
	if (ret == 0)
		map->flushing_end = end;
	return ret;
}

int map_reserve_fd(const struct map *map)
{
	return map->flush.context ? map->flush.event_fd : -1;
}

int64_t map_reserve_end(struct map *map)
{
	int ret = flush_end(&map->flush);

	if (ret < 0)
		return ret;
	reach(&map->state.reserved_end, map->flushing_end);
	return map->flushing_end;
}

const char *map_reason(const struct map *map)
{
	return map->reason;
}

void map_close(struct map *map)
{
	sqlite3_stmt *statement;

	if (!map)
		return;
	/* If it fails the next start is careful: nothing to tell. */
	if (map_db_prepare(&map->db, &statement,
			   "UPDATE state SET is_clean = 1 WHERE id = 1") == 0) {
		int ret = step_flushed(map, statement);
		(void)ret;
		sqlite3_finalize(statement);
	}
	close_database(map);
	close(map->lock_fd);
	free(map->path);
	free(map);
}
