// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/mover.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BUFFER_SIZE = 64 << 10,
	/* All that one may ask for; the usual pipe holds the buffer. */
	PIPE_SIZE = 1 << 20,
	/* Looks for a pipe that pass after one could not be made. */
	REFUSED_LOOKS = 4096,
	COPY_ROUNDS = 4, /* an event, then it is another flow's turn */
	/* A lane that moved less than this in a turn begins to copy again. */
	LOADED_SIZE = BUFFER_SIZE,
};

struct mover_pipe {
	int read_fd, write_fd;   /* owned, -1: not made yet */
	bool is_wide;            /* or as wide as it gets */
	struct mover_pipe *next; /* free one */
};

struct mover_room {
	uint8_t buffer[BUFFER_SIZE];
	struct mover_pipe *free_pipes;
	unsigned free_count;
	unsigned refused; /* looks that are still to pass */
	struct mover_pipe pipes[];
};

int mover_room_new(struct mover_room **room, unsigned pipes)
{
	struct mover_room *new =
		calloc(1, sizeof(*new) + pipes * sizeof(new->pipes[0]));

	if (!new)
		return -ENOMEM;
	for (unsigned i = 0; i < pipes; i++) {
		struct mover_pipe *pipe = &new->pipes[i];

		pipe->read_fd = pipe->write_fd = -1;
		pipe->next = new->free_pipes;
		new->free_pipes = pipe;
	}
	new->free_count = pipes;
	*room = new;
	return 0;
}

static void pipe_close(struct mover_pipe *pipe)
{
	if (pipe->read_fd < 0)
		return;
	close(pipe->read_fd);
	close(pipe->write_fd);
	pipe->read_fd = pipe->write_fd = -1;
	pipe->is_wide = false;
}

void mover_room_free(struct mover_room *room)
{
	if (!room)
		return;
	for (struct mover_pipe *p = room->free_pipes; p; p = p->next)
		pipe_close(p);
	free(room);
}

unsigned mover_room_free_pipes(const struct mover_room *room)
{
	return room->free_count;
}

/* False without descriptors, or when this user has too much in pipes. */
static bool pipe_make(struct mover_pipe *pipe)
{
	int ends[2];

	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
		return false;
	if (fcntl(ends[0], F_GETPIPE_SZ) < BUFFER_SIZE) {
		close(ends[0]);
		close(ends[1]);
		return false;
	}
	pipe->read_fd = ends[0];
	pipe->write_fd = ends[1];
	return true;
}

/*
 * The more a turn moves, the fewer wake-ups on both sides of us: a MiB at a
 * time costs a quarter less than 256 KiB do.  A refusal leaves what there is,
 * which is slower and still right.
 */
static void pipe_widen(struct mover_pipe *pipe)
{
	if (pipe->is_wide)
		return;
	pipe->is_wide = true;
	(void)fcntl(pipe->read_fd, F_SETPIPE_SZ, PIPE_SIZE);
}

/*
 * The next free one; NULL when there is none.  What was refused once will be
 * for a while: a flow that is copied must not ask for it each time.
 */
static struct mover_pipe *pipe_look(struct mover_room *room)
{
	struct mover_pipe *pipe = room->free_pipes;

	if (!pipe || pipe->read_fd >= 0)
		return pipe;
	if (room->refused > 0) {
		room->refused--;
		return NULL;
	}
	if (pipe_make(pipe))
		return pipe;
	room->refused = REFUSED_LOOKS;
	return NULL;
}

/* NULL when there is none: the lane goes on copying. */
static struct mover_pipe *pipe_take(struct mover_room *room)
{
	struct mover_pipe *pipe = pipe_look(room);

	if (!pipe)
		return NULL;
	room->free_pipes = pipe->next;
	room->free_count--;
	return pipe;
}

/* What is left in the pipe of a flow that ended is nobody else's. */
static void lane_release(struct mover_lane *lane, struct mover_room *room)
{
	if (!lane->pipe)
		return;
	if (lane->in_pipe > 0)
		pipe_close(lane->pipe);
	lane->pipe->next = room->free_pipes;
	room->free_pipes = lane->pipe;
	room->free_count++;
	lane->pipe = NULL;
	lane->in_pipe = 0;
}

