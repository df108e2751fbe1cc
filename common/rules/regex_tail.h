// SPDX-License-Identifier: BSD-2-Clause
/*
 * regex_tail.h - what every text that an expression matches ends with.
 *
 * Lists have expressions by the hundred, and nearly all end in a literal and
 * "$".  Comparing the end of a name costs a twentieth of matching.
 */
#ifndef ERSATZ_COMMON_RULES_REGEX_TAIL_H
#define ERSATZ_COMMON_RULES_REGEX_TAIL_H

#include "common/compiler.h"

#include <stddef.h>

/*
 * Writes the tail in lower case, without an end, and returns its length; 0 if
 * there is none, or where that is not plain to see.
 */
size_t regex_tail(const char *text, char *out, size_t size);

#endif
