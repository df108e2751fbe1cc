// SPDX-License-Identifier: BSD-2-Clause
/*
 * list_line.h - one line of a list, in each of the forms (form.h).
 *
 * Errors	ERR_CONFIG: the diag of the list got an error; -ENOMEM, -EFBIG
 */
#ifndef ERSATZ_COMMON_RULES_LIST_LINE_H
#define ERSATZ_COMMON_RULES_LIST_LINE_H

#include "common/compiler.h"
#include "common/rules/list.h"

/* `text` is trimmed, is not empty, and is cut to pieces. */
NODISCARD int list_line_add(struct list *list, char *text);

/* A domain of the v2fly project, by its type. */
enum v2fly_type { V2FLY_SUFFIX, V2FLY_FULL, V2FLY_KEYWORD, V2FLY_REGEX };
NODISCARD int list_line_add_v2fly(struct list *list, enum v2fly_type type,
				  const char *value);

#endif
