// SPDX-License-Identifier: BSD-2-Clause
#include "routed/sysctls.h"

#include "common/config.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROC "/proc/sys/"
#define TEMPORARY SYSCTLS_FILE ".new"

static int open_setting(const char *path, int flags)
{
	char full[sizeof(PROC) + SYSCTLS_PATH_SIZE];
	int fd;

	snprintf(full, sizeof(full), PROC "%s", path);
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysctls_get(const char *path)
{
	char text[16] = "";
	int fd = open_setting(path, O_RDONLY);
	int ret;

	if (fd < 0)
		return fd;
	ret = read(fd, text, sizeof(text) - 1) < 0 ? -errno : 0;
	close(fd);
	return ret < 0 ? ret : atoi(text);
}

int sysctls_put(const char *path, int value)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d\n", value);
	int fd = open_setting(path, O_WRONLY);
	int ret;

	if (fd < 0)
		return fd;
	ret = write(fd, text, (size_t)length) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Nothing is left of a file that could not be written whole. */
static int write_all(const struct sysctls *sysctls, const char *path)
{
	FILE *file = fopen(path, "we");
	int ret = 0;

	if (!file)
		return -errno;
	for (size_t i = 0; i < sysctls->count; i++) {
		const struct sysctl *one = &sysctls->list[i];

		fprintf(file, "%s %d %d\n", one->path, one->before, one->ours);
	}
	if (ferror(file))
		ret = -EIO;
	if (fclose(file) != 0 && ret == 0)
		ret = -errno;
	return ret;
}

static int store(const struct sysctls *sysctls)
{
	char *path = config_path(sysctls->run_dir, SYSCTLS_FILE);
	char *temporary = config_path(sysctls->run_dir, TEMPORARY);
	int ret = path && temporary ? 0 : -ENOMEM;

	if (ret == 0 && sysctls->count == 0)
		ret = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	else if (ret == 0)
		ret = write_all(sysctls, temporary);
	if (ret == 0 && sysctls->count > 0 && rename(temporary, path) < 0)
		ret = -errno;
	if (ret < 0 && temporary)
		unlink(temporary);
	free(temporary);
	free(path);
	return ret;
}

static struct sysctl *find(const struct sysctls *sysctls, const char *path)
{
	for (size_t i = 0; i < sysctls->count; i++) {
		if (strcmp(sysctls->list[i].path, path) == 0)
			return &sysctls->list[i];
	}
	return NULL;
}

static int append(struct sysctls *sysctls, const char *path, int before,
		  int ours)
{
	struct sysctl *grown;

	if (strlen(path) >= SYSCTLS_PATH_SIZE)
		return -ENAMETOOLONG;
	if (sysctls->count == SYSCTLS_MAX)
		return -EFBIG;
	/* Full at every power of two. */
	if ((sysctls->count & (sysctls->count - 1)) == 0) {
		size_t room = sysctls->count ? sysctls->count * 2 : 1;

		grown = realloc(sysctls->list, room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		sysctls->list = grown;
	}
	struct sysctl *one = &sysctls->list[sysctls->count++];
	snprintf(one->path, sizeof(one->path), "%s", path);
	one->before = before;
	one->ours = ours;
	return 0;
}

int sysctls_note(struct sysctls *sysctls, const char *path, int value)
{
	int before = sysctls_get(path);

	if (before < 0)
		return before;
	if (before == value || find(sysctls, path))
		return 0;
	return append(sysctls, path, before, value);
}

int sysctls_set(struct sysctls *sysctls, const char *path, int value)
{
	const struct sysctl *known = find(sysctls, path);
	int before = sysctls_get(path);
	int ret = 0;

	if (before < 0)
		return before;
	if (before == value)
		return 0;
	if (!known) {
		ret = append(sysctls, path, before, value);
		if (ret == 0)
			ret = store(sysctls);
	}
	if (ret == 0)
		ret = sysctls_put(path, value);
	if (ret == 0)
		log_info("set: '%s' from %d to %d", path, before, value);
	return ret < 0 ? ret : 1;
}

/* One that is gone went with its interface. */
static int put_back(const struct sysctl *one)
{
	int now = sysctls_get(one->path);
	int ret;

	if (now == -ENOENT || (now >= 0 && now != one->ours))
		return 0;
	if (now < 0)
		return now;
	ret = sysctls_put(one->path, one->before);
	if (ret == 0)
		log_info("put back: '%s' to %d", one->path, one->before);
	return ret < 0 ? ret : 1;
}

static int put_back_or_tell(const struct sysctl *one)
{
	int ret = put_back(one);

	if (ret < 0)
		log_error("cannot put '" PROC "%s' back to %d: %s", one->path,
			  one->before, strerror(-ret));
	return ret;
}

void sysctls_prune(struct sysctls *sysctls,
		   bool (*is_wanted)(const void *ctx, const char *path),
		   const void *ctx)
{
	const size_t count = sysctls->count;

	for (size_t i = count; i-- > 0;) {
		struct sysctl *one = &sysctls->list[i];

		/* One that failed stays, for the end. */
		if (is_wanted(ctx, one->path) || put_back_or_tell(one) < 0)
			continue;
		memmove(one, one + 1, (sysctls->count - i - 1) * sizeof(*one));
		sysctls->count--;
	}
	if (sysctls->count != count && store(sysctls) < 0)
		log_debug("cannot write '" SYSCTLS_FILE "'");
}

int sysctls_restore(struct sysctls *sysctls)
{
	int error = 0, done = 0;

	while (sysctls->count > 0) {
		int ret = put_back_or_tell(&sysctls->list[--sysctls->count]);

		if (ret < 0 && error == 0)
			error = ret;
		done += ret > 0;
	}
	int ret = store(sysctls);
	if (error == 0)
		error = ret;
	return error < 0 ? error : done;
}

static int load(struct sysctls *sysctls)
{
	char *path = config_path(sysctls->run_dir, SYSCTLS_FILE);
	char setting[SYSCTLS_PATH_SIZE];
	int before, ours, ret = 0;
	FILE *file;

	if (!path)
		return -ENOMEM;
	file = fopen(path, "re");
	free(path);
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (ret == 0 &&
	       fscanf(file, "%79s %d %d", setting, &before, &ours) == 3) {
		/* It is root's file, and nobody is led elsewhere by it. */
		if (!strstr(setting, "..") && strncmp(setting, "net/", 4) == 0)
			ret = append(sysctls, setting, before, ours);
	}
	fclose(file);
	return ret;
}

int sysctls_recover(const char *run_dir)
{
	struct sysctls sysctls = {.run_dir = run_dir};
	int ret = load(&sysctls);

	if (ret == 0 && sysctls.count > 0)
		ret = sysctls_restore(&sysctls);
	sysctls_fini(&sysctls);
	return ret;
}

void sysctls_fini(struct sysctls *sysctls)
{
	free(sysctls->list);
	sysctls->list = NULL;
	sysctls->count = 0;
}
