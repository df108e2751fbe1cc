// SPDX-License-Identifier: BSD-2-Clause
#include "common/map_make.h"
#include "common/clock.h"
#include "common/err.h"
#include "schema/map_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_SIZE 100 /* https://www.sqlite.org/fileformat.html, 1.3 */
#define HEADER_VERSION 60
#define HEADER_APPLICATION_ID 68
#define FILE_MODE 0640
#define ASIDE_TRIES 100

/* The file itself comes first: a -wal without it is never taken for one. */
static const char *const parts[] = {"", "-wal", "-shm", "-journal"};

static const char *user_name(uid_t uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry ? entry->pw_name : "(no name)";
}

static int say_no_access(struct map_db *db, const char *path)
{
	int err = errno;
	struct stat st;

	if (err == EROFS)
		return map_db_say(db, -err,
				  "cannot write '%s': its file system is "
				  "read-only: mount it writable, or name "
				  "another folder in 'state'",
				  path);
	if (err != EACCES || stat(path, &st) < 0)
		return map_db_say(db, -err, "cannot write '%s': %s", path,
				  strerror(err));
	if (st.st_uid == geteuid())
		return map_db_say(db, -err,
				  "cannot write '%s': its mode is 0%o: chmod "
				  "u+rw%s '%s'",
				  path, st.st_mode & 0777u,
				  S_ISDIR(st.st_mode) ? "x" : "", path);
	/* Two names, one static buffer of getpwuid(): by numbers and ours. */
	return map_db_say(db, -err,
			  "cannot write '%s': it belongs to uid %u with mode "
			  "0%o, and this is uid %u: chown %s '%s'",
			  path, (unsigned)st.st_uid, st.st_mode & 0777u,
			  (unsigned)geteuid(), user_name(geteuid()), path);
}

static int check_folder(struct map_db *db)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(db->path, '/');
	int length = slash ? (int)(slash - db->path) : 0;

	if (!slash)
		snprintf(folder, sizeof(folder), ".");
	else
		snprintf(folder, sizeof(folder), "%.*s", length ? length : 1,
			 db->path);
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0)
		return say_no_access(db, folder);
	return 0;
}

/* The file and those that SQLite keeps beside it. */
static int check_files(struct map_db *db)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		snprintf(path, sizeof(path), "%s%s", db->path, parts[i]);
		if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) < 0 &&
		    errno != ENOENT)
			return say_no_access(db, path);
	}
	return 0;
}

static bool has_content(const struct map_db *db, const char *part)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", db->path, part);
	return lstat(path, &st) == 0 && st.st_size > 0;
}

static int64_t read_be32(const unsigned char *p)
{
	return (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/*
 * By the bytes, as even SQLite's read-only connection leaves files beside
 * what it opened, and this may be another program's.  1: empty.
 */
static int inspect_header(struct map_db *db)
{
	static const char magic[16] = "SQLite format 3";
	unsigned char header[HEADER_SIZE] = {0};
	struct stat st;
	ssize_t n;
	int fd, err;

	fd = open(db->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno != ELOOP)
		return map_db_say(db, -errno, "cannot open map '%s': %s",
				  db->path, strerror(errno));
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		if (fd >= 0)
			close(fd);
		return map_db_say(db, ERR_NOT_MAP,
				  "cannot use '%s' as map: it is not a file of "
				  "its own: move it away, or name another "
				  "folder in 'state'",
				  db->path);
	}
	n = pread(fd, header, sizeof(header), 0);
	err = errno;
	close(fd);
	if (n < 0)
		return map_db_say(db, -err,
				  "cannot read map '%s': %s: see the disk",
				  db->path, strerror(err));
	if (n == 0)
		return 1;
	if (n < (ssize_t)sizeof(magic) ||
	    memcmp(header, magic, sizeof(magic)) != 0)
		return map_db_say(db, ERR_NOT_MAP,
				  "cannot use '%s' as map: it is not an SQLite "
				  "file; it was left as it is: move it away, "
				  "or name another folder in 'state'",
				  db->path);
	return map_db_check_ids(db, read_be32(header + HEADER_APPLICATION_ID),
				read_be32(header + HEADER_VERSION));
}

static int quick_check(struct map_db *db)
{
	sqlite3_stmt *statement;
	int ret = map_db_prepare(db, &statement, "PRAGMA quick_check(1)");

	if (ret < 0)
		return ret;
	if (sqlite3_step(statement) != SQLITE_ROW) {
		ret = map_db_fail(db, "read");
	} else {
		const char *text =
			(const char *)sqlite3_column_text(statement, 0);

		if (!text || strcmp(text, "ok") != 0)
			ret = map_db_say(db, ERR_CORRUPT,
					 "map '%s' is damaged: %s", db->path,
					 text ? text : "unreadable");
	}
	sqlite3_finalize(statement);
	return ret;
}

static int count_row(void *ctx, const struct map_row *row)
{
	(void)row;
	(*(size_t *)ctx)++;
	return 0;
}

static int inspect_content(struct map_db *db, struct map_db_state *state,
			   size_t *rows)
{
	int ret;

	*rows = 0;
	ret = map_db_identify(db);
	if (ret == 0)
		ret = map_db_state(db, state);
	if (ret == 0)
		ret = quick_check(db);
	if (ret == 0)
		ret = map_db_each(db, count_row, rows);
	if (ret == 0)
		return 0;

	/* The header was ours, so this is damage too. */
	int code = sqlite3_errcode(db->sqlite) & 0xff;
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return map_db_say(db, ERR_CORRUPT, "map '%s' is damaged: %s",
				  db->path, sqlite3_errmsg(db->sqlite));
	return ret;
}

static bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && addr_equal(&a->addr, &b->addr);
}

