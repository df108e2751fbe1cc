// SPDX-License-Identifier: BSD-2-Clause
/*
 * notify.h - telling systemd that we are ready, and that we are alive.
 *
 * One datagram of text for each, to the socket that the service manager names
 * in the environment: that is all of the protocol, which sd_notify(3) promises
 * to keep.  So there is no library behind it that could be missing where the
 * unit counts on it.
 *
 * The watchdog is a timer in the loop: a loop that hangs tells nothing, and
 * the unit's WatchdogSec= ends it.  Without a service manager, or without a
 * watchdog, there is neither socket nor timer.
 *
 * Ownership	embedded; notify_close() when the loop has ended
 * Thread	the thread of the loop
 * Source	sd_notify(3), sd_watchdog_enabled(3)
 */
#ifndef ERSATZ_COMMON_NOTIFY_H
#define ERSATZ_COMMON_NOTIFY_H

#include <ev.h>

struct notify {
	int fd;          /* owned; -1: nobody wants to be told */
	double period_s; /* between two signs of life; 0: none is expected */
	struct ev_loop *loop;
	struct ev_timer timer;
};

/*
 * Reads the environment and takes the variables out of it, so that no child
 * speaks for us: while root, and before the first child.
 */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* Starts the signs of life. */
void notify_watch(struct notify *notify, struct ev_loop *loop);

/* "READY=1", "STOPPING=1" */
void notify_tell(const struct notify *notify, const char *text);

#endif
