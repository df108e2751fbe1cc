// SPDX-License-Identifier: BSD-2-Clause
/*
 * carried.h - what an upstream says of a carried name's other types.
 *
 * The name has a fake address: so it exists, whatever this upstream knows of
 * it, and NXDOMAIN becomes an empty answer (a resolver that hears NXDOMAIN for
 * TXT forgets the name's address too, RFC 8020).  HTTPS and SVCB are mended
 * (svcb.h), and empty where nothing is left of them; addresses in the
 * additional section are left out.  What was changed says so, with the EDE of
 * `answer`; what was not says nothing.  Pure.
 *
 * Errors	ERR_MALFORMED
 */
#ifndef ERSATZ_DNSD_CARRIED_H
#define ERSATZ_DNSD_CARRIED_H

#include "common/compiler.h"
#include "dnsd/answer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * As forwarded_make(), for answer->question; `answer` is that of an empty one.
 */
NODISCARD int carried_make(const struct answer *answer, const uint8_t *message,
			   size_t length, uint8_t *out, size_t limit);

/*
 * Is an empty answer better than SERVFAIL when the upstream fails?  For HTTPS
 * and SVCB it is: browsers wait for them before they connect, and the name can
 * be reached without.
 */
bool carried_may_be_empty(uint16_t type);

#endif
