// SPDX-License-Identifier: BSD-2-Clause
/*
 * libraries.h - those that are loaded only where a configuration needs them.
 *
 * Thread	any
 */
#ifndef ERSATZ_COMMON_LIBRARIES_H
#define ERSATZ_COMMON_LIBRARIES_H

#include "common/compiler.h"
#include "common/config.h"
#include "common/diag.h"

#define LIBRARY_CURL "libcurl.so.4"
#define LIBRARY_SYSTEMD "libsystemd.so.0"
#define LIBRARY_MICROHTTPD "libmicrohttpd.so.12"

/* Can all that it needs be loaded?  ERR_CONFIG: the diag got an error. */
NODISCARD int libraries_check(const struct config *config, struct diag *diag);

#endif
