// SPDX-License-Identifier: BSD-2-Clause
/*
 * sysctls.h - settings of the kernel that we change, and what they were.
 *
 * What a setting was is written to RUN/routed.sysctl before it is changed, so
 * that --recover can put it back too.  It is put back only if it still has the
 * value that we gave it: whoever has changed it since knows better.  The last
 * that was changed is put back first.
 *
 * A setting is named by its path below /proc/sys, as the dots of sysctl(8)
 * would cut the name of an interface that has some.
 *
 * Privilege	root, or CAP_NET_ADMIN and the files of /proc/sys/net
 * Errors	-errno; -EFBIG beyond SYSCTLS_MAX
 * Ownership	sysctls_fini() frees; it puts nothing back
 */
#ifndef ERSATZ_ROUTED_SYSCTLS_H
#define ERSATZ_ROUTED_SYSCTLS_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>

#define SYSCTLS_FILE "routed.sysctl"
#define SYSCTLS_MAX 512
#define SYSCTLS_PATH_SIZE 80

struct sysctl {
	char path[SYSCTLS_PATH_SIZE]; /* "net/ipv4/conf/eth0/forwarding" */
	int before, ours;
};

struct sysctls {
	const char *run_dir; /* borrowed */
	struct sysctl *list; /* owned; in the order of the changes */
	size_t count;
};

/* What it is now; -ENOENT: there is no such setting. */
NODISCARD int sysctls_get(const char *path);

/* Makes it `value`, of something of ours, and remembers nothing. */
NODISCARD int sysctls_put(const char *path, int value);

/*
 * Makes it `value`, 0 or more; 0: it is already.  A setting that somebody else
 * has changed back is changed again, and what it was first is kept.
 */
NODISCARD int sysctls_set(struct sysctls *sysctls, const char *path, int value);

/*
 * Remembers one that another setting will take along from what it is now to
 * `value`: it is put back when that one is.
 */
NODISCARD int sysctls_note(struct sysctls *sysctls, const char *path,
			   int value);

/* Puts back what `is_wanted` says no to, as sysctls_restore() does. */
void sysctls_prune(struct sysctls *sysctls,
		   bool (*is_wanted)(const void *ctx, const char *path),
		   const void *ctx);

/* Puts everything back that was changed; how many, or the first error. */
NODISCARD int sysctls_restore(struct sysctls *sysctls);

/* The same for what an instance left that is gone. */
NODISCARD int sysctls_recover(const char *run_dir);

void sysctls_fini(struct sysctls *sysctls);

#endif
