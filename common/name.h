// SPDX-License-Identifier: BSD-2-Clause
/*
 * name.h - domain names.
 *
 * A struct name holds the uncompressed wire form (RFC 1035, 3.1) in lower
 * case (RFC 4343), so that equality is memcmp() and a suffix is a pointer
 * into it.  Text is the presentation form without the trailing dot, bytes
 * other than [!-~] and the characters .;"()@$\\ as \\DDD or \\c; the root is
 * ".".
 *
 * Errors	-EINVAL for text, ERR_MALFORMED for wire bytes
 */
#ifndef ERSATZ_COMMON_NAME_H
#define ERSATZ_COMMON_NAME_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_WIRE_MAX 255
#define NAME_TEXT_SIZE 1025 /* 255 escaped bytes and the end */

struct name {
	uint8_t length; /* of wire, root label included; 0: no name */
	uint8_t wire[NAME_WIRE_MAX];
};

/* Text with or without the trailing dot; Unicode is ERR_MALFORMED here. */
NODISCARD int name_parse(struct name *name, const char *text);

/*
 * A name of letters, digits, '-' and '_' at the beginning of a text, quickly:
 * the characters taken, up to the first one that is neither these nor a dot
 * within.  0: it begins with none, and `name` has rubbish.
 */
NODISCARD size_t name_parse_plain(struct name *name, const char *text);

/* Uncompressed wire form; lower-cases. Returns the bytes taken. */
NODISCARD int name_from_wire(struct name *name, const uint8_t *wire,
			     size_t size);

const char *name_format(const struct name *name, char *out, size_t size);

bool name_equal(const struct name *a, const struct name *b);

/* 64 bits, keyed with a random seed that the process drew at its start. */
uint64_t name_hash(const uint8_t *wire, size_t length);

/* True if `name` is `suffix` or lies under it. */
bool name_is_under(const struct name *name, const struct name *suffix);

/*
 * For "4.3.2.1.in-addr.arpa" and ip6.arpa: the address (RFC 1035, 3.5;
 * RFC 3596, 2.5).  -EINVAL for every other name.
 */
struct addr;
NODISCARD int name_to_reverse_addr(const struct name *name, struct addr *addr);

#endif