void mover_start(struct mover *mover, int app_fd, int out_fd)
{
	*mover = (struct mover){0};
	mover->side[MOVER_APP].fd = app_fd;
	mover->side[MOVER_OUT].fd = out_fd;
	/*
	 * What the poller said before is unknown here: the end, perhaps.  Of a
	 * side that is yet to come it will say everything.
	 */
	for (int i = 0; i < 2; i++) {
		mover->side[i].is_writable = true;
		mover->side[i].is_readable = mover->side[i].fd >= 0;
		mover->side[i].is_ending = mover->side[i].fd >= 0;
	}
}

void mover_note(struct mover *mover, enum mover_end end, uint32_t events)
{
	struct mover_side *side = &mover->side[end];

	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		side->is_readable = side->is_ending = true;
	if (events & EPOLLERR)
		side->has_failed = true;
	if (events & EPOLLPRI)
		side->is_urgent = true;
	if (events & (EPOLLIN | EPOLLPRI))
		side->is_readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		side->is_writable = true;
}

static bool is_again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}

/* A result of reading that is no data: the end, "not now", or an error. */
static enum mover_result note_unread(struct mover_side *from, ssize_t result)
{
	if (result < 0 && !is_again(errno))
		return MOVER_BROKE;
	/* "Not now" also says that no end waits yet: it will be an edge. */
	if (result == 0)
		from->has_ended = true;
	from->is_readable = from->is_ending = false;
	return MOVER_WAITS;
}

/* One pipe full, then it is another flow's turn. */
static enum mover_result lane_splice(struct mover *mover, enum mover_end end)
{
	struct mover_side *from = &mover->side[end];
	struct mover_side *to = &mover->side[1 - end];
	struct mover_lane *lane = &mover->lane[end];
	const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
	ssize_t n;

	pipe_widen(lane->pipe);
	if (lane->in_pipe == 0) {
		if (!from->is_readable)
			return MOVER_WAITS;
		if (from->is_urgent)
			return MOVER_AGAIN;
		n = splice(from->fd, NULL, lane->pipe->write_fd, NULL,
			   PIPE_SIZE, flags);
		if (n <= 0)
			return note_unread(from, n);
		lane->in_pipe = (size_t)n;
	}
	if (!to->is_writable)
		return MOVER_WAITS;
	n = splice(lane->pipe->read_fd, NULL, to->fd, NULL, lane->in_pipe,
		   flags);
	if (n < 0 && !is_again(errno))
		return MOVER_BROKE;
	if (n <= 0) {
		to->is_writable = false;
		return MOVER_WAITS;
	}
	lane->in_pipe -= (size_t)n;
	lane->bytes += (uint64_t)n;
	return MOVER_AGAIN;
}

/* What the receiver did not take: into a pipe, or it was not taken out. */
static enum mover_result lane_keep(struct mover *mover, struct mover_room *room,
				   enum mover_end end, const uint8_t *bytes,
				   size_t length)
{
	struct mover_lane *lane = &mover->lane[end];

	mover->side[1 - end].is_writable = false;
	lane->pipe = pipe_take(room);
	assert(lane->pipe); /* it was looked at before */
	if (write(lane->pipe->write_fd, bytes, length) != (ssize_t)length)
		return MOVER_BROKE;
	lane->in_pipe = length;
	return MOVER_WAITS;
}

/*
 * Passes on what was read into the buffer or, if `is_look`, only looked at.  A
 * side that had less than the buffer is empty now, by epoll(7), unless its end
 * is known to come or it is one where reading pauses, by tcp(7), before each
 * urgent byte.
 */
