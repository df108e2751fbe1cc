// SPDX-License-Identifier: BSD-2-Clause
/*
 * nl_watch.h - being told that the kernel's routing state changed.
 *
 * Events only say "something changed"; whoever listens dumps again.  That
 * events were lost (ENOBUFS, normal after some hundreds at once) is such an
 * event too.
 *
 * Errors	-errno
 * Thread	the thread of the loop
 * Source	rtnetlink(7), netlink(7)
 */
#ifndef ERSATZ_COMMON_NL_WATCH_H
#define ERSATZ_COMMON_NL_WATCH_H

#include "common/compiler.h"

#include <ev.h>
#include <stdint.h>

struct nl_watch;
typedef void (*nl_watch_fn)(void *ctx);

/*
 * Calls `fn` from the loop, once for all that waited, after links, addresses,
 * routes or rules changed or events were lost.  The kernel keeps to itself
 * what is sent by `own_portid`; or, if that is 0, what is said of routes of
 * ours (NL_PROTOCOL), which come and go by the thousand.
 */
NODISCARD int nl_watch_open(struct nl_watch **watch, struct ev_loop *loop,
			    uint32_t own_portid, nl_watch_fn fn, void *ctx);
void nl_watch_close(struct nl_watch *watch);

/*
 * Calls `fn` too, before the other one, when a rule or route of ours was
 * deleted, with the sender's port (most often its process id).  Not when the
 * kernel did so by itself, and not if the notification was lost.
 */
typedef void (*nl_watch_removal_fn)(void *ctx, uint32_t port);
void nl_watch_removals(struct nl_watch *watch, nl_watch_removal_fn fn,
		       void *ctx);

#endif