/* IPv6 may be turned on or off: the slots are the same. */
static int compare_pool(struct map_db *db, const struct fake_pool *wanted,
			const struct fake_pool *found)
{
	char ipv4[PREFIX_TEXT_SIZE], ipv6[PREFIX_TEXT_SIZE];

	if (prefix_equal(&wanted->ipv4, &found->ipv4) &&
	    (wanted->ipv6.addr.family == ADDR_NONE ||
	     found->ipv6.addr.family == ADDR_NONE ||
	     prefix_equal(&wanted->ipv6, &found->ipv6)))
		return 0;
	prefix_format(&found->ipv4, ipv4, sizeof(ipv4));
	if (found->ipv6.addr.family == ADDR_NONE)
		snprintf(ipv6, sizeof(ipv6), "off");
	else
		prefix_format(&found->ipv6, ipv6, sizeof(ipv6));
	return map_db_say(db, ERR_POOL,
			  "cannot use map '%s': it was made for the pool "
			  "{ipv4: %s, ipv6: '%s'}: put that back into "
			  "dnsd.fake, or move the file away, and every name "
			  "gets a new address",
			  db->path, ipv4, ipv6);
}

int map_make_inspect(struct map_db *db, const struct fake_pool *pool,
		     size_t *rows)
{
	struct map_db_state state;
	struct stat st;
	int ret;

	ret = check_folder(db);
	if (ret < 0)
		return ret;
	ret = check_files(db);
	if (ret < 0)
		return ret;
	ret = lstat(db->path, &st) < 0 && errno == ENOENT ? 1
							  : inspect_header(db);
	if (ret == 1 &&
	    (has_content(db, "-wal") || has_content(db, "-journal")))
		return map_db_say(db, ERR_CORRUPT,
				  "map '%s' is damaged: the file is gone or "
				  "empty, what belongs to it is not",
				  db->path);
	if (ret != 0)
		return ret;
	ret = map_db_open(db, SQLITE_OPEN_READONLY);
	if (ret < 0)
		return ret;
	ret = inspect_content(db, &state, rows);
	map_db_close(db);
	return ret < 0 ? ret : compare_pool(db, pool, &state.pool);
}

/* A name for the damaged one that nothing has yet. */
static int name_aside(const struct map_db *db, char *out, size_t size)
{
	char time[32], compact[32];
	char *to = compact;

	clock_rfc3339(clock_wall_ms(), time, sizeof(time));
	for (const char *p = time; *p; p++) {
		if (*p != '-' && *p != ':')
			*to++ = *p;
	}
	*to = '\0';
	for (int i = 0; i < ASIDE_TRIES; i++) {
		int n = snprintf(out, size, "%s.corrupt-%s", db->path, compact);

		if (i > 0 && n > 0 && (size_t)n < size)
			snprintf(out + n, size - (size_t)n, ".%d", i);
		if (access(out, F_OK) < 0 && errno == ENOENT)
			return 0;
	}
	return -EEXIST;
}

