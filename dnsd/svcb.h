// SPDX-License-Identifier: BSD-2-Clause
/*
 * svcb.h - HTTPS and SVCB records of a name that is carried.
 *
 * They tell what browsers need (ALPN, ECH, a port), and addresses that would
 * lead past us.  So they pass without ipv4hint and ipv6hint, which leave
 * `mandatory` too; everything else stays as it is.  A record in AliasMode, or
 * one whose target is another name, would move the client to that name's
 * verdict and is left out.  CNAMEs in front are left out as well, as the
 * fake address has none: the records become those of the name asked for.
 *
 * What has been changed is not signed any more: neither RRSIG nor AD.  An
 * answer in which something was left out has the EDE of `answer`.  Pure.
 *
 * Errors	ERR_MALFORMED
 * Source	RFC 9460 2.2, 2.5, 7.3, 8
 */
#ifndef ERSATZ_DNSD_SVCB_H
#define ERSATZ_DNSD_SVCB_H

#include "common/compiler.h"
#include "dnsd/answer.h"

#include <stddef.h>
#include <stdint.h>

/*
 * `message` answers answer->question, as packet_check() saw to it.  Writes at
 * most `limit` bytes (DNS_UDP_SIZE or more); what does not fit leaves with TC
 * set.  Where no record is left, `answer` is that of an empty one.  The
 * length, or an error.
 */
NODISCARD int svcb_make(const struct answer *answer, const uint8_t *message,
			size_t length, uint8_t *out, size_t limit);

#endif
