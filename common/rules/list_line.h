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

/*
 * The quick way of the lines that most lists are made of: a name with or
 * without the mark of its kind.  Returns the characters of it, of which the
 * caller knows whether an entry may end behind them; 0: take the long way.
 */
NODISCARD size_t list_line_plain(const struct list *list, const char *text,
				 struct name *name, unsigned *kinds);

/* `text` is trimmed, is not empty, and is cut to pieces. */
NODISCARD int list_line_add(struct list *list, char *text);

/* A domain of the v2fly project, by its type. */
enum v2fly_type { V2FLY_SUFFIX, V2FLY_FULL, V2FLY_KEYWORD, V2FLY_REGEX };
NODISCARD int list_line_add_v2fly(struct list *list, enum v2fly_type type,
				  const char *value);

#endif
