// SPDX-License-Identifier: BSD-2-Clause
/*
 * mover.h - bytes from one socket to the other, both ways.
 *
 * A lane leads from one side to the other.  Small things are copied into one
 * buffer that all flows share, and sent.  What a full receiver does not take
 * goes into a pipe out of a small pool, and follows when it takes bytes again:
 * so a flow needs no memory of its own.  A lane that fills the buffer is
 * spliced through such a pipe for as long as it stays loaded.  Between its
 * turns a lane has a pipe only while bytes are in there.
 *
 * When all pipes hold something, bytes are looked at where they lie
 * (MSG_PEEK), and only what was sent is taken out (MSG_TRUNC): the rest stays
 * in the kernel, at the price of one more system call.
 *
 * The end of one side becomes shutdown() of the other once everything before
 * it was passed on, at most once; an error of one becomes a reset of the
 * other.
 *
 * Sockets are non-blocking, connected, have SO_OOBINLINE, and are polled
 * edge-triggered; what the poller tells is remembered in the sides.  Urgent
 * data (telnet and FTP use it) passes in its place as plain bytes.
 *
 * Errors	-errno from mover_room_new(); afterwards a mover ends
 * Ownership	a mover has both descriptors from mover_start() until
 *		mover_close()
 * Source	splice(2), tcp(7) on MSG_TRUNC
 */
#ifndef ERSATZ_ROUTED_RELAY_MOVER_H
#define ERSATZ_ROUTED_RELAY_MOVER_H

#include "common/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mover_room; /* what all movers share: the buffer and the pipes */

NODISCARD int mover_room_new(struct mover_room **room, unsigned pipes);
/* Every mover must be closed.  NULL is fine. */
void mover_room_free(struct mover_room *room);
/* Pipes that nobody holds. */
unsigned mover_room_free_pipes(const struct mover_room *room);

enum mover_end { MOVER_APP, MOVER_OUT };

struct mover_side {
	int fd;
	bool is_readable;
	bool is_writable;
	bool is_ending;  /* an end or an error may wait behind what is there */
	bool is_urgent;  /* it sent urgent data at least once */
	bool has_failed; /* it has an error to tell */
	bool has_ended;  /* its last byte was read */
	bool is_shut;    /* shutdown() was called on it */
};

/* From side[i] to side[1 - i]. */
struct mover_lane {
	struct mover_pipe *pipe; /* NULL: none now */
	bool is_loaded;          /* wants a pipe at once in its next turn */
	size_t in_pipe;          /* read and not yet written */
	uint64_t bytes;          /* passed on */
};

struct mover {
	struct mover_side side[2];
	struct mover_lane lane[2];
};

enum mover_result {
	MOVER_WAITS, /* for the next event */
	MOVER_AGAIN, /* had its share and could go on */
	MOVER_ENDED, /* both ways, properly: mover_close() */
	MOVER_BROKE, /* one side failed: mover_reset() */
};

/*
 * The poller may have told of both before, and is yet to tell of a side that
 * has no descriptor (-1) and gets it later.
 */
void mover_start(struct mover *mover, int app_fd, int out_fd);

/* Notes what epoll(7) says of one side. */
void mover_note(struct mover *mover, enum mover_end end, uint32_t events);

/* Moves what can be moved, within bounds. */
NODISCARD enum mover_result mover_run(struct mover *mover,
				      struct mover_room *room);

/* Closes both sides, armed or not, and gives pipes back. */
void mover_close(struct mover *mover, struct mover_room *room);
/* The same, but with resets instead of ends. */
void mover_reset(struct mover *mover, struct mover_room *room);

/*
 * Makes close() of a TCP socket send a reset, that of the kernel when the
 * process dies too.
 */
void mover_arm_reset(int fd);

#endif
