// SPDX-License-Identifier: BSD-2-Clause
/*
 * forwarded.h - an upstream's answer, made the client's own.
 *
 * The records stay as they are; around them stands what belongs to this hop:
 * the client's ID, its question with the case that it was asked in, its RD and
 * CD, AD only for a client that can use it, AA never, and our OPT in place of
 * the upstream's.  Pure.
 *
 * Source	RFC 1035 4.1, RFC 2181 9 (TC), RFC 6840 5.8 (AD), RFC 6891 7,
 *		RFC 8914 2
 */
#ifndef ERSATZ_DNSD_FORWARDED_H
#define ERSATZ_DNSD_FORWARDED_H

#include "common/compiler.h"
#include "dnsd/opt.h"
#include "dnsd/question.h"

#include <stddef.h>
#include <stdint.h>

/*
 * `message` has one question, that of `question`, as packet_check() saw to
 * it.  Writes at most `limit` bytes (DNS_UDP_SIZE or more) to `out`: if that is
 * not enough TC is set, and only the first records of the answer stay, for
 * clients that do not ask again by TCP, as musl before 1.2.4; with DO none
 * does.  The length, or ERR_MALFORMED.
 */
NODISCARD int forwarded_make(const struct question *question,
			     const uint8_t *message, size_t length,
			     uint8_t *out, size_t limit);

/*
 * Adds an Extended DNS Error to the OPT that such a message ends in; one
 * without OPT, or without room, stays as it is, and a text that does not fit
 * is left out.  The new length.
 */
size_t forwarded_add_ede(uint8_t *message, size_t length, size_t limit,
			 const struct ede *ede);

#endif
