// SPDX-License-Identifier: BSD-2-Clause
/*
 * owner.h - which process has a socket; what /proc tells.
 *
 * A socket may be in several processes (a server and its children, systemd
 * and the service that it activated).  Everything here is a look at one
 * moment: a process may be gone when its number is used.
 *
 * Privilege	CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH to look into processes
 *		of other users
 * Errors	-errno; -ENOENT: nobody has it; -ESRCH: the process is gone
 * Source	proc(5)
 */
#ifndef ERSATZ_ROUTED_OWNER_H
#define ERSATZ_ROUTED_OWNER_H

#include "common/compiler.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OWNER_FAMILY_MAX 256
#define OWNER_INODES_MAX 4096

struct owner {
	pid_t pid;
	uid_t uid;          /* effective */
	char exe[PATH_MAX]; /* without " (deleted)" after an upgrade */
};

/* Who is it?  */
NODISCARD int owner_read(struct owner *owner, pid_t pid);

/*
 * The process that has the socket; one other than process 1 if there is one,
 * and the oldest (smallest number) of these.  Looks at every process.
 */
NODISCARD int owner_find(struct owner *owner, uint32_t inode);

/* Does the process or one of its descendants have the socket? */
NODISCARD bool owner_family_has(pid_t pid, uint32_t inode);

/* Does a process of that user that runs `exe` have it? */
NODISCARD bool owner_program_has(const char *exe, uid_t uid, uint32_t inode);

/*
 * The sockets of a process and its descendants, at most OWNER_INODES_MAX.
 * How many, or an error.
 */
NODISCARD int owner_inodes(pid_t pid, uint32_t *inodes, size_t size);

/*
 * Calls `fn` for each TUN or TAP device that a process holds, with the name
 * that it had when it was made, whichever network namespace it is in.
 */
typedef void (*owner_tun_fn)(void *ctx, pid_t pid, const char *device);
NODISCARD int owner_each_tun(owner_tun_fn fn, void *ctx);

#endif
