// SPDX-License-Identifier: BSD-2-Clause
/*
 * confine.h - what a relay gives up once all that it needs is open.
 *
 * It goes on with the system calls of routed/allowed.h, and writes in the
 * folder of the map (a reader of SQLite's keeps its place in a file there), of
 * its flow log, and in /var/log, where a reload may want one.
 */
#ifndef ERSATZ_ROUTED_RELAY_CONFINE_H
#define ERSATZ_ROUTED_RELAY_CONFINE_H

#include "common/config.h"

/* For good.  What the kernel does not have is a warning. */
void confine_relay(const struct config *config, const char *state_dir);

#endif