static enum mover_result lane_pass(struct mover *mover, struct mover_room *room,
				   enum mover_end end, size_t length,
				   bool is_look)
{
	struct mover_side *from = &mover->side[end];
	struct mover_side *to = &mover->side[1 - end];
	ssize_t n =
		send(to->fd, room->buffer, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	size_t sent = n > 0 ? (size_t)n : 0;

	if (n < 0 && !is_again(errno))
		return MOVER_BROKE;
	mover->lane[end].bytes += sent;
	/* A Unix socket does not know MSG_TRUNC and reads the same again. */
	if (is_look && sent > 0 &&
	    recv(from->fd, room->buffer, sent, MSG_TRUNC | MSG_DONTWAIT) !=
		    (ssize_t)sent)
		return MOVER_BROKE;
	if (length < BUFFER_SIZE && !from->is_ending && !from->is_urgent &&
	    (sent == length || !is_look))
		from->is_readable = false;
	if (sent == length)
		return MOVER_AGAIN;
	if (!is_look)
		return lane_keep(mover, room, end, room->buffer + sent,
				 length - sent);
	to->is_writable = false;
	return MOVER_WAITS;
}

static enum mover_result lane_copy(struct mover *mover, struct mover_room *room,
				   enum mover_end end)
{
	struct mover_side *from = &mover->side[end];
	struct mover_side *to = &mover->side[1 - end];
	enum mover_result result = MOVER_AGAIN;

	for (int round = 0; round < COPY_ROUNDS; round++) {
		bool is_look = !pipe_look(room);
		ssize_t n;

		if (!from->is_readable || !to->is_writable)
			return MOVER_WAITS;
		n = recv(from->fd, room->buffer, BUFFER_SIZE,
			 MSG_DONTWAIT | (is_look ? MSG_PEEK : 0));
		if (n <= 0)
			return note_unread(from, n);
		result = lane_pass(mover, room, end, (size_t)n, is_look);
		if (result != MOVER_AGAIN)
			return result;
		if (n == BUFFER_SIZE && !from->is_urgent) {
			mover->lane[end].pipe = pipe_take(room);
			if (mover->lane[end].pipe)
				return MOVER_AGAIN;
		}
	}
	return result;
}

static enum mover_result lane_run(struct mover *mover, struct mover_room *room,
				  enum mover_end end)
{
	struct mover_side *from = &mover->side[end];
	struct mover_side *to = &mover->side[1 - end];
	struct mover_lane *lane = &mover->lane[end];
	enum mover_result result = MOVER_AGAIN;
	uint64_t before = lane->bytes;

	if (to->is_shut)
		return MOVER_WAITS;
	/* splice(2) does not get past an urgent byte. */
	if (!lane->pipe && lane->is_loaded && !from->is_urgent)
		lane->pipe = pipe_take(room);
	if (!lane->pipe)
		result = lane_copy(mover, room, end);
	if (lane->pipe && result == MOVER_AGAIN)
		result = lane_splice(mover, end);
	if (result == MOVER_BROKE)
		return result;

	lane->is_loaded =
		result == MOVER_AGAIN || lane->bytes - before >= LOADED_SIZE;
	if (lane->in_pipe == 0)
		lane_release(lane, room);
	if (from->has_ended && lane->in_pipe == 0) {
		to->is_shut = true;
		/* If both ends have come, close() follows and does the same. */
		if (!from->is_shut && shutdown(to->fd, SHUT_WR) < 0)
			return MOVER_BROKE;
	}
	return result;
}

/*
 * A side that failed is read until it says so.  But nobody would read it any
 * more after a half-close, and an application that is gone may not keep a
 * flow that the far end takes nothing of.  (An application that is slow still
 * gets what came before the reset.)
 */
static bool is_lost(const struct mover *mover, enum mover_end end)
{
	const struct mover_side *from = &mover->side[end];
	const struct mover_side *to = &mover->side[1 - end];

	return from->has_failed &&
	       (from->has_ended || (end == MOVER_APP && !to->is_writable));
}

enum mover_result mover_run(struct mover *mover, struct mover_room *room)
{
	/* Both, whatever one says: a reset leaves data that can be read. */
	enum mover_result down = lane_run(mover, room, MOVER_OUT);
	enum mover_result up = lane_run(mover, room, MOVER_APP);

	if (up == MOVER_BROKE || down == MOVER_BROKE)
		return MOVER_BROKE;
	if (is_lost(mover, MOVER_APP) || is_lost(mover, MOVER_OUT))
		return MOVER_BROKE;
	if (mover->side[MOVER_APP].is_shut && mover->side[MOVER_OUT].is_shut)
		return MOVER_ENDED;
	return up == MOVER_AGAIN || down == MOVER_AGAIN ? MOVER_AGAIN
							: MOVER_WAITS;
}

static void close_both(struct mover *mover, struct mover_room *room)
{
	for (int i = 0; i < 2; i++) {
		lane_release(&mover->lane[i], room);
		close(mover->side[i].fd);
		mover->side[i].fd = -1;
	}
}

/* It fails on sockets that are gone already, which is as good. */
static void set_linger(int fd, bool is_reset)
{
	const struct linger linger = {.l_onoff = is_reset, .l_linger = 0};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void mover_arm_reset(int fd)
{
	set_linger(fd, true);
}

void mover_close(struct mover *mover, struct mover_room *room)
{
	for (int i = 0; i < 2; i++)
		set_linger(mover->side[i].fd, false);
	close_both(mover, room);
}

void mover_reset(struct mover *mover, struct mover_room *room)
{
	for (int i = 0; i < 2; i++)
		set_linger(mover->side[i].fd, true);
	close_both(mover, room);
}
