// SPDX-License-Identifier: BSD-2-Clause
/*
 * band.h - where among the rules of others ours have their place.
 *
 * A rule that is added without a priority (as wg-quick does, and everybody by
 * hand) gets one before the first that is there, so before ours once they
 * are.  If that rule leads to some default route, ours are never asked again,
 * and addresses of the pool leave by that route.  Nobody's order but ours is
 * ours to change: so they go before it, a band of a hundred at a time, with
 * the same last two digits, and come back when it is gone.
 *
 * A rule about some senders or destinations only is somebody's decision, and
 * stays before us.  Pure.
 */
#ifndef ERSATZ_ROUTED_BAND_H
#define ERSATZ_ROUTED_BAND_H

#include "common/nl.h"

#define BAND_FIRST 4990 /* ours are from here */
#define BAND_LAST 5003  /* to here, less what band_find() says */
#define BAND_STEP 100

/*
 * What has to be taken from the priorities in the figure of plan.h.  0 where
 * nothing helps: somebody has taken the very first places.
 */
uint32_t band_find(const struct nl_state *found);

/* Which of that figure a rule of ours is, whatever band it is in. */
uint32_t band_home(uint32_t priority);

#endif
