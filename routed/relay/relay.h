// SPDX-License-Identifier: BSD-2-Clause
/*
 * relay.h - the process that carries flows.
 *
 * The relay holds the only descriptors of the TUN and of the inner namespace
 * and no privilege at all.  TCP is terminated by the kernel inside the inner
 * namespace; the relay copies packets between the two TUNs, holds each first
 * SYN until its outbound is connected, and then moves bytes between the
 * accepted socket and the outbound.  What cannot be carried is refused, so
 * that the application sees the truth.
 *
 * It learns everything from its socketpair (routed/link.h): LINK_SETUP with
 * the descriptors and the configuration must be the first message.  It ends
 * when the pair closes or LINK_STOP comes.
 *
 * The caller has changed the user, dropped every capability, set the
 * parent-death signal and raised RLIMIT_NOFILE (two descriptors a flow; the
 * relay takes fewer flows when there are not enough).  Descriptors 0 to 2 are
 * open; log lines go to 2.
 *
 * Errors	the result is an exit status: 0 after LINK_STOP or the end of
 *		the pair, 1 when it could not do its job (the log says why)
 */
#ifndef ERSATZ_ROUTED_RELAY_RELAY_H
#define ERSATZ_ROUTED_RELAY_RELAY_H

#include "common/compiler.h"

/* Runs the relay until it ends.  Takes `link_fd`. */
NODISCARD int relay_main(int link_fd);

#endif
