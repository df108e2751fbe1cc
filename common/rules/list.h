// SPDX-License-Identifier: BSD-2-Clause
/*
 * list.h - the text files that RULE-SET names.
 *
 * One entry a line, in any of the forms that Clash's text providers have, and
 * recognised line by line: TYPE,argument[,no-resolve] (classical), a prefix
 * (ipcidr), or a name with its wildcards (domain; matcher.h tells them).
 * Empty lines and lines that begin with "#" or "//" do not count, nor does
 * what follows a blank and one of these.
 *
 * Errors	ERR_CONFIG: the diag got an error; -ENOMEM, -EFBIG
 * Source	the providers of mihomo, rules/provider/
 */
#ifndef ERSATZ_COMMON_RULES_LIST_H
#define ERSATZ_COMMON_RULES_LIST_H

#include "common/compiler.h"
#include "common/rules/matcher.h"

#include <stdbool.h>

#define LIST_SIZE_MAX (256L << 20)
#define LIST_ERRORS_MAX 10 /* further lines of such a file are not read */

/*
 * Adds every line of the file to the matcher.  Entries of types that Clash
 * has and this version has not are left out, with one warning a file: lists
 * come from elsewhere, and cannot be mended by who uses them.  `place` is that
 * of the rule which names the list.
 */
NODISCARD int list_load(struct matcher *matcher, const char *path,
			bool is_no_resolve, const struct rule_place *place);

#endif
