// SPDX-License-Identifier: BSD-2-Clause
/*
 * idn.h - names in other scripts than Latin; the boundary of libidn2.
 *
 * Source	IDNA2008 (RFC 5890 to 5892) with the mapping of UTS 46,
 *		non-transitional
 */
#ifndef ERSATZ_COMMON_IDN_H
#define ERSATZ_COMMON_IDN_H

#include "common/compiler.h"

#include <stddef.h>

/*
 * Writes the text with each label that is not ASCII in Punycode; labels that
 * are stay as they are, wildcards too.  -EINVAL if one has no such form or
 * there is no room; -ENOMEM.
 */
NODISCARD int idn_to_ascii(const char *text, char *out, size_t size);

#endif
