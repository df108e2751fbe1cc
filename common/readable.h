// SPDX-License-Identifier: BSD-2-Clause
/*
 * readable.h - can the daemons still read what the configuration names, when
 * they are no longer root?
 *
 * The configuration is first read as root; the relay reads it, and dnsd reads
 * it again at a reload, as the user of `user`.  A list or a file of authorities
 * that only root can read is found here and not then.  (Files with passwords
 * are looked at when they are read, by their modes.)
 *
 * Thread	any; a child process becomes that user and tries
 */
#ifndef ERSATZ_COMMON_READABLE_H
#define ERSATZ_COMMON_READABLE_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/diag.h"

/*
 * ERR_CONFIG: the diag got an error for each file that cannot be read.  Who is
 * not root can try nothing, and gets 0.
 */
NODISCARD int readable_check(const struct config *config, struct diag *diag);

#endif
