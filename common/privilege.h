// SPDX-License-Identifier: BSD-2-Clause
/*
 * privilege.h - giving up what a process does not need; the boundary of
 * libcap-ng.
 *
 * Errors	-errno; -ENOENT for a user that does not exist
 */
#ifndef ERSATZ_COMMON_PRIVILEGE_H
#define ERSATZ_COMMON_PRIVILEGE_H

#include "common/compiler.h"

#include <stdbool.h>
#include <sys/types.h>

struct identity {
	uid_t uid;
	gid_t gid;
};

/* Why not is in the log: for a missing user with "useradd --system ...". */
NODISCARD int identity_find(struct identity *identity, const char *user);

/*
 * Becomes that user with no supplementary group and no capability in any
 * set, bounding set included, and sets no_new_privs.  When not root: only
 * drops capabilities and sets no_new_privs.
 */
NODISCARD int privilege_drop_all(const struct identity *identity);

/*
 * For the parent of routed: stays root, keeps CAP_NET_ADMIN, CAP_NET_RAW and,
 * to read /proc/PID/fd of other users' processes (which takes both),
 * CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; loses the rest for good; its one
 * supplementary group is
 * `group`, to read the map.
 */
NODISCARD int privilege_keep_network(gid_t group);

#endif