int map_make_aside(struct map_db *db)
{
	char why[MAP_REASON_SIZE], aside[PATH_MAX];
	char from[PATH_MAX], to[PATH_MAX + 16];
	int ret;

	snprintf(why, sizeof(why), "%s", db->reason);
	ret = name_aside(db, aside, sizeof(aside));
	for (size_t i = 0; ret == 0 && i < ARRAY_LEN(parts); i++) {
		snprintf(from, sizeof(from), "%s%s", db->path, parts[i]);
		snprintf(to, sizeof(to), "%s%s", aside, parts[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			ret = -errno;
	}
	if (ret < 0)
		return map_db_say(db, ret, "%.200s; cannot move it to '%s': %s",
				  why, aside, strerror(-ret));
	return map_db_say(db, 0,
			  "%.200s; moved it to '%s' and began a new one: every "
			  "name gets a new address",
			  why, aside);
}

void map_make_boot_id(char boot_id[MAP_BOOT_ID_SIZE])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	snprintf(boot_id, MAP_BOOT_ID_SIZE, "unknown");
	if (!file)
		return;
	if (fgets(boot_id, MAP_BOOT_ID_SIZE, file))
		boot_id[strcspn(boot_id, "\n")] = '\0';
	fclose(file);
}

static int insert_state(struct map_db *db, const struct fake_pool *pool)
{
	char ipv4[PREFIX_TEXT_SIZE], ipv6[PREFIX_TEXT_SIZE];
	char boot_id[MAP_BOOT_ID_SIZE];
	sqlite3_stmt *statement;
	int ret;

	ret = map_db_prepare(db, &statement,
			     "INSERT INTO state (id, ipv4, ipv6, reserved_end, "
			     "floor, boot_id, is_clean) "
			     "VALUES (1, ?, ?, 0, 0, ?, 0)");
	if (ret < 0)
		return ret;
	map_make_boot_id(boot_id);
	prefix_format(&pool->ipv4, ipv4, sizeof(ipv4));
	sqlite3_bind_text(statement, 1, ipv4, -1, SQLITE_STATIC);
	if (pool->ipv6.addr.family != ADDR_NONE) {
		prefix_format(&pool->ipv6, ipv6, sizeof(ipv6));
		sqlite3_bind_text(statement, 2, ipv6, -1, SQLITE_STATIC);
	}
	sqlite3_bind_text(statement, 3, boot_id, -1, SQLITE_STATIC);
	if (sqlite3_step(statement) != SQLITE_DONE)
		ret = map_db_fail(db, "make");
	sqlite3_finalize(statement);
	return ret;
}

static int fill(struct map_db *db, const struct fake_pool *pool)
{
	int ret = map_db_open(db, SQLITE_OPEN_READWRITE);

	if (ret < 0)
		return ret;
	/* In place it is never in rollback mode: no journal to be hot. */
	ret = map_db_exec(db, "PRAGMA journal_mode = WAL;"
			      "PRAGMA synchronous = FULL;"
			      "BEGIN IMMEDIATE");
	if (ret == 0)
		ret = map_db_exec(db, map_sql);
	if (ret == 0)
		ret = insert_state(db, pool);
	if (ret == 0)
		ret = map_db_exec(db, "COMMIT;"
				      "PRAGMA wal_checkpoint(TRUNCATE)");
	map_db_close(db);
	return ret;
}

static void remove_all(const char *path)
{
	char part[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		snprintf(part, sizeof(part), "%s%s", path, parts[i]);
		unlink(part);
	}
}

static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd, ret = 0;

	snprintf(folder, sizeof(folder), "%.*s",
		 slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int map_make_file(struct map_db *db, const struct fake_pool *pool)
{
	struct map_db new = {.reason = db->reason};
	char path[PATH_MAX];
	int fd, ret;

	snprintf(path, sizeof(path), "%s.new", db->path);
	new.path = path;
	remove_all(path); /* of a start that did not get to its end */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return map_db_say(db, -errno, "cannot make map '%s': %s", path,
				  strerror(errno));
	/* Whatever the umask: SQLite gives the -wal and -shm the same mode. */
	ret = fchmod(fd, FILE_MODE) < 0
		      ? map_db_say(db, -errno, "cannot chmod '%s': %s", path,
				   strerror(errno))
		      : 0;
	close(fd);
	if (ret == 0)
		ret = fill(&new, pool);
	if (ret < 0)
		goto remove_new;
	if (rename(path, db->path) < 0) {
		ret = map_db_say(db, -errno, "cannot make map '%s': %s",
				 db->path, strerror(errno));
		goto remove_new;
	}
	ret = sync_folder(db->path);
	if (ret < 0)
		return map_db_say(db, ret, "cannot make map '%s': %s", db->path,
				  strerror(-ret));
	remove_all(path); /* the empty -wal and -shm of the other name */
	return 0;
remove_new:
	remove_all(path);
	return ret;
}
