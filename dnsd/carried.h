// SPDX-License-Identifier: BSD-2-Clause
/*
 * carried.h - what an upstream says of a carried name's other types.
 *
 * The name has a fake address: so it exists, whatever this upstream knows of
 * it, and NXDOMAIN becomes an empty answer (a resolver that hears NXDOMAIN for
 * TXT forgets the name's address too, RFC 8020).  HTTPS and SVCB are mended
 * (svcb.h); addresses in the additional section are left out.  Pure.
 *
 * Errors	ERR_MALFORMED; -ENODATA: the answer is empty, and a SOA is to
 *		be made
 */
#ifndef ERSATZ_DNSD_CARRIED_H
#define ERSATZ_DNSD_CARRIED_H

#include "common/compiler.h"
#include "dnsd/question.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As forwarded_make(). */
NODISCARD int carried_make(const struct question *question,
			   const uint8_t *message, size_t length, uint8_t *out,
			   size_t limit);

/*
 * Is an empty answer better than SERVFAIL when the upstream fails?  For HTTPS
 * and SVCB it is: browsers wait for them before they connect, and the name can
 * be reached without.
 */
bool carried_may_be_empty(uint16_t type);

#endif
