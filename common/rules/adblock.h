// SPDX-License-Identifier: BSD-2-Clause
/*
 * adblock.h - lines of blocking lists, as far as they speak of names.
 *
 *	||example.com^		that name and all below it
 *	||ads*.example.com^	wildcards
 *	|example.com^		that name; also a name alone
 *	/^ads[0-9]+\./		a regular expression
 *	@@||good.example.com^	an exception: the list does not match it
 *	0.0.0.0 example.com	as in hosts lists
 *	! comment, # comment
 *
 * What needs a browser (paths, elements of a page, options but `important`)
 * is left out.
 *
 * Source	AdGuard, "DNS filtering rules syntax"
 */
#ifndef ERSATZ_COMMON_RULES_ADBLOCK_H
#define ERSATZ_COMMON_RULES_ADBLOCK_H

#include "common/compiler.h"
#include "common/rules/list.h"

#include <stdbool.h>
#include <stddef.h>

NODISCARD int adblock_add(struct list *list, char *text);

/* Is there an exception in the list? */
bool adblock_has_exceptions(const char *text, size_t length);

#endif
