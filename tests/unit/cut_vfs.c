// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/cut_vfs.h"

#include "common/flush.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define PATH_SIZE 256

enum change { CHANGE_WRITE, CHANGE_TRUNCATE, CHANGE_FLUSH };

/* One record of the log; the bytes of a write follow. */
struct record {
	uint32_t change;
	uint32_t file;
	uint64_t at; /* FLUSH: of records before this one */
	uint64_t length;
};

struct cut_file {
	sqlite3_file base;
	uint32_t file; /* CUT_FILES: not one of ours */
	sqlite3_file *real;
};

/* Of the process that is to be cut. */
static struct {
	sqlite3_vfs vfs, *real;
	sqlite3_io_methods methods;
	int log_fd;
	unsigned count, cut_at;
	uint64_t flushing; /* records before the flush that is under way */
} disk;

static void note(uint32_t change, uint32_t file, uint64_t at, const void *bytes,
		 size_t length)
{
	const struct record record = {change, file, at, length};

	if (file >= CUT_FILES)
		return;
	if (++disk.count == disk.cut_at)
		_exit(CUT_STATUS);
	if (write(disk.log_fd, &record, sizeof(record)) != sizeof(record) ||
	    (bytes && write(disk.log_fd, bytes, length) != (ssize_t)length))
		_exit(EXIT_FAILURE);
}

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct cut_file *)(void *)file)->real;
}

static uint32_t number_of(sqlite3_file *file)
{
	return ((struct cut_file *)(void *)file)->file;
}

static int cut_close(sqlite3_file *file)
{
	sqlite3_file *real = real_of(file);

	return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int cut_read(sqlite3_file *file, void *bytes, int length,
		    sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), bytes, length, at);
}

static int cut_write(sqlite3_file *file, const void *bytes, int length,
		     sqlite3_int64 at)
{
	note(CHANGE_WRITE, number_of(file), (uint64_t)at, bytes,
	     (size_t)length);
	return real_of(file)->pMethods->xWrite(real_of(file), bytes, length,
					       at);
}

static int cut_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	note(CHANGE_TRUNCATE, number_of(file), (uint64_t)size, NULL, 0);
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int cut_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	note(CHANGE_FLUSH, number_of(file), disk.count, NULL, 0);
	return SQLITE_OK;
}

static int cut_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int cut_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int cut_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int cut_reserved(sqlite3_file *file, int *result)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file),
							   result);
}

static int cut_control(sqlite3_file *file, int op, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op,
						     argument);
}

static int cut_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

/* Its own, as a write may be torn, and others than the last be lost. */
static int cut_characteristics(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int cut_shm_map(sqlite3_file *file, int page, int size, int extend,
		       void volatile **at)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size,
						extend, at);
}

static int cut_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), at, count,
						 flags);
}

static void cut_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int cut_shm_unmap(sqlite3_file *file, int is_deleted)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), is_deleted);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), wanted = strlen(end);

	return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

static int cut_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
		    int flags, int *out_flags)
{
	struct cut_file *own = (struct cut_file *)(void *)file;

	(void)vfs;
	own->real = (sqlite3_file *)(void *)(own + 1);
	own->file = CUT_FILES;
	if (name && ends_with(name, "map.db"))
		own->file = 0;
	else if (name && ends_with(name, "map.db-wal"))
		own->file = 1;
	own->base.pMethods = &disk.methods;
	return disk.real->xOpen(disk.real, name, own->real, flags, out_flags);
}

void cut_vfs_install(const char *log, unsigned at)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.methods = (sqlite3_io_methods){
		.iVersion = 2,
		.xClose = cut_close,
		.xRead = cut_read,
		.xWrite = cut_write,
		.xTruncate = cut_truncate,
		.xSync = cut_sync,
		.xFileSize = cut_size,
		.xLock = cut_lock,
		.xUnlock = cut_unlock,
		.xCheckReservedLock = cut_reserved,
		.xFileControl = cut_control,
		.xSectorSize = cut_sector,
		.xDeviceCharacteristics = cut_characteristics,
		.xShmMap = cut_shm_map,
		.xShmLock = cut_shm_lock,
		.xShmBarrier = cut_shm_barrier,
		.xShmUnmap = cut_shm_unmap,
	};
	disk.vfs = *disk.real;
	disk.vfs.zName = "cut";
	disk.vfs.pNext = NULL;
	disk.vfs.szOsFile = (int)sizeof(struct cut_file) + disk.real->szOsFile;
	disk.vfs.xOpen = cut_open;
	disk.log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	disk.cut_at = at;
	if (disk.log_fd < 0 || sqlite3_vfs_register(&disk.vfs, 1) != SQLITE_OK)
		_exit(EXIT_FAILURE);
}

