// SPDX-License-Identifier: BSD-2-Clause
/*
 * leave.h - how a relay parts with its TUNs when it is done.
 *
 * The kernel takes some ten milliseconds to remove a link, and whoever closes
 * a TUN waits for that.
 *
 * Errors	none: all of it goes with the process
 */
#ifndef ERSATZ_ROUTED_RELAY_LEAVE_H
#define ERSATZ_ROUTED_RELAY_LEAVE_H

/*
 * Gives the TUN the higher number of the two.  The kernel closes the files of
 * a process that was killed from the highest number to the lowest
 * (task_work_run() takes the newest first), and these two are older than any
 * flow: so flows are reset first, and their resets find the TUN; then it goes,
 * and new flows are direct; then comes the wait for the inner one.
 */
void leave_in_order(int *tun_fd, int *inner_tun_fd);

/*
 * The parent is gone, and the flows are reset: new ones are direct as soon as
 * the TUN is, and not when all else has been put away.  The descriptor stays
 * one of ours for who has it still.
 */
void leave_tun(int tun_fd);

/*
 * The parent has said to stop, and has got our last word: it removes the
 * host's TUN together with what is its own.  Returns when it has, which it
 * tells by the end of the link, or is dead.  The inner TUN may be closed
 * without a wait then: it goes with the namespace.
 */
void leave_together(int link_fd, int inner_tun_fd);

#endif
