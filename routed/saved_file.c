// SPDX-License-Identifier: BSD-2-Clause
#include "routed/saved_file.h"

#include "common/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_text(struct saved_file *file, int fd)
{
	file->text = malloc(SAVED_FILE_BYTES_MAX + 1);
	if (!file->text)
		return -ENOMEM;
	while (file->length <= SAVED_FILE_BYTES_MAX) {
		ssize_t got = read(fd, file->text + file->length,
				   SAVED_FILE_BYTES_MAX + 1 - file->length);

		if (got == 0)
			return 0;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		file->length += (size_t)got;
	}
	return -EFBIG;
}

static int read_open(struct saved_file *file, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	file->mode = st.st_mode & 07777;
	file->uid = st.st_uid;
	file->gid = st.st_gid;
	file->mtime = st.st_mtim;
	return read_text(file, fd);
}

static int read_path(struct saved_file *file, const char *path, int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
	int ret;

	if (fd < 0)
		return -errno;
	ret = read_open(file, fd);
	close(fd);
	return ret;
}

int saved_file_read(struct saved_file *file, const char *path)
{
	ssize_t length;
	int ret;

	memset(file, 0, sizeof(*file));
	length = readlink(path, file->target, sizeof(file->target) - 1);
	if (length >= 0)
		file->target[length] = '\0';
	ret = read_path(file, path, 0);
	if (ret == 0 || (ret == -ENOENT && length >= 0))
		file->kind = length >= 0 ? SAVED_LINK : SAVED_FILE;
	/* A link into nothing is a link; nothing at all is nothing. */
	if (ret == -ENOENT)
		ret = 0;
	if (ret < 0)
		saved_file_fini(file);
	return ret;
}

void saved_file_fini(struct saved_file *file)
{
	free(file->text);
	file->text = NULL;
	file->length = 0;
}

static int write_text(int fd, const struct saved_file *file)
{
	size_t done = 0;

	while (done < file->length) {
		ssize_t put = write(fd, file->text + done, file->length - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		done += (size_t)put;
	}
	return 0;
}

static int set_times(int fd, const struct saved_file *file)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, file->mtime};

	/* A file of ours that never was elsewhere has no time yet. */
	if (!file->mtime.tv_sec)
		return 0;
	return futimens(fd, times) < 0 ? -errno : 0;
}

static int write_new(int fd, const struct saved_file *file)
{
	int ret = write_text(fd, file);

	if (ret < 0)
		return ret;
	/* Only with CAP_CHOWN; the bytes matter more than the owner. */
	if ((file->uid != geteuid() || file->gid != getegid()) &&
	    fchown(fd, file->uid, file->gid) < 0 && errno != EPERM)
		return -errno;
	if (fchmod(fd, file->mode) < 0)
		return -errno;
	ret = set_times(fd, file);
	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	return ret;
}

/* Replaces what is at `path`, but never writes into it. */
static int create(const struct saved_file *file, const char *path)
{
	int fd;
	int ret;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return -errno;
	ret = write_new(fd, file);
	close(fd);
	if (ret < 0)
		unlink(path);
	return ret;
}

static int create_link(const struct saved_file *file, const char *path)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return symlink(file->target, path) < 0 ? -errno : 0;
}

static int replace(const struct saved_file *file, const char *path)
{
	char beside[PATH_MAX];
	int ret;

	if (file->kind == SAVED_NONE)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	if (snprintf(beside, sizeof(beside), "%s.ersatz", path) >=
	    (int)sizeof(beside))
		return -ENAMETOOLONG;
	ret = file->kind == SAVED_LINK ? create_link(file, beside)
				       : create(file, beside);
	if (ret < 0)
		return ret;
	if (rename(beside, path) < 0) {
		ret = -errno;
		unlink(beside);
	}
	return ret;
}

/* Mode and owner are the mount's and stay as they are. */
static int write_in_place(const struct saved_file *file, const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write_text(fd, file);
	if (ret == 0)
		ret = set_times(fd, file);
	close(fd);
	return ret;
}

int saved_file_put(const struct saved_file *file, const char *path)
{
	int ret = replace(file, path);

	switch (ret) {
	case -EBUSY:
	case -EROFS:
	case -EACCES:
	case -EXDEV:
		break;
	default:
		return ret;
	}
	if (file->kind != SAVED_FILE)
		return ret;
	return write_in_place(file, path);
}

