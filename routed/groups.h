// SPDX-License-Identifier: BSD-2-Clause
/*
 * groups.h - the control groups whose traffic is exempt, as they come and go.
 *
 * A group is there for as long as its service runs.  So its folder and those
 * above it are watched, and its sockets are marked (group_mark.h) from the
 * moment on that it is there; the plan exempts that mark.
 *
 * Errors	-errno; `why` (GROUPS_WHY_SIZE) has the sentence
 * Thread	the thread of the loop
 * Source	cgroups(7), version 2; inotify(7)
 */
#ifndef ERSATZ_ROUTED_GROUPS_H
#define ERSATZ_ROUTED_GROUPS_H

#include "common/config.h"

#include <ev.h>

#define GROUPS_WHY_SIZE 256

struct groups;

/*
 * Marks what routed.exempt.cgroup names.  NULL, and no error, if it names
 * nothing: such a one cannot be told of any later, as that takes privileges.
 */
NODISCARD int groups_open(struct groups **groups, struct ev_loop *loop,
			  const struct config *config, char *why);
void groups_close(struct groups *groups);

/* Another configuration (borrowed), for one that was opened. */
void groups_set_config(struct groups *groups, const struct config *config);

/*
 * The folder where groups of version 2 are mounted, into `out` (PATH_MAX);
 * -ENOENT: nowhere.
 */
NODISCARD int groups_find_root(char *out);

/* Is there such a group?  `path` as the configuration has it: "/a/b". */
bool groups_have(const char *root, const char *path);

/* Is the group `path` one of those that are exempt, or below one? */
bool groups_exempt(const struct config *config, const char *path);

#endif
