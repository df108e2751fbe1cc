// SPDX-License-Identifier: BSD-2-Clause
#include "routed/relay/entrance.h"

#include "routed/relay/mover.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 64 /* an event */

struct entrance {
	struct ev_loop *loop;     /* borrowed */
	struct ev_io listener[2]; /* descriptors are borrowed */
	int spare_fd;             /* owned */
	entrance_fn fn;
	void *ctx;
};

static int open_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Takes the connection that we have no descriptor for, and ends it. */
static void turn_away(struct entrance *entrance, int listener)
{
	int fd;

	close(entrance->spare_fd);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		mover_arm_reset(fd);
		close(fd);
	}
	entrance->spare_fd = open_spare();
}

static void let_in(struct entrance *entrance, int fd,
		   const struct sockaddr_storage *peer)
{
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);
	struct tuple tuple = {.src.port = 0};

	if (getsockname(fd, (struct sockaddr *)&own, &size) < 0 ||
	    endpoint_from_sockaddr(&tuple.dst, (struct sockaddr *)&own) < 0 ||
	    endpoint_from_sockaddr(&tuple.src, (const struct sockaddr *)peer) <
		    0) {
		mover_arm_reset(fd);
		close(fd);
		return;
	}
	entrance->fn(entrance->ctx, fd, &tuple);
}

static void on_acceptable(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct entrance *entrance = io->data;

	(void)loop, (void)revents;
	for (int i = 0; i < ROUNDS; i++) {
		struct sockaddr_storage peer;
		socklen_t size = sizeof(peer);
		int fd = accept4(io->fd, (struct sockaddr *)&peer, &size,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			let_in(entrance, fd, &peer);
		else if (errno == EMFILE || errno == ENFILE)
			turn_away(entrance, io->fd);
		else if (errno == EAGAIN)
			return;
	}
}

/*
 * What is accepted inherits all this.  An application that vanished without
 * a word is found out by keep-alives, every 30 s after five minutes.  If this
 * process dies, the application must not take that for the end of what it
 * reads, so each is armed until its proper end.
 */
static void set_options(int listener)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{SOL_SOCKET, SO_OOBINLINE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 300},
		{IPPROTO_TCP, TCP_KEEPINTVL, 30},
		{IPPROTO_TCP, TCP_KEEPCNT, 5},
	};

	mover_arm_reset(listener);
	/* Each of them is a nicety: flows work without. */
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		(void)setsockopt(listener, options[i].level, options[i].name,
				 &options[i].value, sizeof(int));
}

static void watch(struct entrance *entrance, struct ev_io *io, int listener)
{
	set_options(listener);
	ev_io_init(io, on_acceptable, listener, EV_READ);
	io->data = entrance;
	ev_io_start(entrance->loop, io);
}

int entrance_new(struct entrance **entrance, struct ev_loop *loop,
		 const int listeners[2], entrance_fn fn, void *ctx)
{
	struct entrance *new = calloc(1, sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	new->loop = loop;
	new->fn = fn;
	new->ctx = ctx;
	new->spare_fd = open_spare();
	if (new->spare_fd < 0) {
		ret = -errno;
		free(new);
		return ret;
	}
	for (int i = 0; i < 2; i++)
		watch(new, &new->listener[i], listeners[i]);
	*entrance = new;
	return 0;
}

void entrance_free(struct entrance *entrance)
{
	if (!entrance)
		return;
	for (int i = 0; i < 2; i++)
		ev_io_stop(entrance->loop, &entrance->listener[i]);
	close(entrance->spare_fd);
	free(entrance);
}
