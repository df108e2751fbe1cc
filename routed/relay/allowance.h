// SPDX-License-Identifier: BSD-2-Clause
/*
 * allowance.h - how many flows the descriptors of this process are enough for.
 *
 * Two a flow, of TCP and of UDP.
 */
#ifndef ERSATZ_ROUTED_RELAY_ALLOWANCE_H
#define ERSATZ_ROUTED_RELAY_ALLOWANCE_H

#include <stdint.h>

/*
 * Raises the soft limit to the hard one, and takes fewer of both when that,
 * but for `others`, is not enough: in proportion, one of each at least.  Told
 * in the log.
 */
void allowance_fit(uint32_t *tcp, uint32_t *udp, uint32_t others);

#endif
