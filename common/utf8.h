// SPDX-License-Identifier: BSD-2-Clause
/*
 * utf8.h - is this text?
 *
 * Source	RFC 3629; the characters that YAML 1.2 allows (5.1)
 */
#ifndef ERSATZ_COMMON_UTF8_H
#define ERSATZ_COMMON_UTF8_H

#include "common/compiler.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Reads one character of at most `size` (not 0) bytes.  Returns its length
 * and sets `*code`, or -EINVAL for bytes that are no UTF-8: cut short, longer
 * than need be, a surrogate, or beyond U+10FFFF.
 */
NODISCARD int utf8_decode(const char *text, size_t size, uint32_t *code);

/* What is wrong in a text, where; lines and columns from 1. */
struct utf8_fault {
	unsigned line, column;
	uint32_t code;    /* the character, or the byte if it is none */
	int is_character; /* UTF-8, but one that a text may not have */
};

/*
 * 0 if all of it is printable text (tab, LF, CR and NEL are), or -EINVAL and
 * the first fault.
 */
NODISCARD int utf8_check(const char *text, size_t length,
			 struct utf8_fault *fault);

#endif
