// SPDX-License-Identifier: BSD-2-Clause
/*
 * payload.h - lists in YAML, as Clash's providers have them.
 *
 *	payload:
 *	  - '+.example.com'
 *
 * Such files can be long, and nearly all are written in this one way, which is
 * read line by line; any other goes through the YAML parser.
 *
 * Errors	as list_line.h
 */
#ifndef ERSATZ_COMMON_RULES_PAYLOAD_H
#define ERSATZ_COMMON_RULES_PAYLOAD_H

#include "common/compiler.h"
#include "common/rules/list.h"

#include <stddef.h>

/* `text` has a zero behind it, and is cut to pieces. */
NODISCARD int payload_read(struct list *list, char *text, size_t length);

#endif
