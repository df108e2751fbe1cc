// SPDX-License-Identifier: BSD-2-Clause
/*
 * confinement.h - what a process may do, for --status: its user, capabilities,
 * filter of system calls, Landlock.
 *
 * What the kernel says of a process, and not what we believe; but for
 * Landlock, which it tells nobody.
 *
 * Source	proc_pid_status(5)
 */
#ifndef ERSATZ_COMMON_CONFINEMENT_H
#define ERSATZ_COMMON_CONFINEMENT_H

#include "common/json.h"

#include <stdio.h>
#include <sys/types.h>

/*
 * Sets PREFIX_uid, PREFIX_capabilities (as hexadecimal text), PREFIX_seccomp
 * and PREFIX_landlock (its version, as it was told to us; 0: off).  Nothing of
 * a process that there is not.
 */
void confinement_set(struct json *json, const char *prefix, pid_t pid,
		     int landlock);

/* "user 998, no capability, seccomp, Landlock 7"; false if nothing is set. */
bool confinement_print(const struct json *json, const char *prefix, FILE *out);

#endif
