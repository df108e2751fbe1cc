// SPDX-License-Identifier: BSD-2-Clause
/*
 * neighbours.h - which network card a device behind this host has.
 *
 * The kernel's table is read when somebody asks and what was read is a second
 * old, or when it has not got the address and is a tenth of that old; so it
 * costs the same however many flows there are.  A device behind another
 * router has none: the router has.
 *
 * Errors	-ENOMEM, -errno; afterwards: nobody is known
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_NEIGHBOURS_H
#define ERSATZ_ROUTED_RELAY_NEIGHBOURS_H

#include "common/addr.h"
#include "common/compiler.h"
#include "common/mac.h"

struct neighbours;

#define NEIGHBOURS_MAX 1024

NODISCARD int neighbours_new(struct neighbours **neighbours);
/* NULL is fine. */
void neighbours_free(struct neighbours *neighbours);

/* False: not known. */
NODISCARD bool neighbours_find(struct neighbours *neighbours,
			       const struct addr *addr, int64_t now_ms,
			       struct mac *mac);

#endif
