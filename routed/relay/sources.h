// SPDX-License-Identifier: BSD-2-Clause
/*
 * sources.h - how much each source address has, so that none has it all.
 *
 * Counts by address, in a pool of fixed size.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_SOURCES_H
#define ERSATZ_ROUTED_RELAY_SOURCES_H

#include "common/addr.h"
#include "common/compiler.h"

struct sources;

/* Room for `capacity` addresses that have something. */
NODISCARD int sources_new(struct sources **sources, uint32_t capacity);
void sources_free(struct sources *sources);

/* One more for it; false: it has `most`, or there is no room. */
NODISCARD bool sources_take(struct sources *sources, const struct addr *addr,
			    uint32_t most);
/* One less, that was taken before. */
void sources_give(struct sources *sources, const struct addr *addr);

uint32_t sources_count(const struct sources *sources, const struct addr *addr);

#endif