/* Reservations are flushed beside SQLite (flush.h), with --wrap. */
int __real_flush_start(struct flush *flush);
int __real_flush_wait(struct flush *flush);
int __real_flush_end(struct flush *flush);
int __wrap_flush_wait(struct flush *flush);
int __wrap_flush_start(struct flush *flush);
int __wrap_flush_end(struct flush *flush);

int __wrap_flush_start(struct flush *flush)
{
	disk.flushing = disk.count;
	return __real_flush_start(flush);
}

int __wrap_flush_wait(struct flush *flush)
{
	uint64_t flushed = flush->is_under_way ? disk.flushing : disk.count;
	int ret = __real_flush_wait(flush);

	if (ret == 0 && disk.real)
		note(CHANGE_FLUSH, 1, flushed, NULL, 0);
	return ret;
}

int __wrap_flush_end(struct flush *flush)
{
	int ret;

	/* A disk takes its time; names need what is on its way. */
	if (disk.real && rand() % 8)
		return -EAGAIN;
	ret = __real_flush_end(flush);
	if (ret == 0 && disk.real)
		note(CHANGE_FLUSH, 1, disk.flushing, NULL, 0);
	return ret;
}

static void path_of(const char *path, unsigned file, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s%s", path, file ? "-wal" : "");
}

static void read_image(struct cut_image *image, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	*image = (struct cut_image){.length = 0};
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0)
		image->bytes = malloc((size_t)st.st_size + 1);
	if (image->bytes &&
	    read(fd, image->bytes, (size_t)st.st_size) == st.st_size)
		image->length = (size_t)st.st_size;
	close(fd);
}

void cut_disk_read(struct cut_disk *of, const char *path)
{
	char name[PATH_SIZE];

	for (unsigned i = 0; i < CUT_FILES; i++) {
		path_of(path, i, name);
		read_image(&of->files[i], name);
	}
}

void cut_disk_free(struct cut_disk *of)
{
	for (unsigned i = 0; i < CUT_FILES; i++)
		free(of->files[i].bytes);
}

static void resize(struct cut_image *image, size_t length)
{
	uint8_t *bytes = realloc(image->bytes, length + 1);

	if (!bytes)
		abort();
	if (length > image->length)
		memset(bytes + image->length, 0, length - image->length);
	image->bytes = bytes;
	image->length = length;
}

static void apply(struct cut_image *image, const struct record *record,
		  size_t length)
{
	if (record->change == CHANGE_TRUNCATE) {
		resize(image, (size_t)record->at);
		return;
	}
	if (image->length < record->at + length)
		resize(image, (size_t)record->at + length);
	memcpy(image->bytes + record->at, record + 1, length);
}

/* Was that record flushed by one that comes behind it? */
static bool is_flushed(const struct record *const *records, unsigned count,
		       unsigned at)
{
	for (unsigned i = at + 1; i < count; i++) {
		if (records[i]->change == CHANGE_FLUSH &&
		    records[i]->file == records[at]->file &&
		    records[i]->at > at)
			return true;
	}
	return false;
}

/* All of it, nothing, or all but its end. */
static size_t part_of(const struct record *record)
{
	size_t sectors = (size_t)record->length / SECTOR;

	if (rand() % 4 == 0 && sectors > 0)
		return (size_t)rand() % sectors * SECTOR;
	return (size_t)record->length;
}

static void apply_all(struct cut_disk *of, const struct record *const *records,
		      unsigned count, bool is_lying)
{
	/* Often all that was not flushed is gone, often only some of it. */
	int lost_of_four = 1 + rand() % 4;

	for (unsigned i = 0; i < count; i++) {
		const struct record *record = records[i];
		struct cut_image *image = &of->files[record->file];

		if (record->change == CHANGE_FLUSH)
			continue;
		if (!is_lying && is_flushed(records, count, i))
			apply(image, record, (size_t)record->length);
		else if (rand() % 4 >= lost_of_four)
			apply(image, record, part_of(record));
	}
}

static void write_image(const struct cut_image *image, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 ||
	    write(fd, image->bytes, image->length) != (ssize_t)image->length)
		abort();
	close(fd);
}

unsigned cut_disk_write(struct cut_disk *of, const char *path, const char *log,
			bool is_lying)
{
	const struct record **records = NULL;
	struct cut_image all;
	char name[PATH_SIZE];
	unsigned count = 0;

	read_image(&all, log);
	for (size_t at = 0; at + sizeof(struct record) <= all.length;) {
		const struct record *record =
			(const struct record *)(void *)(all.bytes + at);

		records = realloc(records, (count + 1) * sizeof(*records));
		if (!records)
			abort();
		records[count++] = record;
		at += sizeof(*record) + (size_t)record->length;
	}
	apply_all(of, records, count, is_lying);
	for (unsigned i = 0; i < CUT_FILES; i++) {
		path_of(path, i, name);
		write_image(&of->files[i], name);
	}
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
	free(records);
	free(all.bytes);
	return count;
}
