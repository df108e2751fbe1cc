// SPDX-License-Identifier: BSD-2-Clause
/*
 * priority.h - work that can wait for other work.
 *
 * Thread	only the calling one is changed
 * Source	setpriority(2), sched(7): of a thread, on Linux
 */
#ifndef ERSATZ_COMMON_PRIORITY_H
#define ERSATZ_COMMON_PRIORITY_H

/*
 * From now on this thread has a tenth of a core that somebody else wants, too,
 * and takes it from nobody who wakes up.  For good; that it cannot be is no
 * error: the work is then merely not as quiet.
 */
void priority_lower(void);

#endif
