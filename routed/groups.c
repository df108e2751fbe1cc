// SPDX-License-Identifier: BSD-2-Clause
#include "routed/groups.h"

#include "common/err.h"
#include "common/log.h"
#include "routed/flow_owner.h"
#include "routed/group_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOUNTS "/proc/self/mounts"
#define BUFFER_SIZE 4096
#define EVENTS                                                 \
	(IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | \
	 IN_DELETE_SELF | IN_ONLYDIR)

struct groups {
	struct ev_loop *loop;        /* borrowed */
	const struct config *config; /* borrowed */
	struct group_mark *mark;     /* owned */
	int fd;                      /* owned; of inotify */
	struct ev_io io;
	bool is_there[GROUP_MARK_MAX];
	bool has_looked;
	char root[PATH_MAX];
};

int groups_find_root(char *out)
{
	FILE *mounts = setmntent(MOUNTS, "re");
	int ret = -ENOENT;
	struct mntent entry;
	char buffer[BUFFER_SIZE];

	if (!mounts)
		return -errno;
	while (ret < 0 && getmntent_r(mounts, &entry, buffer, sizeof(buffer))) {
		if (strcmp(entry.mnt_type, "cgroup2") != 0 ||
		    strlen(entry.mnt_dir) >= PATH_MAX)
			continue;
		strcpy(out, entry.mnt_dir);
		ret = 0;
	}
	endmntent(mounts);
	return ret;
}

/* The kernel's id of a group is the inode of its folder; 0: there is none. */
static uint64_t find_id(const char *root, const char *path)
{
	char *full = config_path(root, path + 1);
	struct stat status;
	uint64_t id = 0;

	if (full && stat(full, &status) == 0 && S_ISDIR(status.st_mode))
		id = status.st_ino;
	free(full);
	return id;
}

bool groups_have(const char *root, const char *path)
{
	return find_id(root, path) != 0;
}

bool groups_exempt(const struct config *config, const char *path)
{
	const struct routed_conf *conf = &config->routed;

	for (size_t i = 0; i < conf->exempt.cgroup_count; i++) {
		const char *group = conf->exempt.cgroups[i];
		size_t length = strlen(group);

		if (strncmp(path, group, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			return true;
	}
	return false;
}

/* The root, and what of the folders above the group is there. */
static void watch_way(const struct groups *groups, const char *path)
{
	char *full = config_path(groups->root, path + 1);
	const size_t least = strlen(groups->root);

	for (char *slash = full ? strrchr(full, '/') : NULL;
	     slash && (size_t)(slash - full) >= least;
	     slash = strrchr(full, '/')) {
		*slash = '\0';
		if (inotify_add_watch(groups->fd, full, EVENTS) < 0 &&
		    errno != ENOENT)
			log_warning("cannot watch control group '%s': %s", full,
				    err_text(-errno));
	}
	free(full);
}

static void tell(struct groups *groups, size_t index, const char *path,
		 bool is_there)
{
	if (groups->has_looked && groups->is_there[index] == is_there)
		return;
	if (is_there)
		log_notice("control group '%s' is exempt", path);
	else
		log_notice("there is no control group '%s' now: it is exempt "
			   "when it comes",
			   path);
	groups->is_there[index] = is_there;
}

/* A folder is watched before it is looked for: so nothing falls between. */
static void look(struct groups *groups)
{
	const struct routed_conf *conf = &groups->config->routed;

	for (size_t i = 0; i < GROUP_MARK_MAX; i++) {
		uint64_t id = 0;

		if (i < conf->exempt.cgroup_count) {
			const char *path = conf->exempt.cgroups[i];

			watch_way(groups, path);
			id = find_id(groups->root, path);
			tell(groups, i, path, id);
		}
		group_mark_set(groups->mark, i, id);
	}
	groups->has_looked = true;
}

static void on_readable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct groups *groups = io->data;
	alignas(struct inotify_event) char buffer[BUFFER_SIZE];

	(void)loop;
	(void)revents;
	while (read(io->fd, buffer, sizeof(buffer)) > 0)
		; /* what it was is looked for, in any case */
	look(groups);
}

/*
 * Then the relay's sockets would go where the main table says, not out of the
 * interface that an outbound names.
 */
static int refuse_own(const struct config *config, char *why)
{
	char own[PATH_MAX];

	flow_owner_read_cgroup(getpid(), own, sizeof(own));
	if (!groups_exempt(config, own))
		return 0;
	snprintf(why, GROUPS_WHY_SIZE,
		 "cannot exempt the control group that routed itself is in: "
		 "'%.128s'",
		 own);
	return -EINVAL;
}

static int open_mark(struct groups *groups, char *why)
{
	int ret = groups_find_root(groups->root);
	int root_fd;

	if (ret < 0) {
		snprintf(why, GROUPS_WHY_SIZE,
			 "cannot exempt control groups: those of version 2 are "
			 "mounted nowhere (mount -t cgroup2 none "
			 "/sys/fs/cgroup)");
		return ret;
	}
	root_fd = open(groups->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = root_fd < 0 ? -errno : group_mark_open(&groups->mark, root_fd);
	if (root_fd >= 0)
		close(root_fd);
	if (ret < 0)
		snprintf(why, GROUPS_WHY_SIZE,
			 "cannot exempt control groups, which takes BPF: %s; "
			 "exempt their users by 'routed.exempt.uid' instead",
			 err_text(ret));
	return ret;
}

int groups_open(struct groups **out, struct ev_loop *loop,
		const struct config *config, char *why)
{
	struct groups *groups;
	int ret;

	*out = NULL;
	if (!config->routed.exempt.cgroup_count)
		return 0;
	ret = refuse_own(config, why);
	if (ret < 0)
		return ret;
	ret = -ENOMEM;
	groups = calloc(1, sizeof(*groups));
	snprintf(why, GROUPS_WHY_SIZE, "%s", err_text(ret));
	if (!groups)
		return ret;
	groups->loop = loop;
	groups->config = config;
	groups->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (groups->fd < 0) {
		ret = -errno;
		snprintf(why, GROUPS_WHY_SIZE,
			 "cannot watch control groups: %s", err_text(ret));
		goto free_groups;
	}
	ret = open_mark(groups, why);
	if (ret < 0)
		goto close_fd;
	ev_io_init(&groups->io, on_readable, groups->fd, EV_READ);
	groups->io.data = groups;
	ev_io_start(loop, &groups->io);
	look(groups);
	*out = groups;
	return 0;

close_fd:
	close(groups->fd);
free_groups:
	free(groups);
	return ret;
}

void groups_close(struct groups *groups)
{
	if (!groups)
		return;
	ev_io_stop(groups->loop, &groups->io);
	group_mark_close(groups->mark);
	close(groups->fd);
	free(groups);
}

void groups_set_config(struct groups *groups, const struct config *config)
{
	if (!groups)
		return;
	groups->config = config;
	groups->has_looked = false;
	look(groups);
}
