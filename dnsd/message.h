// SPDX-License-Identifier: BSD-2-Clause
/*
 * message.h - DNS as text, off the hot path; the boundary of ldns.
 */
#ifndef ERSATZ_DNSD_MESSAGE_H
#define ERSATZ_DNSD_MESSAGE_H

#include "common/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* The number of "AAAA", "mx" or "TYPE65"; -EINVAL for what is no type. */
NODISCARD int message_type_of(const char *text);

/* "AAAA"; "TYPE64999" for a type without a name.  16 bytes are enough. */
const char *message_type_text(uint16_t type, char *out, size_t size);

/*
 * The data of the answer section in the order of the message, without RRSIGs:
 * "CNAME a.example.com, 192.0.2.1"; addresses stand alone, other data behind
 * its type.  "NXDOMAIN" or another rcode, and "no data" for a section that is
 * empty.  What does not fit is cut and ends in "...".
 */
const char *message_answer_text(const uint8_t *message, size_t length,
				char *out, size_t size);

#endif