static int store_text(const struct saved_file *file, const char *path)
{
	struct saved_file copy = *file;

	copy.mode = 0644;
	copy.uid = geteuid();
	copy.gid = getegid();
	return create(&copy, path);
}

static int store_target(const struct saved_file *file, const char *path)
{
	if (file->kind == SAVED_LINK)
		return create_link(file, path);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int saved_file_store(const struct saved_file *file, const char *folder,
		     const char *name, const char *link_name)
{
	char *path = config_path(folder, name);
	char *link = config_path(folder, link_name);
	int ret = path && link ? 0 : -ENOMEM;

	if (ret == 0 && file->kind == SAVED_NONE)
		saved_file_forget(folder, name, link_name);
	else if (ret == 0) {
		ret = store_target(file, link);
		if (ret == 0)
			ret = store_text(file, path);
	}
	free(path);
	free(link);
	return ret;
}

/* The run folder is shared with others: its files must be our own. */
static bool is_own(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_uid == geteuid();
}

static int load(struct saved_file *file, const char *path, const char *link)
{
	ssize_t length;
	int ret;

	memset(file, 0, sizeof(*file));
	ret = read_path(file, path, O_NOFOLLOW);
	if (ret < 0)
		return ret;
	if (file->uid != geteuid())
		return -EPERM;
	file->kind = SAVED_FILE;
	length = readlink(link, file->target, sizeof(file->target) - 1);
	if (length < 0)
		return 0;
	if (!is_own(link))
		return -EPERM;
	file->target[length] = '\0';
	file->kind = SAVED_LINK;
	return 0;
}

int saved_file_load(struct saved_file *file, const char *folder,
		    const char *name, const char *link_name)
{
	char *path = config_path(folder, name);
	char *link = config_path(folder, link_name);
	int ret = -ENOMEM;

	memset(file, 0, sizeof(*file));
	if (path && link)
		ret = load(file, path, link);
	if (ret < 0)
		saved_file_fini(file);
	free(path);
	free(link);
	return ret;
}

static void forget(const char *folder, const char *name)
{
	char *path = config_path(folder, name);

	if (path)
		unlink(path);
	free(path);
}

void saved_file_forget(const char *folder, const char *name,
		       const char *link_name)
{
	forget(folder, name);
	forget(folder, link_name);
}

void saved_file_print_kind(const struct saved_file *file, FILE *out)
{
	switch (file->kind) {
	case SAVED_NONE:
		fputs("none\n", out);
		break;
	case SAVED_FILE:
		fprintf(out, "file %04o %u %u %lld.%09ld\n",
			(unsigned)file->mode, (unsigned)file->uid,
			(unsigned)file->gid, (long long)file->mtime.tv_sec,
			file->mtime.tv_nsec);
		break;
	case SAVED_LINK:
		fprintf(out, "link %s\n", file->target);
		break;
	}
}

static int parse_file(struct saved_file *file, const char *text)
{
	unsigned mode, uid, gid;
	long long seconds;
	long nanoseconds;

	if (sscanf(text, "%o %u %u %lld.%ld", &mode, &uid, &gid, &seconds,
		   &nanoseconds) != 5 ||
	    mode > 07777 || nanoseconds < 0 || nanoseconds > 999999999)
		return -EINVAL;
	file->kind = SAVED_FILE;
	file->mode = (mode_t)mode;
	file->uid = (uid_t)uid;
	file->gid = (gid_t)gid;
	file->mtime.tv_sec = (time_t)seconds;
	file->mtime.tv_nsec = nanoseconds;
	return 0;
}

int saved_file_parse_kind(struct saved_file *file, const char *text,
			  size_t length)
{
	char line[PATH_MAX + 8];

	if (!length || length >= sizeof(line) || text[length - 1] != '\n')
		return -EINVAL;
	memcpy(line, text, length - 1);
	line[length - 1] = '\0';
	memset(file, 0, sizeof(*file));
	if (strcmp(line, "none") == 0)
		return 0;
	if (strncmp(line, "file ", 5) == 0)
		return parse_file(file, line + 5);
	if (strncmp(line, "link ", 5) != 0 ||
	    strlen(line + 5) >= sizeof(file->target))
		return -EINVAL;
	file->kind = SAVED_LINK;
	strcpy(file->target, line + 5);
	return 0;
}
