// SPDX-License-Identifier: BSD-2-Clause
#include "routed/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 64
#define LINK_SIZE 64 /* "socket:[4294967295]" */
#define TUN_PATH "/dev/net/tun"
#define DELETED " (deleted)"

typedef bool (*inode_fn)(void *ctx, uint32_t inode);

/* A process and those below it, parents first. */
struct family {
	pid_t pids[OWNER_FAMILY_MAX];
	size_t count;
};

/* A number that is the whole name, or 0. */
static pid_t number_of(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);

	return *name != '\0' && *end == '\0' && number > 0 && number < INT_MAX
		       ? (pid_t)number
		       : 0;
}

static int read_uid(pid_t pid, uid_t *uid)
{
	char path[PATH_SIZE], line[256];
	unsigned real, effective;
	int ret = -ESRCH;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return -ESRCH;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Uid: %u %u", &real, &effective) != 2)
			continue;
		*uid = effective;
		ret = 0;
		break;
	}
	fclose(file);
	return ret;
}

/* A program that was replaced while it runs is still the same to us. */
static int read_exe(pid_t pid, char exe[PATH_MAX])
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t n = readlink(path, exe, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	exe[n] = '\0';
	size_t suffix = strlen(DELETED), length = (size_t)n;
	if (length > suffix && strcmp(exe + length - suffix, DELETED) == 0)
		exe[length - suffix] = '\0';
	return 0;
}

int owner_read(struct owner *owner, pid_t pid)
{
	owner->pid = pid;
	int ret = read_uid(pid, &owner->uid);
	return ret < 0 ? ret : read_exe(pid, owner->exe);
}

/* The inode of a descriptor that is a socket, or 0. */
static uint32_t inode_of(int folder, const char *name)
{
	char text[LINK_SIZE];
	unsigned long inode;
	ssize_t n = readlinkat(folder, name, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "socket:[%lu]", &inode) == 1 && inode <= UINT32_MAX
		       ? (uint32_t)inode
		       : 0;
}

/* Calls `fn` for each socket until it says true; then that is the result. */
static bool any_socket(pid_t pid, inode_fn fn, void *ctx)
{
	char path[PATH_SIZE];
	bool found = false;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *folder = opendir(path);
	if (!folder)
		return false;
	while (!found && (entry = readdir(folder))) {
		uint32_t inode = inode_of(dirfd(folder), entry->d_name);
		found = inode != 0 && fn(ctx, inode);
	}
	closedir(folder);
	return found;
}

static bool is_that(void *ctx, uint32_t inode)
{
	return inode == *(const uint32_t *)ctx;
}

static bool process_has(pid_t pid, uint32_t inode)
{
	return any_socket(pid, is_that, &inode);
}

int owner_find(struct owner *owner, uint32_t inode)
{
	pid_t best = 0;
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		pid_t pid = number_of(entry->d_name);
		bool is_better =
			pid > 0 && (best <= 1 || (pid < best && pid > 1));
		if (is_better && process_has(pid, inode))
			best = pid;
	}
	closedir(proc);
	return best > 0 ? owner_read(owner, best) : -ENOENT;
}

static void add_pid(struct family *family, pid_t pid)
{
	if (family->count < OWNER_FAMILY_MAX)
		family->pids[family->count++] = pid;
}

/* Children are listed by the thread that made them. */
static void add_children_of_task(struct family *family, pid_t pid,
				 const char *task)
{
	char path[PATH_SIZE * 2];
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%.32s/children", pid, task);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	while (fscanf(file, "%d", &child) == 1)
		add_pid(family, child);
	fclose(file);
}

static void add_children(struct family *family, pid_t pid)
{
	char path[PATH_SIZE];
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *folder = opendir(path);
	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		if (number_of(entry->d_name) > 0)
			add_children_of_task(family, pid, entry->d_name);
	}
	closedir(folder);
}

static void family_init(struct family *family, pid_t pid)
{
	family->count = 0;
	add_pid(family, pid);
	for (size_t i = 0; i < family->count; i++)
		add_children(family, family->pids[i]);
}

bool owner_family_has(pid_t pid, uint32_t inode)
{
	struct family family;

	/* Most often it is the server itself: no need to look for children. */
	if (process_has(pid, inode))
		return true;
	family_init(&family, pid);
	for (size_t i = 1; i < family.count; i++) {
		if (process_has(family.pids[i], inode))
			return true;
	}
	return false;
}

bool owner_program_has(const char *exe, uid_t uid, uint32_t inode)
{
	bool found = false;
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	if (!proc)
		return false;
	while (!found && (entry = readdir(proc))) {
		struct owner owner;
		pid_t pid = number_of(entry->d_name);

		found = pid > 0 && owner_read(&owner, pid) == 0 &&
			owner.uid == uid && strcmp(owner.exe, exe) == 0 &&
			process_has(pid, inode);
	}
	closedir(proc);
	return found;
}

struct collection {
	uint32_t *inodes;
	size_t size;
	size_t count;
};

static bool collect(void *ctx, uint32_t inode)
{
	struct collection *collection = ctx;

	if (collection->count == collection->size)
		return true;
	collection->inodes[collection->count++] = inode;
	return false;
}

int owner_inodes(pid_t pid, uint32_t *inodes, size_t size)
{
	struct family family;
	struct collection collection = {.inodes = inodes, .size = size};

	family_init(&family, pid);
	for (size_t i = 0; i < family.count; i++) {
		if (any_socket(family.pids[i], collect, &collection))
			break;
	}
	return (int)collection.count;
}

/* fdinfo of a TUN has a line "iff:\twg0". */
static bool read_device(pid_t pid, const char *fd, char name[IFNAMSIZ])
{
	char path[PATH_SIZE * 2], line[PATH_SIZE];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.32s", pid, fd);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "iff: %15s", name) == 1;
	fclose(file);
	return found;
}

static bool is_tun(int folder, const char *name)
{
	char text[LINK_SIZE];
	ssize_t n = readlinkat(folder, name, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return strcmp(text, TUN_PATH) == 0;
}

static void each_tun_of(pid_t pid, owner_tun_fn fn, void *ctx)
{
	char path[PATH_SIZE], name[IFNAMSIZ];
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *folder = opendir(path);
	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		if (is_tun(dirfd(folder), entry->d_name) &&
		    read_device(pid, entry->d_name, name))
			fn(ctx, pid, name);
	}
	closedir(folder);
}

int owner_each_tun(owner_tun_fn fn, void *ctx)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		pid_t pid = number_of(entry->d_name);

		if (pid > 0)
			each_tun_of(pid, fn, ctx);
	}
	closedir(proc);
	return 0;
}
