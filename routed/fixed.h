// SPDX-License-Identifier: BSD-2-Clause
/*
 * fixed.h - what of a configuration a running routed cannot change.  Pure.
 */
#ifndef ERSATZ_ROUTED_FIXED_H
#define ERSATZ_ROUTED_FIXED_H

#include "common/config.h"

/* The first key of these in which the two differ, or NULL. */
const char *fixed_difference(const struct config *a, const struct config *b);

#endif
