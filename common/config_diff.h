// SPDX-License-Identifier: BSD-2-Clause
/*
 * config_diff.h - what a reload changes, for the log.
 *
 * Compares what config_print() says of both, so that no key can be forgotten:
 * one line a key, "dnsd.timeout: 4s, was 5s", and one for the items of a list
 * such as the rules, "rules: 2 added, 1 removed".
 */
#ifndef ERSATZ_COMMON_CONFIG_DIFF_H
#define ERSATZ_COMMON_CONFIG_DIFF_H

#include "common/compiler.h"
#include "common/config.h"

typedef void (*config_diff_fn)(void *ctx, const char *line);

/* Calls `fn` for each difference; how many there are, or -ENOMEM. */
NODISCARD int config_diff(const struct config *old, const struct config *new,
			  config_diff_fn fn, void *ctx);

/* The same to the log, CONFIG_DIFF_LINES at most. */
#define CONFIG_DIFF_LINES 20
void config_diff_log(const struct config *old, const struct config *new);

#endif
