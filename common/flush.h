// SPDX-License-Identifier: BSD-2-Clause
/*
 * flush.h - a file's data to the disk, while its writer goes on.
 *
 * fdatasync(2) takes milliseconds on a disk that has nothing else to do, and
 * as long as it likes on one that has.  The kernel does it apart from us
 * (Linux AIO, which offloads it to a thread of its own since 4.18) and tells
 * by a descriptor that becomes readable.  What was written before the start is
 * on the disk then; of what is written meanwhile nothing is known.  Where the
 * kernel has no AIO to give there is only flush_wait().
 *
 * Errors	-errno.  A flush that failed is never mended by a later one (the
 *		kernel takes what it could not write for written): the error
 *		stays
 * Ownership	the owner embeds the struct; one that was not opened is zeroed
 *		and may be closed
 * Thread	the thread of the owner
 */
#ifndef ERSATZ_COMMON_FLUSH_H
#define ERSATZ_COMMON_FLUSH_H

#include "common/compiler.h"

#include <linux/aio_abi.h>
#include <stdbool.h>

struct flush {
	aio_context_t context; /* owned; 0: no AIO */
	int file_fd;           /* owned, as the next: of the file */
	int event_fd;          /* readable: flush_end() has something to say */
	bool is_under_way;     /* until flush_end() told of it */
	bool is_done;
	int error;
};

/*
 * A descriptor of its own: so not for a file whose POSIX locks matter, which
 * its close would lose.
 */
NODISCARD int flush_open(struct flush *flush, const char *path);

/* Waits for what is under way. */
void flush_close(struct flush *flush);

/* -EBUSY: one is under way; -ENOSYS: no AIO. */
NODISCARD int flush_start(struct flush *flush);

/*
 * 0: what was written before the start of the one that is under way is on the
 * disk, or, with none under way, all that was written.
 */
NODISCARD int flush_wait(struct flush *flush);

/* 0: it is on the disk; -EAGAIN: not yet, or nothing was started. */
NODISCARD int flush_end(struct flush *flush);

#endif
