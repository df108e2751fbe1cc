// SPDX-License-Identifier: BSD-2-Clause
/*
 * trial.h - something that is tried out beside us, in a process of its own.
 *
 * What a trial makes in the kernel (namespaces, devices) ends with its
 * process, and that takes the kernel tens of milliseconds: each device waits
 * for RCU.  Nobody waits for it here: the result is told first, and the
 * process belongs to init, so that nobody has to reap it either.  It has none
 * of our descriptors.
 *
 * Errors	-errno; -EIO: the process died without a result
 */
#ifndef ERSATZ_ROUTED_TRIAL_H
#define ERSATZ_ROUTED_TRIAL_H

#include "common/compiler.h"

#define TRIAL_WHAT_SIZE 64

struct trial;

/* `what` is what failed, a static text. */
typedef int (*trial_fn)(const void *ctx, const char **what);

/* Call before threads exist. */
NODISCARD int trial_start(struct trial **trial, trial_fn fn, const void *ctx);

/* Waits for what `fn` returned. */
NODISCARD int trial_result(struct trial *trial, char what[TRIAL_WHAT_SIZE]);

/* Whether it is through or not.  NULL is fine. */
void trial_free(struct trial *trial);

#endif
