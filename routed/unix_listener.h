// SPDX-License-Identifier: BSD-2-Clause
/*
 * unix_listener.h - who listens at the path of a Unix socket.
 *
 * Privilege	none
 * Errors	-errno
 * Source	unix(7), proc(5): /proc/net/unix
 */
#ifndef ERSATZ_ROUTED_UNIX_LISTENER_H
#define ERSATZ_ROUTED_UNIX_LISTENER_H

#include "common/compiler.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The inode of the socket that listens at `path`, which may be a symbolic
 * link; 0: none does.  In the network namespace of this process.
 */
NODISCARD int unix_listener_find(const char *path, uint32_t *inode);

/* The same in a table of that form; `path` to the letter. */
uint32_t unix_listener_read(FILE *table, const char *path);

#endif
