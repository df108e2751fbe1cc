// SPDX-License-Identifier: BSD-2-Clause
/*
 * stray.h - packets that are neither TCP, UDP nor ICMP: answered, never
 * swallowed.
 *
 * Thread	the thread of the loop
 */
#ifndef ERSATZ_ROUTED_RELAY_STRAY_H
#define ERSATZ_ROUTED_RELAY_STRAY_H

#include "routed/relay/parts.h"

/* Tells that there is no such protocol here. */
void stray_on_packet(struct parts *parts, const struct packet *packet);

#endif
