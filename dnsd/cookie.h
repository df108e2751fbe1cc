// SPDX-License-Identifier: BSD-2-Clause
/*
 * cookie.h - the server's half of a DNS cookie.
 *
 * A client that sends a cookie gets it back with a server cookie behind it,
 * so that it can tell our replies from those of somebody who merely guesses
 * its port and ID.  Nothing is asked in return: a query with a server cookie
 * that is old, or not ours, is answered like one without.  The server cookie
 * depends on the client's address, its cookie, the time and a secret of this
 * process; nothing is kept.
 *
 * Source	RFC 7873, RFC 9018 4 (how it is made, and the test vectors)
 */
#ifndef ERSATZ_DNSD_COOKIE_H
#define ERSATZ_DNSD_COOKIE_H

#include "common/addr.h"
#include "common/siphash.h"
#include "dnsd/question.h"

/* Where the server's half goes: behind the client's, in the same array. */
void cookie_make(uint8_t cookie[DNS_COOKIE_SIZE], const struct addr *client,
		 uint32_t now_s, const uint8_t secret[SIPHASH_KEY_SIZE]);

#endif
