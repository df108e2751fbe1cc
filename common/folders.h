// SPDX-License-Identifier: BSD-2-Clause
/*
 * folders.h - the run and the state folder, and the lock of one instance.
 *
 * Errors	-errno, ERR_RUNNING; why, and what to do, is in the log
 */
#ifndef ERSATZ_COMMON_FOLDERS_H
#define ERSATZ_COMMON_FOLDERS_H

#include "common/config.h"
#include "common/daemon.h"
#include "common/privilege.h"

/*
 * Makes the run folder, takes the lock "RUN/NAME.pid", makes the state
 * folder: a folder that is meant to be both is not empty then, and told.
 */
NODISCARD int folders_take(struct daemon *daemon, const struct config *config,
			   const struct identity *identity, const char *name);

#endif
