// SPDX-License-Identifier: BSD-2-Clause
/*
 * exempt.h - which packets are left alone because of who sent them.
 *
 * Marks of the configuration, and those that other programs exempt for
 * themselves: a foreign rule `fwmark M lookup main`, or `not fwmark M lookup
 * TABLE`, says of M what our own exemption would, and would come too late
 * behind our rules.  Pure.
 */
#ifndef ERSATZ_ROUTED_EXEMPT_H
#define ERSATZ_ROUTED_EXEMPT_H

#include "common/config.h"
#include "common/nl.h"

#define EXEMPT_ADOPTED_MAX 64 /* further ones are left out */

/*
 * What sockets of the control groups of the configuration have (groups.h);
 * returns how many, 1 or 0.
 */
size_t exempt_groups(const struct config *config, struct mark_match *mark);

/* What foreign rules of that family say; returns how many. */
size_t exempt_adopt(const struct nl_state *found, uint8_t family,
		    struct mark_match marks[EXEMPT_ADOPTED_MAX]);

#endif
