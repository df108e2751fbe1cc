// SPDX-License-Identifier: BSD-2-Clause
/*
 * control_socket.h - a Unix socket that listens at a path.
 *
 * Errors	-errno; ERR_RUNNING: somebody answers there; -EEXIST: it is
 *		another kind of file
 */
#ifndef ERSATZ_COMMON_CONTROL_SOCKET_H
#define ERSATZ_COMMON_CONTROL_SOCKET_H

#include "common/compiler.h"

#include <sys/stat.h>

/*
 * The descriptor, non-blocking, and which file it is.  The socket of one who
 * died is replaced.  Anybody may connect: who may what is for the one who
 * accepts to know.
 */
NODISCARD int control_socket_listen(const char *path, struct stat *file);

#endif
