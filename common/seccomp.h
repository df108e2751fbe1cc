// SPDX-License-Identifier: BSD-2-Clause
/*
 * seccomp.h - which system calls a process may make from now on; the boundary
 * of libseccomp.
 *
 * A filter is a list of what is allowed.  Any other call is not made: the
 * kernel sends SIGSYS in its place (SECCOMP_RET_TRAP), and a handler writes
 * the name of the call to the log and ends the process.  Not
 * SECCOMP_RET_KILL_PROCESS: that one tells the audit log a number, if there is
 * such a log, and ours nothing.  Somebody who has taken the process over may
 * catch SIGSYS himself; the call is not made for him either.
 *
 * Filters are inherited by children, over execve(2) too, and the strictest of
 * those that a process has counts: what is to run in a child must be in the
 * tables of its parent.
 *
 * Errors	-errno
 * Source	seccomp(2)
 */
#ifndef ERSATZ_COMMON_SECCOMP_H
#define ERSATZ_COMMON_SECCOMP_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECCOMP_ALL UINT64_MAX     /* of an argument of 64 bits */
#define SECCOMP_INT 0xffffffffU    /* of one that the kernel takes as int */
#define SECCOMP_OWN_PID UINT64_MAX /* a value: the id of this process */

/* One argument; `mask` 0: none. */
struct seccomp_argument {
	uint8_t number; /* from 0 */
	uint64_t mask, value;
};

/* A call that is allowed when both arguments are as they say. */
struct seccomp_form {
	const char *call;
	struct seccomp_argument when[2];
};

/* What belongs together. */
struct seccomp_table {
	const char *calls; /* names with spaces between: in any form */
	const struct seccomp_form *forms;
	size_t form_count;
};

/*
 * Allows what is in those tables, and nothing else, for good: to this thread
 * and all that it makes.  Names that the library or this machine does not know
 * are left out.  Takes no_new_privs.  0 too when this was built without
 * libseccomp: /proc/PID/status has the truth.
 */
NODISCARD int seccomp_enter(const struct seccomp_table *const tables[],
			    size_t count);

#endif
