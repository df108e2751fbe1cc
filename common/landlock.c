// SPDX-License-Identifier: BSD-2-Clause
/*
 * The numbers are written down, as headers of Debian 12 know Landlock up to
 * version 2 alone: a kernel with more of it is asked at run time.
 */
#include "common/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Counters are written to the build folder when a process ends. */
#ifdef ERSATZ_COVERAGE
#define IS_WANTED false
#else
#define IS_WANTED true
#endif

#define ASK_VERSION 1U
#define PATH_BENEATH 1

#define EXECUTE (1U << 0)
#define WRITE_FILE (1U << 1)
#define REMOVE_DIR (1U << 4)
#define REMOVE_FILE (1U << 5)
#define MAKE_CHAR (1U << 6)
#define MAKE_DIR (1U << 7)
#define MAKE_REG (1U << 8)
#define MAKE_SOCK (1U << 9)
#define MAKE_FIFO (1U << 10)
#define MAKE_BLOCK (1U << 11)
#define MAKE_SYM (1U << 12)
#define REFER (1U << 13)    /* from version 2 */
#define TRUNCATE (1U << 14) /* 3 */

#define BIND_TCP (1U << 0) /* 4 */

#define ABSTRACT_SOCKETS (1U << 0) /* 6 */
#define SIGNALS (1U << 1)

#define APPENDING (WRITE_FILE | TRUNCATE | MAKE_REG)
#define CHANGING \
	(APPENDING | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_SOCK | REFER)
#define HANDLED \
	(EXECUTE | CHANGING | MAKE_CHAR | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM)
#define OF_FILES (WRITE_FILE | TRUNCATE) /* a folder may have all */

struct ruleset {
	uint64_t files, network, scoped;
};

struct rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

static const uint32_t rights[] = {
	[LANDLOCK_WRITE] = WRITE_FILE,
	[LANDLOCK_APPEND] = APPENDING,
	[LANDLOCK_CHANGE] = CHANGING,
};

int landlock_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);

	return IS_WANTED && version > 0 ? (int)version : 0;
}

const char *landlock_log_folder(const char *path, char out[PATH_MAX])
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (slash && slash > path)
		snprintf(out, PATH_MAX, "%.*s", (int)(slash - path), path);
	else
		snprintf(out, PATH_MAX, LANDLOCK_LOGS);
	return out;
}

/* What a kernel of that version can take away; and how much of it it reads. */
static size_t fit(struct ruleset *ruleset, int version)
{
	if (version < 2)
		ruleset->files &= ~(uint64_t)REFER;
	if (version < 3)
		ruleset->files &= ~(uint64_t)TRUNCATE;
	if (version < 4)
		return offsetof(struct ruleset, network);
	if (version < 6)
		return offsetof(struct ruleset, scoped);
	return sizeof(*ruleset);
}

static int add(int fd, const struct ruleset *ruleset,
	       const struct landlock_place *place)
{
	struct rule rule = {.allowed = rights[place->right] & ruleset->files};
	struct stat st;
	int ret = 0;

	rule.parent = open(place->path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(rule.parent, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	if (syscall(SYS_landlock_add_rule, fd, PATH_BENEATH, &rule, 0) < 0)
		ret = -errno;
	close(rule.parent);
	return ret;
}

int landlock_enter(const struct landlock_place *places, size_t count,
		   bool may_listen)
{
	struct ruleset ruleset = {
		.files = HANDLED,
		.network = may_listen ? 0 : BIND_TCP,
		.scoped = ABSTRACT_SOCKETS | SIGNALS,
	};
	int version = landlock_version(), ret = 0;

	if (version == 0)
		return 0;
	size_t size = fit(&ruleset, version);
	int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = add(fd, &ruleset, &places[i]);
	if (ret == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		ret = -errno;
	close(fd);
	return ret < 0 ? ret : version;
}
