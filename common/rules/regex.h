// SPDX-License-Identifier: BSD-2-Clause
/*
 * regex.h - regular expressions; the boundary of PCRE2.
 *
 * Matched anywhere in the text and without regard to case, as by Clash.  A
 * match that would take too long is none.  Matching allocates nothing: what
 * PCRE2 wants for it lies on the stack.
 *
 * Without PCRE2 (configure says so) every expression is -EOPNOTSUPP.
 *
 * Errors	-EINVAL: no expression, `why` tells; -EOPNOTSUPP; -ENOMEM
 * Ownership	regex_new() gives to the caller
 * Thread	matching is const: any number of threads
 */
#ifndef ERSATZ_COMMON_RULES_REGEX_H
#define ERSATZ_COMMON_RULES_REGEX_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>

#define REGEX_WHY_SIZE 160

struct regex;

NODISCARD int regex_new(struct regex **regex, const char *text,
			char why[REGEX_WHY_SIZE]);
void regex_free(struct regex *regex);
const char *regex_text(const struct regex *regex); /* as it was given */

bool regex_matches(const struct regex *regex, const char *text, size_t length);

#endif
