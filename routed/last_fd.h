// SPDX-License-Identifier: BSD-2-Clause
/*
 * last_fd.h - a descriptor that a death closes before all others.
 *
 * The kernel closes the files of a process that was killed from the highest
 * number to the lowest (task_work_run() takes the newest first), and some take
 * it a while: each TUN and each nftables table of ours is a wait for RCU.  So
 * what somebody waits for gets a number above all others.
 */
#ifndef ERSATZ_ROUTED_LAST_FD_H
#define ERSATZ_ROUTED_LAST_FD_H

/*
 * Moves it to the number `least`, or the next one that is free, or as high as
 * the limit of open files allows; it is closed on exec.  Where that cannot be
 * it stays as it is: everything works with it, only later.
 */
void last_fd_raise(int *fd, int least);

#endif
